"""Which sources are one paper: the paper itself, other versions of it, and summaries of it.

Two sources are of one paper if they have an identifier in common (the version of an arXiv id makes
no difference), or if their titles are the same once what marks a summary is taken off ("Paper
Summary: …", "Notes on …", "… (summary)"); a title of fewer than three words says too little.
Two versions may differ by a subtitle ("X", "X: why Y does Z"), if most of their authors are the
same and their years at most one apart; not if the subtitle says that it is a part, a reply, a
correction or what goes with a paper. Two subtitles that differ are two papers.
Sources whose identifiers of one scheme differ are two papers, whatever their titles say.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from sqlmodel import Session, col, select

from kg.phrases import folded_words
from kg.tables import Source

_KINDS = (
    r"(?:summar(?:y|ies)|notes?|digest|review|tl;?dr|explainer|overview|highlights|abstract|"
    r"key (?:points|takeaways)|reading notes|annotations?|walkthrough)"
)
_BEFORE = re.compile(
    rf"^(?:an?\s+|the\s+|my\s+)?(?:(?:paper|article|short|brief|plain|extended|blog)\s+)?{_KINDS}"
    r"\s*(?:[:–—-]|\b(?:of|on|for|from)\b:?)\s*",
    re.I,
)
_AFTER = re.compile(
    rf"\s*(?:[:–—-]\s*(?:an?\s+|the\s+)?(?:paper\s+)?{_KINDS}|\({_KINDS}\))\s*$", re.I
)
_VERSION = re.compile(r"v\d+$")
_FEWEST_WORDS = 3


_SUBTITLE = re.compile(r"\s*(?::|\s[–—-]+\s|—|\.\s|\?\s)\s*")
_OTHER_PAPER = re.compile(
    r"\b(?:part|volume|vol|chapter|episode|phase|stage|series|sequel|[ivx]+|\d+|reply|response|"
    r"comments?|rejoinder|rebuttal|correction|corrigendum|erratum|addendum|follow-?up|revisited|"
    r"update|supplement\w*|appendix|dataset|code|slides|poster|talk|tutorial|thesis|proposal|"
    r"case study|replication|extended|lessons)\b",
    re.I,
)
"""What a subtitle says that is of another paper than the one without it."""

_SHARED_AUTHORS = 0.5
_MOST_YEARS = 1


class WorkTie(StrEnum):
    """What one source is to another of the same paper."""

    SUMMARY = "summary"
    VERSION = "version"


class WorkLink(NamedTuple):
    """Two sources of one paper."""

    head_id: str
    """The summary; of two versions, the lower id."""

    tail_id: str
    tie: WorkTie


class Titled(NamedTuple):
    """What tells which paper a source is of."""

    id: str
    title: str
    identifiers: Mapping[str, str]
    authors: Sequence[str] = ()
    year: int | None = None


def work_links(sources: Sequence[Titled]) -> list[WorkLink]:
    """Return the pairs of sources that are of one paper, by head, then tail."""
    by_key: dict[str, set[int]] = {}
    for index, source in enumerate(sources):
        for key in _keys(source):
            by_key.setdefault(key, set()).add(index)
    pairs = {pair for found in by_key.values() for pair in combinations(sorted(found), 2)}
    pairs |= _by_subtitle(sources, by_key)
    return sorted(
        _link(sources[i], sources[j])
        for i, j in pairs
        if not _are_two(sources[i].identifiers, sources[j].identifiers)
    )


def versions_of(sources: Sequence[Titled]) -> dict[str, tuple[str, ...]]:
    """Return of each source all versions of its paper, itself among them, by id.

    A summary of a paper is no version of it.
    """
    versions: dict[str, tuple[str, ...]] = {source.id: (source.id,) for source in sources}
    for link in work_links(sources):
        if link.tie is WorkTie.VERSION and link.tail_id not in versions[link.head_id]:
            both = tuple(sorted(versions[link.head_id] + versions[link.tail_id]))
            versions |= dict.fromkeys(both, both)
    return versions


def all_work_links(session: Session) -> list[WorkLink]:
    """Return the pairs of stored sources that are of one paper."""
    rows = session.exec(select(Source).order_by(col(Source.id)))
    return work_links([titled(row) for row in rows])


def titled(source: Source) -> Titled:
    """Return what tells which paper a stored source is of."""
    return Titled(source.id, source.title, source.identifiers, source.authors, source.year)


def _by_subtitle(sources: Sequence[Titled], by_key: Mapping[str, set[int]]) -> set[tuple[int, int]]:
    """Return the pairs of which one has the other's title and a subtitle."""
    pairs = set()
    for index, source in enumerate(sources):
        main, *rest = _SUBTITLE.split(source.title.strip(), maxsplit=1)
        words = folded_words(main)
        if not rest or not rest[0] or len(words) < _FEWEST_WORDS or _OTHER_PAPER.search(rest[0]):
            continue
        for other in by_key.get(" ".join(words), set()) - {index}:
            if _are_of_the_same(source, sources[other]):
                pairs.add((min(index, other), max(index, other)))
    return pairs


def _are_of_the_same(one: Titled, two: Titled) -> bool:
    """Say whether most authors are the same, and the years near each other."""
    if one.year is None or two.year is None or abs(one.year - two.year) > _MOST_YEARS:
        return False
    names, others = (set(map(_surname, each.authors)) for each in (one, two))
    both = len(names & others)
    return both > 0 and both >= _SHARED_AUTHORS * len(names | others)


def _surname(author: str) -> str:
    """Return the last name in small letters: of "Ada Lark" and of "Lark, Ada"."""
    if "," in author:
        return author.split(",")[0].strip().casefold()
    return (author.split() or [""])[-1].casefold()


def _link(one: Titled, two: Titled) -> WorkLink:
    marks = _bare(one.title) != one.title, _bare(two.title) != two.title
    head, tail = sorted((one.id, two.id))
    if marks[0] == marks[1]:
        return WorkLink(head, tail, WorkTie.VERSION)
    summary, paper = (one.id, two.id) if marks[0] else (two.id, one.id)
    return WorkLink(summary, paper, WorkTie.SUMMARY)


def _keys(source: Titled) -> list[str]:
    keys = [f"{scheme} {_plain(value)}" for scheme, value in source.identifiers.items()]
    words = folded_words(_bare(source.title))
    return [*keys, " ".join(words)] if len(words) >= _FEWEST_WORDS else keys


def _bare(title: str) -> str:
    """Take off what marks a title as that of a summary."""
    return _AFTER.sub("", _BEFORE.sub("", title))


def _are_two(one: Mapping[str, str], two: Mapping[str, str]) -> bool:
    shared = one.keys() & two.keys()
    return bool(shared) and all(_plain(one[key]) != _plain(two[key]) for key in shared)


def _plain(value: str) -> str:
    return _VERSION.sub("", value.casefold().strip())
