"""Words with more than one meaning, told apart by what the statements around them say.

An attention head and the head of a department are no concept that two statements have in common.
A word that is a concept (`kg.concepts`) is told apart into senses, and each sense becomes a concept
of its own, `head·1` and `head·2`, before statements are tied by concepts. There are two ways.

**By the glossary.** Where sources spell out one acronym in ways that have less than half of their
words in common, as "adversarial parameter decomposition" and "vapour pressure deficit", each long
form is a sense. A statement whose sources spell out none of them, or several, goes to the sense
whose statements it is nearest to.

**By context**, as in Schütze (1998, Automatic word sense discrimination, Computational Linguistics
24(1), 97-123), with the vector of a statement as the context of its words:

1. Of the statements with the word, at most 32 are looked at, evenly spaced in the order of ids; an
   id is a hash, so that is a random sample.
2. Those that say nearly the same as one before (cosine above 0.55) are left out: the clumps that
   a document and its summary make would pass for senses. Ten or more have to be left.
3. They are cut in two by every second coordinate of their vectors: by the leading eigenvector of
   the centred products, then by two-means.
4. The other coordinates judge the cut. The two parts are senses if each has three statements or
   more, and the cosine of their centres,

       c = b / sqrt(w1 w2),

   is at most 0.8. Here b is the mean product across the parts and w the mean product within each,
   those of a statement with itself left out, so that c does not depend on how much the statements
   of a part scatter. A cut looks good in the coordinates that it was chosen by even where there
   is nothing to find; in others it does not.
5. Two-means over all statements with the word, from these centres, says who uses which sense.
6. A source uses a word in one sense (Gale, Church & Yarowsky, 1992, One sense per discourse). Where
   more than 15 % of the uses are not of the sense that most uses in their source are of, the two
   are topics, and no senses; otherwise each use is of the sense that most in its source are of.
7. Each sense is tried again, up to three times.

The work is linear in the statements: every word costs the same, however frequent it is.

But: contexts can only say that a word is used in two lines of work, and not why. Where each source
keeps to one line of work, some words of one meaning are told apart as well; statements are then
still tied within each line of work. Terms of several words are never told apart: they hardly ever
have two meanings, and the words within them carry the context.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from kg.concepts import Concepts, in_order, lined_up
from kg.embedders import Vectors
from kg.phrases import folded_words

Spelt = Mapping[str, Mapping[str, frozenset[str]]]
"""What the sources of each statement spell out: statement, acronym without case, long forms."""

_BLOCK = 256
_POWER_STEPS = 16
_MEANS_STEPS = 6
_ROUNDS = 3

_Rows = NDArray[np.intp]
_Bools = NDArray[np.bool_]


class HomonymConfig(BaseModel):
    """When a word has two meanings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_cosine: float = Field(default=0.8, ge=-1, le=1)
    """Two senses are no nearer to each other than this; at -1 no context tells words apart."""

    min_contexts: int = Field(default=10, ge=2)
    """So many different statements have to use the word."""

    min_sense: int = Field(default=3, ge=2)
    """So many different statements have to use each sense."""

    same_context: float = Field(default=0.55, ge=0, le=1)
    """Statements nearer than this say nearly the same, and count once."""

    max_contexts: int = Field(default=32, ge=2)
    """So many statements are looked at to find the senses of a word."""

    max_strays: float = Field(default=0.15, ge=0, le=0.5)
    """At most this share of the uses is of another sense than most uses in the same source."""


class Origins(NamedTuple):
    """Where statements come from, and what is spelt out there."""

    sources: Mapping[str, Sequence[str]] = MappingProxyType({})
    """Of each statement; one that is missing has a source of its own."""

    spelt: Spelt = MappingProxyType({})


NO_ORIGINS = Origins()


class Senses(NamedTuple):
    """Concepts with their senses told apart."""

    concepts: Concepts
    """In the order of ids; a sense is the word, a raised dot and a number from 1."""

    split: dict[str, int]
    """How many senses each word has that was told apart, by word."""


def told_apart(
    concepts: Mapping[str, frozenset[str]],
    vectors: Vectors,
    statement_ids: Sequence[str],
    origins: Origins,
    config: HomonymConfig,
) -> Senses:
    """Return the concepts of statements with a concept for each sense of a word.

    The order of the statements makes no difference. Senses are numbered by how many statements
    use them, most first, ties by the least id.

    Args:
        concepts: The concepts of each statement.
        vectors: [n, d], of length 1, in the order of the ids.
        statement_ids: Of the vectors.
        origins: The sources of the statements, and what these spell out.
        config: When a word has two meanings.
    """
    order = sorted(range(len(statement_ids)), key=lambda place: statement_ids[place])
    ids = [statement_ids[place] for place in order]
    if order != list(range(len(ids))):
        vectors = vectors[order]
    columns = lined_up(concepts, ids)
    entries = _entries(columns)
    occurrences = {word: columns.rows[each] for word, each in entries.items()}
    senses = dict(_by_glossary(occurrences, ids, origins.spelt, vectors))
    rest = {word: rows for word, rows in occurrences.items() if word not in senses}
    senses |= _by_context(rest, vectors, _numbered(origins.sources, ids), config)
    names = list(columns.names)
    replaced = columns.columns.copy()
    for word, parts in senses.items():
        for number, rows in enumerate(_in_order(parts), start=1):
            replaced[entries[word][np.searchsorted(occurrences[word], rows)]] = len(names)
            names.append(f"{word}·{number}")
    found = in_order(ids, names, columns.rows, replaced)
    return Senses(found, {word: len(senses[word]) for word in sorted(senses)})


def origins_of(
    sources: Mapping[str, Sequence[str]], glossaries: Mapping[str, Mapping[str, Collection[str]]]
) -> Origins:
    """Return where statements come from, and which acronyms are spelt out there.

    Args:
        sources: The sources of each statement.
        glossaries: The acronyms that each source spells out, with their long forms.
    """
    if not glossaries:
        return Origins(sources)
    merged: dict[tuple[str, ...], dict[str, frozenset[str]]] = {}
    for made_by in {tuple(each) for each in sources.values()}:
        forms: dict[str, frozenset[str]] = {}
        for source in made_by:
            for short, longs in glossaries.get(source, {}).items():
                key = " ".join(folded_words(short))
                forms[key] = forms.get(key, frozenset()) | frozenset(longs)
        merged[made_by] = forms
    spelt = {statement: merged[tuple(each)] for statement, each in sources.items()}
    return Origins(sources, spelt)


def _numbered(sources: Mapping[str, Sequence[str]], ids: Sequence[str]) -> _Rows:
    """Return a number for the source of each statement, the first of several."""
    numbers: dict[str, int] = {}
    names = (min(sources.get(one, [one])) for one in ids)
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def _entries(concepts: Concepts) -> dict[str, _Rows]:
    """Return the entries of each concept of one word, ascending; words in order."""
    order = np.argsort(concepts.columns, kind="stable")
    ends = np.searchsorted(concepts.columns[order], np.arange(len(concepts.names) + 1)).tolist()
    return {
        name: order[start:stop]
        for name, (start, stop) in zip(concepts.names, pairwise(ends), strict=True)
        if " " not in name
    }


def _in_order(parts: Sequence[_Rows]) -> list[_Rows]:
    return sorted(parts, key=lambda rows: (-len(rows), rows[0]))


def _by_glossary(
    occurrences: Mapping[str, _Rows], ids: Sequence[str], spelt: Spelt, vectors: Vectors
) -> Iterator[tuple[str, list[_Rows]]]:
    """Yield the acronyms that sources spell out in different ways, with the rows of each way."""
    candidates = {short for forms in spelt.values() for short in forms} & occurrences.keys()
    for short in sorted(candidates):
        rows = occurrences[short]
        longs = [spelt.get(ids[row], {}).get(short, frozenset()) for row in rows.tolist()]
        meanings = _meanings(frozenset().union(*longs))
        known = [{meanings[long] for long in found} for found in longs]
        sense = np.array([min(one) if len(one) == 1 else -1 for one in known])
        used = np.unique(sense[sense >= 0])
        if len(used) > 1:
            sense[sense < 0] = used[
                _nearest(vectors[rows[sense < 0]], [vectors[rows[sense == one]] for one in used])
            ]
            yield short, [rows[sense == one] for one in used]


def _meanings(longs: frozenset[str]) -> dict[str, int]:
    """Return a number for each long form, the same for those that share half of their words."""
    meanings: dict[str, int] = {}
    for long in sorted(longs):
        alike = {number for other, number in meanings.items() if _are_alike(long, other)}
        meanings[long] = min(alike, default=len(meanings))
        meanings |= {other: meanings[long] for other, number in meanings.items() if number in alike}
    return meanings


def _are_alike(one: str, other: str) -> bool:
    words, others = set(folded_words(one)), set(folded_words(other))
    is_same = "".join(folded_words(one)) == "".join(folded_words(other))
    return is_same or 2 * len(words & others) >= len(words | others)


def _nearest(vectors: Vectors, parts: Sequence[Vectors]) -> NDArray[np.intp]:
    """Return the part whose centre each vector has the largest cosine with, ties to the first."""
    centres = np.stack([part.mean(axis=0) for part in parts])
    centres /= np.maximum(np.linalg.norm(centres, axis=1), 1e-12)[:, None]
    return np.asarray(np.argmax(np.round(vectors @ centres.T, 6), axis=1))


def _by_context(
    occurrences: Mapping[str, _Rows], vectors: Vectors, sources: _Rows, config: HomonymConfig
) -> dict[str, list[_Rows]]:
    """Return the words whose contexts are far apart, with the rows of each sense."""
    senses: dict[str, list[_Rows]] = {}
    pieces = [(word, rows) for word, rows in occurrences.items()]
    for _ in range(_ROUNDS):
        pieces = [piece for piece in pieces if len(piece[1]) >= config.min_contexts]
        parts: list[tuple[str, _Rows]] = []
        for start in range(0, len(pieces), _BLOCK):
            block = pieces[start : start + _BLOCK]
            for (word, rows), cut in zip(block, _cut(block, vectors, config), strict=True):
                halves = _by_source(cut, sources, config.max_strays) if cut else []
                if halves:
                    kept = [one for one in senses.get(word, []) if one is not rows]
                    senses[word] = [*kept, *halves]
                    parts += [(word, half) for half in halves]
        pieces = parts
    return senses


def _cut(
    block: Sequence[tuple[str, _Rows]], vectors: Vectors, config: HomonymConfig
) -> Iterator[list[_Rows]]:
    """Yield the two senses of each word of a block, or nothing for a word with one meaning."""
    width = min(config.max_contexts, max(len(rows) for _, rows in block))
    sample = np.zeros((len(block), width), dtype=np.intp)
    present = np.zeros((len(block), width), dtype=bool)
    for place, (_, rows) in enumerate(block):
        n = min(width, len(rows))
        sample[place, :n] = rows[np.arange(n) * len(rows) // n]
        present[place, :n] = True
    chosen = vectors[sample]
    to_cut, to_judge = (
        half @ half.transpose(0, 2, 1) for half in (chosen[:, :, 0::2], chosen[:, :, 1::2])
    )
    distinct = _distinct(to_cut + to_judge, present, config.same_context)
    first = _two_parts(to_cut, distinct)
    are_senses = _are_senses(to_judge, first, distinct & ~first, config)
    for place, (_, rows) in enumerate(block):
        if not are_senses[place]:
            yield []
            continue
        parts = [first[place], distinct[place] & ~first[place]]
        yield _settled(vectors, rows, [chosen[place, part] for part in parts])


def _settled(vectors: Vectors, rows: _Rows, parts: list[Vectors]) -> list[_Rows]:
    """Return the rows of each sense, after some rounds of two-means over all of them.

    If one sense ends up with all of them, there are none.
    """
    contexts = vectors[rows]
    nearest = _nearest(contexts, parts)
    for _ in range(_MEANS_STEPS):
        if not 0 < nearest.sum() < len(rows):
            return []
        before = nearest
        nearest = _nearest(contexts, [contexts[before == 0], contexts[before == 1]])
        if (nearest == before).all():  # and so it would go on
            break
    return [rows[nearest == sense] for sense in range(2)]


def _by_source(parts: Sequence[_Rows], sources: _Rows, max_strays: float) -> list[_Rows]:
    """Return the rows of each of two senses, those of a source in one; none if they disagree."""
    rows = np.concatenate(parts)
    is_second = np.arange(len(rows)) >= len(parts[0])
    _, source = np.unique(sources[rows], return_inverse=True)
    n_second, n = np.bincount(source, is_second), np.bincount(source)
    strays = np.minimum(n_second, n - n_second).sum()
    if strays > max_strays * len(rows):
        return []
    most = np.sign(2 * n_second - n)[source]
    is_second = np.where(most == 0, is_second, most > 0)
    settled = [np.sort(rows[is_second == second]) for second in (False, True)]
    return settled if all(map(len, settled)) else []


def _distinct(cosines: Vectors, present: _Bools, limit: float) -> _Bools:
    """Return which contexts are not nearly the same as one that comes before and is kept."""
    kept = present.copy()
    for column in range(1, cosines.shape[1]):
        near = (cosines[:, column, :column] > limit) & kept[:, :column]
        kept[:, column] &= ~near.any(axis=1)
    return kept


def _two_parts(cosines: Vectors, kept: _Bools) -> _Bools:
    """Return which of the kept contexts of each word are in the first of its two parts."""
    weights = kept.astype(np.float32)
    counts = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    both = weights[:, :, None] * weights[:, None, :]
    inner = cosines * both
    mean = inner.sum(axis=2) / counts
    overall = mean.sum(axis=1, keepdims=True) / counts
    centred = (inner - mean[:, :, None] - mean[:, None, :] + overall[:, :, None]) * both
    widest = np.argmax(np.round(np.einsum("bii->bi", centred), 6), axis=1)
    leading = centred[np.arange(len(centred)), widest]
    for _ in range(_POWER_STEPS):
        leading = _times(centred, leading)
        leading /= np.maximum(np.linalg.norm(leading, axis=1), 1e-12)[:, None]
    first = kept & (leading > 0)
    for _ in range(_MEANS_STEPS):
        to_first = _squared_distance(inner, first)
        to_second = _squared_distance(inner, kept & ~first)
        first = kept & (np.round(to_first - to_second, 6) < 0)
    return np.asarray(first)


def _squared_distance(inner: Vectors, part: _Bools) -> Vectors:
    """Return how far each context is from the mean of a part, but for what is the same for all."""
    weights = part.astype(np.float32)
    counts = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    to_mean = _times(inner, weights) / counts
    of_mean = (to_mean * weights).sum(axis=1, keepdims=True) / counts
    return np.asarray(of_mean - 2 * to_mean)


def _times(matrices: Vectors, vectors: Vectors) -> Vectors:
    """Return each matrix times its vector."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])


def _are_senses(cosines: Vectors, one: _Bools, other: _Bools, config: HomonymConfig) -> _Bools:
    """Return for each word whether its two parts are far enough apart."""
    n_one, n_other = one.sum(axis=1), other.sum(axis=1)
    across = _sum_over(cosines, one, other) / np.maximum(n_one * n_other, 1)
    own = np.einsum("bii->bi", cosines)
    within = [
        (_sum_over(cosines, part, part) - (own * part).sum(axis=1)) / np.maximum(n * (n - 1), 1)
        for part, n in ((one, n_one), (other, n_other))
    ]
    scale = np.sqrt(np.maximum(within[0], 0) * np.maximum(within[1], 0))
    is_enough = (n_one + n_other >= config.min_contexts) & (
        np.minimum(n_one, n_other) >= config.min_sense
    )
    return np.asarray(is_enough & (across <= config.max_cosine * scale))


def _sum_over(cosines: Vectors, rows: _Bools, columns: _Bools) -> NDArray[np.float64]:
    towards = _times(cosines, columns.astype(np.float32)).astype(np.float64)
    return np.asarray((towards * rows).sum(axis=1))
