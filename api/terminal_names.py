"""How a community is named in a terminal: its label, and a mark if it is not known to be stable."""

from collections.abc import Sequence
from typing import Protocol


class Community(Protocol):
    """What a name is made of."""

    @property
    def label(self) -> str:
        """What it is called."""

    @property
    def members(self) -> int:
        """How many statements it holds."""

    @property
    def is_stable(self) -> bool | None:
        """Whether it is more stable than chance; none if that is not measured."""


def named(community: Community) -> str:
    """Return the name of a community, with its mark."""
    mark = _mark(community)
    return f"{community.label}  [{mark}]" if mark else community.label


def marks(communities: Sequence[Community]) -> str:
    """Return the marks of communities whose names stand in a sentence, to be put behind it."""
    found = [(each.label, mark) for each in communities if (mark := _mark(each))]
    if len(communities) == 1:
        return "".join(f"  [{mark}]" for _, mark in found)
    return "".join(f"  [{mark}: {label}]" for label, mark in found)


def _mark(community: Community) -> str:
    if community.is_stable is None:  # of one statement there is nothing to measure
        return "stability not measured" if community.members > 1 else ""
    return "" if community.is_stable else "unstable"
