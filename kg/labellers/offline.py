r"""The labeller that needs no language model: names from the members' own words.

Candidate phrases (`kg.phrases`) that two members or more share are scored by

.. math:: coverage \cdot \log(1 + N / df) \cdot contrast \cdot length

where coverage is the share of members that have the phrase (half for one that has it in its
note only), df is how many of the N statements of the clustering have it, and contrast is the
share of members against that of the siblings' members. The name is the best phrase and the one
that maximal marginal relevance (Carbonell & Goldstein, 1998, The use of MMR,
doi:10.1145/290941.291025) puts next to it. Every name is held to `kg.grounding` before it leaves;
one that fails, or that a sibling has already, gives way to the next, and in the end to the key
phrase of the most central member, which is also the name of a community that shares no phrase.

But: the names are always grounded and seldom fluent, and never say what no member says. A
phrase that is known only from the beginning of sentences loses its capital.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from itertools import count, pairwise
from math import log

from kg.grounding import Glossary
from kg.ids import normalised
from kg.labellers.condensing import LENGTH, chosen, condensed
from kg.labellers.task import Frequencies, LabelDraft, LabellingTask, Member, counts_of
from kg.phrases import Spelling, folded_words, is_acronym, phrases_of, singular

_LENGTH_BONUS = {1: 0.65, 2: 1.0, 3: 1.1, 4: 0.9}
_RELEVANCE = 0.7
_N_CANDIDATES = 40
_N_ORDERED = 8
_WORTH_SAYING = 0.35
_N_FOR_THREE = 6
_NAME_LENGTH = 80
_OF_ITSELF = """
appendix concern effort fig figure file footnote percent percentage remark step supplement
supplementary table
"""
_NEVER_IN_A_NAME = frozenset(_OF_ITSELF.split())
"""Stems of what a text says of itself, and of what measures nothing in particular."""


class OfflineLabeller:
    """Names a community with its members' own phrases."""

    name = "offline"

    def label(self, community: LabellingTask) -> LabelDraft:
        """Name and describe; the result is grounded, and not taken."""
        shared = _shared_phrases(community)
        central = _by_centrality(community.members, shared)
        problems = community.grounding.problems
        name, held = next(
            (name, held)
            for name, held in _names(community, shared, central)
            if len(name) <= _NAME_LENGTH
            and name.casefold() not in community.taken
            and not problems(name)
        )
        quoted = chosen(central, frozenset(folded_words(name)))
        description = next(
            description
            for description in _descriptions(community, quoted)
            if not problems(description)
        )
        support = held | {member.id for member in quoted}
        return LabelDraft(label=name, description=description, support=tuple(sorted(support)))


@dataclass(frozen=True)
class _Shared:
    """A phrase that two members or more have, one of them in its text."""

    key: str
    words: str
    members: frozenset[str]
    score: float

    @cached_property
    def stems(self) -> frozenset[str]:
        """Return its words without case and plural."""
        return frozenset(self.key.split())

    def repeats(self, other: "_Shared") -> bool:
        """Say whether a word of the other is said again, but for a beginning that both have.

        "Feature absorption" does not repeat "feature splitting": they are said in one breath.
        """
        return bool(self.stems & other.stems) and not self.continues(other)

    def continues(self, other: "_Shared") -> bool:
        """Say whether both are two words, and only the second differs."""
        mine, its = self.key.split(), other.key.split()
        return len(mine) == len(its) == 2 and mine[0] == its[0] and mine[1] != its[1]

    def is_within(self, other: "_Shared") -> bool:
        """Say whether the other phrase is longer, and the same members have it."""
        return f" {self.key} " in f" {other.key} " and (
            self.key != other.key and self.members == other.members
        )


def _shared_phrases(community: LabellingTask) -> list[_Shared]:
    """Return the shared phrases: the best first, then in the order of marginal relevance."""
    spellings: dict[str, list[Spelling]] = {}
    holders: dict[str, dict[str, float]] = {}
    for member in community.members:
        in_text, in_note = phrases_of(member.text), phrases_of(member.note)
        for key, spelling in in_text.items():  # a note may quote a heading In Capitals
            spellings.setdefault(key, []).append(spelling)
        for key in {**in_note, **in_text}:
            holders.setdefault(key, {})[member.id] = 1.0 if key in in_text else 0.5
    candidates = [
        _Shared(key, words, frozenset(held), _score(key, words, held, community))
        for key, held in holders.items()
        if len(held) > 1
        and max(held.values()) == 1  # a heading alone is nobody's topic
        and not _NEVER_IN_A_NAME & {*key.split()}
        for words in [_cased(spellings[key])]
    ]
    best = nsmallest(_N_CANDIDATES, candidates, key=lambda phrase: (-phrase.score, phrase.key))
    return _diverse([phrase for phrase in best if not any(map(phrase.is_within, best))])


def _score(key: str, words: str, holders: Mapping[str, float], community: LabellingTask) -> float:
    """Say how well a phrase names a community; see the formula above."""
    n_members, run, parent = len(community.members), community.run, community.parent
    coverage = sum(holders.values()) / n_members
    rarity = log(1 + run.n_statements / max(run.counts.get(key, 1), len(holders)))
    here = len(holders) / n_members
    elsewhere = max(parent.counts.get(key, 1) - len(holders), 0)
    there = elsewhere / max(parent.n_statements - n_members, 1)
    return float(coverage * rarity * here / (here + there) * _length_bonus(words))


def _length_bonus(words: str) -> float:
    return _LENGTH_BONUS[len(words.split())]


def _diverse(shared: list[_Shared]) -> list[_Shared]:
    """Order phrases by maximal marginal relevance, without words said before; the first few."""
    ordered: list[_Shared] = []
    left = [(phrase, 0.0) for phrase in shared]
    while left and len(ordered) < _N_ORDERED:
        best, _ = max(left, key=lambda each: _relevance(each[0], each[1], shared[0].score))
        ordered.append(best)
        left = [
            (phrase, max(overlap, _overlap(phrase, best)))
            for phrase, overlap in left
            if phrase is not best and not phrase.repeats(best)
        ]
    return ordered


def _relevance(phrase: _Shared, overlap: float, top: float) -> float:
    return _RELEVANCE * phrase.score / top - (1 - _RELEVANCE) * overlap


def _overlap(one: _Shared, other: _Shared) -> float:
    both = len(one.members & other.members)
    return both / (len(one.members) + len(other.members) - both)


def _cased(spellings: list[Spelling]) -> str:
    """Return the commonest spelling inside sentences, else the one at their beginning in small."""
    inside = Counter(spelling.words for spelling in spellings if not spelling.begins)
    counts = inside or Counter(_uncapitalised(spelling.words) for spelling in spellings)
    return min(counts, key=lambda words: (-counts[words], words))


def _uncapitalised(words: str) -> str:
    first = words.split()[0]
    return words if first[1:] != first[1:].lower() else words[0].lower() + words[1:]


def _capitalised(words: str) -> str:
    first = words.split()[0]
    return words[0].upper() + words[1:] if first == first.lower() else words


def _by_centrality(members: tuple[Member, ...], shared: list[_Shared]) -> list[Member]:
    """Order members: heaviest edges first, then most of the shared phrases, then by id."""
    phrases = Counter[str]()
    for phrase in shared:
        phrases.update(dict.fromkeys(phrase.members, 1))
    return sorted(members, key=lambda m: (-m.centrality, -phrases[m.id], m.id))


def _names(
    community: LabellingTask, shared: list[_Shared], central: list[Member]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield names from the best to the plainest, without end, each with the members behind it."""
    for phrases in _together(shared, are_three=len(community.members) >= _N_FOR_THREE):
        yield _joined(phrases), frozenset().union(*(phrase.members for phrase in phrases))
    for member in central:
        for words in _key_phrases(member, community.run):
            yield _capitalised(words), frozenset({member.id})
    for member in central:
        yield f"“{shortened(member.text, _NAME_LENGTH - 2)}”", frozenset({member.id})
    everybody = frozenset(member.id for member in community.members)
    yield _counts(community.members), everybody
    for number in count(2):
        yield f"{_counts(community.members)} ({number})", everybody


def _together(shared: list[_Shared], *, are_three: bool) -> Iterator[list[_Shared]]:
    """Yield the phrases that make a name: three in a larger community, two, or one."""
    for at, first in enumerate(shared):
        worth = [phrase for phrase in shared[at + 1 :] if _is_worth_saying(phrase, first)]
        if are_three:
            yield from ([first, second, third] for second, third in pairwise(worth))
        yield from ([first, second] for second in worth)
        yield [first]


def _is_worth_saying(phrase: _Shared, first: _Shared) -> bool:
    return phrase.score >= _WORTH_SAYING * first.score


def _joined(phrases: list[_Shared]) -> str:
    """Join phrases to a name: "feature splitting" and "feature absorption" share their word."""
    groups: list[list[_Shared]] = []
    for phrase in phrases:
        group = next((group for group in groups if phrase.continues(group[0])), None)
        if group is None:
            groups.append([phrase])
        else:
            group.append(phrase)
    parts = [
        phrase.words if phrase is group[0] else phrase.words.split()[1]
        for group in groups
        for phrase in group
    ]
    return _capitalised(_listed(parts, " & "))


def _key_phrases(member: Member, run: Frequencies) -> list[str]:
    """Return the phrases of one statement, the most telling first; of equals, the first said.

    A phrase that goes on to the right has lost its noun, and is left out.
    """
    found = phrases_of(member.text)

    def weight(key: str) -> float:
        rarity = log(1 + run.n_statements / run.counts.get(key, 1))
        return rarity * _length_bonus(found[key].words)

    whole = [key for key in found if not any(other.startswith(f"{key} ") for other in found)]
    return [_cased([found[key]]) for key in sorted(whole, key=weight, reverse=True)]


def _descriptions(community: LabellingTask, quoted: list[Member]) -> Iterator[str]:
    """Yield descriptions from the fullest to the plainest; the last one always holds."""
    sentences = [_sentence(condensed(member.text)) for member in quoted]
    whole = [_sentence(member.text) for member in quoted]
    yield " ".join(_expanded(sentences, community.glossary))
    yield " ".join(sentences)
    yield sentences[0]
    yield whole[0]
    yield f"{_counts(community.members)}."


def _sentence(text: str) -> str:
    """Return the text with a full stop, or cut short with an ellipsis."""
    line = shortened(text, LENGTH).rstrip(".")
    return line if line.endswith(("…", "!", "?")) else f"{line}."


def _counts(members: tuple[Member, ...]) -> str:
    return " and ".join(counts_of(members))


def _listed(words: list[str], last: str = " and ") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])}{last}{words[-1]}"


def _expanded(sentences: list[str], glossary: Glossary) -> list[str]:
    """Put its expansion behind each acronym that the sources spell out in one way only.

    An acronym is expanded where it is first said, unless the sentences spell it out themselves.
    """
    if not glossary:
        return sentences
    seen: set[str] = set()
    said = " ".join(folded_words(" ".join(sentences)))
    expanded: list[str] = []
    for sentence in sentences:
        words = []
        for word in sentence.split():
            bare = word.strip(".,;:")
            short = singular(bare)
            longs = {long for form in (short, f"{short}s") for long in glossary.get(form, ())}
            ways = {" ".join(folded_words(long)) for long in longs}
            is_new = is_acronym(bare) and short not in seen and len(ways) == 1
            if is_new and min(ways) not in said:
                word = word.replace(bare, f"{bare} ({min(longs)})", 1)
            words.append(word)
            seen.add(short)
        expanded.append(" ".join(words))
    return expanded


def shortened(text: str, length: int) -> str:
    """Return the text in one line, cut between words to at most this many characters."""
    line = normalised(text)
    if len(line) <= length:
        return line
    head = line[:length].rpartition(" ")[0] or line[: length - 1]
    return f"{head.rstrip(' ,;:–—-')}…"
