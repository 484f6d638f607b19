"""What a statement predicts, said before the measurement, and the rule that judges it after.

A *prediction* says on which side of a threshold an experiment's number will lie if the
statement is true. It is derived from the statement's own words, or given by a person, and it
has to be stored before the experiment runs. `judge` then knows only the prediction and what was
measured.

An experiment's **proposition** P says that its number is high. On a measured interval
[low, high], with a control whose interval ends at `control.high`,

* P *holds* when low > threshold and low > control.high: a number that the control also reaches
  shows nothing, however high;
* P *fails* when high < threshold;
* otherwise, and whenever fewer units than `minimum_n` were seen, it is *open*.

A statement that asserts P (side "above") is supported where P holds and refuted where P fails;
one that denies it (side "below") the other way round. Open is inconclusive for both.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from decomposition.errors import PredictionError
from decomposition.experiments import Experiment
from decomposition.measurements import Measured, Side
from decomposition.wording import asserts, touches

Stance = Literal["supports", "refutes", "inconclusive"]
"""What a measurement says to a statement."""


@dataclass(frozen=True)
class Prediction:
    """Where an experiment's number will lie if a statement is true."""

    statement_id: str
    experiment: str
    side: Side
    threshold: float
    unit: str
    sentence: str
    """The same in words, with how the statement was read."""


class Verdict(NamedTuple):
    """A stance, and the comparison that gave it."""

    stance: Stance
    reason: str


def predict(
    statement_id: str,
    text: str,
    experiment: Experiment,
    side: Side | None = None,
    threshold: float | None = None,
) -> Prediction:
    """Say what a statement predicts for an experiment, from its words unless a side is given.

    Numbers in the text are not read: a share of tokens or a cosine is not the experiment's
    unit. The threshold is the experiment's own unless it is given.

    Raises:
        PredictionError: The words do not speak about the experiment's proposition, or do not
            say clearly whether they assert or deny it.
    """
    given = side is not None
    side = side or _side_of(text, experiment)
    threshold = experiment.default_threshold if threshold is None else threshold
    stands = "asserts" if side == experiment.side else "denies"
    source = "As stated by hand, it" if given else "Read from its words, it"
    sentence = (
        f"{source} {stands} that {experiment.proposition}; if so, the {experiment.unit} "
        f"lies {side} {threshold:g}."
    )
    return Prediction(statement_id, experiment.name, side, threshold, experiment.unit, sentence)


def judge(prediction: Prediction, measured: Measured) -> Verdict:
    """Compare the whole interval with the threshold and the control; the module says how."""
    assert prediction.experiment == measured.experiment, "a prediction of another experiment"
    control, threshold = measured.control, prediction.threshold
    shown = f"[{measured.low:.3g}, {measured.high:.3g}]"
    if measured.n < measured.minimum_n:
        reason = f"n = {measured.n} is less than the {measured.minimum_n} that a verdict needs"
        return Verdict("inconclusive", reason)
    if measured.high < threshold:
        reason = f"the interval {shown} lies below {threshold:g}"
        return Verdict("refutes" if prediction.side == "above" else "supports", reason)
    if measured.low <= threshold:
        return Verdict("inconclusive", f"the interval {shown} lies astride {threshold:g}")
    if measured.low <= control.high:
        reason = (
            f"the interval {shown} lies above {threshold:g}, but the control "
            f"({control.name}) reaches {control.high:.3g} as well"
        )
        return Verdict("inconclusive", reason)
    reason = (
        f"the interval {shown} lies above {threshold:g} and above the control "
        f"({control.name}, at most {control.high:.3g})"
    )
    return Verdict("supports" if prediction.side == "above" else "refutes", reason)


def _side_of(text: str, experiment: Experiment) -> Side:
    by_hand = "say with --side above or --side below what it predicts"
    if not touches(text, experiment.terms):
        raise PredictionError(
            f"{experiment.name} tests whether {experiment.proposition}; the statement uses none "
            f"of its terms ({', '.join(experiment.terms)}): {text!r}. Choose another "
            f"experiment, or {by_hand}"
        )
    reading = asserts(text, experiment.signs)
    if reading is None:
        raise PredictionError(
            f"{experiment.name} tests whether {experiment.proposition}; it is not clear whether "
            f"the statement asserts or denies that: {text!r}. Please {by_hand}"
        )
    denied: Side = "below" if experiment.side == "above" else "above"
    return experiment.side if reading else denied
