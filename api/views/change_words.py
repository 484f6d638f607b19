"""Changes in plain sentences: what became of a community, and what a comparison adds up to."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.counting import count_of
from kg.labellers.offline import shortened

_N_QUOTED = 3
_WIDTH = 70

_TOLD = {
    "grown": "grew",
    "shrunk": "shrank",
    "changed": "changed",
    "split": "split",
    "merged": "merged",
    "new": "new",
    "gone": "gone",
}


def words_of(change: Mapping[str, Any]) -> str:
    """Put one change into a sentence.

    Args:
        change: The fields of a `ChangeView`, its text aside.
    """
    before, after = change["before"], change["after"]
    kind = change["kind"]
    if kind == "split":
        return f"{_sized(before)} split into {_sized(after)}{_counted(change)}"
    if kind == "merged":
        return f"{_sized(before)} merged into {_sized(after)}{_counted(change)}"
    if kind == "new":
        return f"{_sized(after)} is new{_origin(change)}"
    if kind == "gone":
        return f"{_sized(before)} is gone{_end(change)}"
    (old,), (new,) = before, after
    name = _quoted(new["label"])
    if old["label"] != new["label"]:
        name += f" (before: {_quoted(old['label'])})"
    return f"{name} {_sizes(kind, old['members'], new['members'])}{_named(change)}"


def summary_of(comparison: Mapping[str, Any], n_changes: int) -> list[str]:
    """Put a comparison into a few sentences.

    Args:
        comparison: The fields of a `ComparisonView`, its changes aside.
        n_changes: How many events there are besides `same`.
    """
    sentences = []
    if not comparison["same_method"]:
        sentences.append(
            "The runs are of different methods: communities are called the same where they hold "
            "mostly the same statements."
        )
    sentences += [_statements(comparison), _communities(comparison["counts"], n_changes)]
    if comparison["statements_in_both"]:
        sentences.append(
            f"The top levels are alike by {_alike(comparison['top_level'])}, "
            f"the deepest communities by {_alike(comparison['deepest'])}."
        )
    return sentences


def _statements(comparison: Mapping[str, Any]) -> str:
    share = 100 * comparison["moved_share"]
    percent = f"{share:.0f}" if share >= 10 or share == round(share) else f"{share:.1f}"
    new, gone = comparison["statements_new"], comparison["statements_gone"]
    return (
        f"{count_of(new, 'statement')} {'is' if new == 1 else 'are'} new, {gone:,} "
        f"{'is' if gone == 1 else 'are'} gone, and {comparison['statements_moved']:,} of the "
        f"{comparison['statements_in_both']:,} in both runs moved ({percent} %)."
    )


def _communities(counts: Mapping[str, int], n_changes: int) -> str:
    same = counts["same"]
    if not n_changes:
        return "All communities are the same." if same else "There are no communities."
    told = [f"{counts[kind]:,} {word}" for kind, word in _TOLD.items() if counts[kind]]
    return f"Communities: {same:,} the same, {', '.join(told)}."


def _alike(similarity: Mapping[str, float]) -> str:
    return (
        f"{similarity['adjusted_mutual_information']:.3f} (adjusted mutual information; "
        f"{similarity['variation_of_information']:.2f} bits apart)"
    )


def _sizes(kind: str, old: int, new: int) -> str:
    if kind == "changed":
        return f"still has {count_of(new, 'statement')}, but not the same ones"
    return f"{_TOLD[kind]} from {old:,} to {count_of(new, 'statement')}"


def _counted(change: Mapping[str, Any]) -> str:
    came, left = change["n_came"], change["n_left"]
    parts = [f"{n:,} {word}" for n, word in ((came, "came"), (left, "left")) if n]
    return f"; {' and '.join(parts)}" if parts else ""


def _named(change: Mapping[str, Any]) -> str:
    """Name the statements that came and left, after a colon."""
    parts = [
        f"{sign} {_listed([_quoted(shortened(each['text'], _WIDTH)) for each in some], n)}"
        for sign, some, n in (
            ("+", change["came"], change["n_came"]),
            ("−", change["left"], change["n_left"]),
        )
        if n
    ]
    return f": {'; '.join(parts)}" if parts else ""


def _origin(change: Mapping[str, Any]) -> str:
    places = change["elsewhere"]
    if not places:
        return ": so are its statements"
    return f": its statements were {_where(places)}"


def _end(change: Mapping[str, Any]) -> str:
    places = change["elsewhere"]
    if not places:
        return ": its statements are in no community any more"
    return f": its statements are {_where(places)}"


def _where(places: Sequence[Mapping[str, Any]]) -> str:
    return f"{'mostly in' if len(places) == 1 else 'scattered over'} {_sized(places)}"


def _sized(communities: Sequence[Mapping[str, Any]]) -> str:
    return _and([f"{_quoted(each['label'])} ({each['members']:,})" for each in communities])


def _listed(quoted: Sequence[str], n: int) -> str:
    some = ", ".join(quoted[:_N_QUOTED])
    more = n - min(len(quoted), _N_QUOTED)
    return f"{some} and {more:,} more" if more and some else some or count_of(n, "statement")


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _quoted(words: str) -> str:
    return f"“{words.strip('“”')}”"
