"""A measurement beside its controls and its threshold, on one scale, for the evidence table."""

from typing import NamedTuple

from api.views.evidence import ControlView, EvidenceItem, MeasuredView

WIDTH = 320.0
"""Length of the scale in the units of the drawing."""

_MARGIN = 0.06


class IntervalRow(NamedTuple):
    """A value with its interval, in numbers and in places on the scale."""

    name: str
    is_control: bool
    value: float
    low: float
    high: float
    n: int
    x: float
    x_low: float
    x_high: float
    x_threshold: float


def interval_rows(entry: EvidenceItem) -> list[IntervalRow]:
    """Return the measurement and then its controls, on a scale that holds them all."""
    named: list[tuple[str, bool, MeasuredView | ControlView]] = [
        ("measured", False, entry.measured),
        *((control.name, True, control) for control in entry.controls),
    ]
    ends = [end for _, _, interval in named for end in (interval.low, interval.high)]
    first, last = min(*ends, entry.prediction.threshold), max(*ends, entry.prediction.threshold)
    span = (last - first) or 1.0

    def place(value: float) -> float:
        return round(WIDTH * (_MARGIN + (1 - 2 * _MARGIN) * (value - first) / span), 1)

    return [
        IntervalRow(
            name,
            is_control,
            interval.value,
            interval.low,
            interval.high,
            interval.n,
            place(interval.value),
            place(interval.low),
            place(interval.high),
            place(entry.prediction.threshold),
        )
        for name, is_control, interval in named
    ]
