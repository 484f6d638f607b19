"""How far a masked model is from its target, from what costs nothing to what costs all.

A decomposition is good where little is lost under the masks that its importances allow, even the
worst of them, and much where what is important goes. So each error stands beside that of ablating
everything, on a logarithmic scale, for people to see before they read.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from api.spectrum import fall

WIDTH = 240.0
"""Of the bar of the largest error, in the units of the drawing."""

_KINDS = {
    "unmasked": "everything kept",
    "importance": "each kept by its importance",
    "rounded": "the important kept, the rest ablated",
    "stochastic": "at random, above the importance",
    "random": "at random, whatever the importance",
    "off": "everything ablated",
}
_ADVERSARY, _STEPS = "pgd_reconstruction", 20
_PREFIXES = ("reconstruction_", "kl_")


class Reconstruction(NamedTuple):
    """The error under one kind of masks."""

    masks: str
    """Which, in words."""

    error: float
    width: float
    """Of its bar; 0 from a ten-thousandth of the largest error on."""


class Reconstructions(NamedTuple):
    """All that were measured of one decomposition, the least first."""

    unit: str
    width: float
    """Of the widest bar."""

    rows: list[Reconstruction]
    known: list[str]
    """How close it is to known mechanisms, in words; empty where none are known."""


def reconstructions(metrics: Mapping[str, float]) -> Reconstructions | None:
    """Return the errors among the metrics of a decomposition, or None if there are none."""
    errors = dict(sorted(_errors(metrics), key=lambda each: each[1]))
    if not errors:
        return None
    most = max(errors.values())
    rows = [Reconstruction(masks, error, _width(error, most)) for masks, error in errors.items()]
    is_divergence = any(name.startswith(("kl_", "ce_")) for name in metrics)
    unit = "KL divergence, nats a position" if is_divergence else "mean squared error"
    return Reconstructions(unit, WIDTH, rows, list(_known(metrics)))


def _errors(metrics: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for kind, words in _KINDS.items():
        for name in (prefix + kind for prefix in _PREFIXES):
            if name in metrics:
                yield words, metrics[name]
    for steps, error in _adversaries(metrics).items():
        yield f"the worst that an adversary finds in {steps} steps", error


def _adversaries(metrics: Mapping[str, float]) -> dict[int, float]:
    """Return what an adversary reaches by its steps: one, or several of a language model."""
    by_name = {name.removeprefix("pgd_"): error for name, error in metrics.items()}
    several = {int(steps): error for steps, error in by_name.items() if steps.isdecimal()}
    if several or _ADVERSARY not in metrics:
        return several
    return {_STEPS: metrics[_ADVERSARY]}


def _width(error: float, most: float) -> float:
    return round(WIDTH * (1 - fall(error / most if most else 0)), 1)


def _known(metrics: Mapping[str, float]) -> Iterator[str]:
    if {"mmcs", "mmcs_random"} <= set(metrics):
        yield (
            f"mean cosine with the known mechanisms {metrics['mmcs']:.4f} "
            f"(of random directions {metrics['mmcs_random']:.4f})"
        )
    if "ml2r" in metrics:
        yield f"mean ratio of lengths {metrics['ml2r']:.4f} (1 is right)"
    if "identity_error" in metrics:
        n = metrics["identity_error"] + metrics.get("dense_error", 0)
        yield f"importances that are not those of the known mechanisms: {n:.0f}"
