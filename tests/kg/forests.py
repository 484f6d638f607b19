"""Runs written by hand for the tests of lineage: the letters of each deepest community, by path."""

from collections.abc import Mapping

from hypothesis import strategies as st
from sqlmodel import Session

from kg.forest import CommunityRow, Forest, as_forest, forest_of
from kg.lineage import first_link, inherited_links
from kg.tables import Community

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def forest(tree: Mapping[str, str], run: int = 1) -> Forest:
    """Return a run in which each letter is a statement."""
    prefix = f"m-run{run}"
    paths = {path for deepest in tree for path in _and_above(deepest)}
    rows = [
        CommunityRow(
            f"{prefix}-{path}",
            f"{prefix}-{path.rpartition('-')[0]}" if "-" in path else None,
            first_link(f"{prefix}-{path}"),
        )
        for path in sorted(paths)
    ]
    held = [(letter, f"{prefix}-{path}") for path, letters in tree.items() for letter in letters]
    return as_forest(rows, held)


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    """Draw a run over some of the letters, with one to three levels."""
    letters = draw(st.lists(st.sampled_from(LETTERS[:14]), unique=True, max_size=14))
    tree: dict[str, str] = {}
    for letter in letters:
        top = draw(st.integers(0, 3))
        steps = [top, *(draw(st.integers(0, 1)) for _ in range(top % 3))]
        path = "-".join(f"c{step}" for step in steps)
        tree[path] = tree.get(path, "") + letter
    return forest(tree)


def renamed(found: Forest) -> Forest:
    """Return the same run with other ids, whose order is another."""
    names = {name: f"x-run9-c{len(found.ids) - at}" for at, name in enumerate(found.ids)}
    rows = [
        CommunityRow(names[name], names[found.ids[above]] if above >= 0 else None, "")
        for name, above in zip(found.ids, found.parent.tolist(), strict=True)
    ]
    held = [
        (statement, names[found.ids[at]])
        for statement, at in zip(found.statements, found.deepest.tolist(), strict=True)
    ]
    return as_forest(sorted(rows), held)


def give_links(session: Session, run_id: int, method: str) -> None:
    """Give the communities of a run that was written by hand the links that it inherits."""
    session.flush()
    for identifier, link in inherited_links(session, method, forest_of(session, run_id)).items():
        community = session.get(Community, identifier)
        assert community is not None
        community.link = link
        session.add(community)


def _and_above(path: str) -> list[str]:
    parts = path.split("-")
    return ["-".join(parts[:end]) for end in range(1, len(parts) + 1)]
