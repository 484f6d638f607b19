"""Holding a label to its word: nothing in it that the members or their sources do not say.

Three rules. (a) No invented expansion: a run of words whose initials spell an acronym that the
members use, or words that a parenthesis ties to one, must be what a source spells out, or stand
in a member word for word. (b) No foreign word: every content word must be found in the members
or in what their sources spell out, up to its ending, its derivation ("absorb", "absorption") and
its being written as one word or two; of a letter with a hyphen ("Q-composition") the whole.
(c) No foreign number: every number must be one that a member gives, in the same unit ("67M" is
"67 million", and neither "67" nor "67 %"; "16k" may be 16,384; "40 ms" is not "40 s") and no more
exact than there ("about 10,000" is not 11,000), and so must a number that belongs
to a name ("GPT-2").

A run for (a) begins and ends with a content word; function words and the later parts of a
compound may be passed over, so that "Decay of Variational Parameters" is seen to spell DVP and
"via parameter decomposition" is not taken for VPD. A letter from inside a word counts where it
is a capital ("adVersarial"), and there only the glossary can allow it. Acronyms of two letters
count where the run is capitalised or tied to one, because ordinary pairs of words spell them by
chance.

But: an honest run can spell an acronym by chance ("validated parameter decomposition" for VPD).
It is refused all the same, because the check cannot know; the labeller finds other words.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

from kg.lexicon import stem
from kg.phrases import (
    FUNCTION_WORDS,
    acronyms_in,
    folded,
    folded_words,
    is_acronym,
    singular,
    words_of,
)
from kg.quantities import Quantity, agree, digits_of, quantities
from kg.thesaurus import derivations_of

Glossary = Mapping[str, Set[str]]
"""What each short form stands for, by what the sources spell out."""

_OURS = frozenset(
    ["claim", "finding", "statement", "member", "central", "phrase", "common", "using", "based"]
)
_NUMBERED = re.compile(r"[^\W\d_][^\W_]*[-‐‑]\d+(?:\.\d+)*")
_LETTER_NAME = re.compile(r"(?<![^\W_])[^\W\d_][-‐‑][^\W\d_]{2,}")
_LETTER_UNIT = re.compile(r"(?<![\w.,-])(\d+(?:,\d{3})*(?:\.\d+)?)\s?([smghdVWJ])(?![\w-])")
_BINARY = {"k": 1.024, "K": 1.024, "M": 1.024**2}
_ISE = re.compile(r"(?<=\w{3})is(?=e|ing|ation)")
_HYPHEN = re.compile(r"[-‐‑]")
_BREAK = re.compile(r"[.;:!?()\[\]{}“”«»\"|,…–—]+")
_PIECE = re.compile(r"([-‐‑/]?)([^\W_]+(?:['’][^\W_]+)?|&)")
_PARENTHESIS = re.compile(r"\(([^()]{2,200})\)")
_TIED = re.compile(
    r"(?:=|\bi\.\s?e\.,?|\b(?:short|stands) for|\babbreviates|\bmeans)\s+([^.;:()]+)"
)
_BEFORE_TIE = re.compile(r"([^\W_]{2,11})\s*,?(?:\s+(?:which|is|being))*\s*$")
_ARTICLE = re.compile(r"(?:an?|the)\s+", re.IGNORECASE)
_ENDINGS_TEXT = """
e s es d ed r er ers or ors ing ings ion ions ation ations ition itions ional ational al ally ly
able ably ability ible ibly ility ilities ity ities ive ively iveness ness ic ics ical ically ist
ists istic istics ism isms ise ised ises ising isation ize ized izes izing ization y ies ied ment
ments ance ances ence ences ant ants ent ents m tic is etic etical sis ual ular ial ially le les ure
ures ian ians
"""
_ENDINGS = frozenset(["", *_ENDINGS_TEXT.split()])
_LONG_ENDINGS = _ENDINGS | frozenset(["t", "ts", "ce", "ces", "cy", "cies", "nt", "nce"])
_E_ENDINGS = frozenset(["e", "ed", "es", "er", "ers", "ing", "ings"])


def problems_of(text: str, members: Sequence[str], glossary: Glossary) -> list[str]:
    """Return what is wrong with a label or a description, in words; nothing if it is grounded.

    Args:
        text: The label or the description.
        members: Text and note of each member.
        glossary: What the members' sources spell out.
    """
    return Grounding(members, glossary).problems(text)


class Grounding:
    """The words that a community's members give, ready for many checks."""

    def __init__(
        self, members: Sequence[str], glossary: Glossary, counts: Sequence[str] = ()
    ) -> None:
        """Read the members.

        Args:
            members: Text and note of each, in any cut.
            glossary: What their sources spell out.
            counts: What may be said of how many they are, such as "3 claims".
        """
        self._counts = counts
        self._spelt_out = _merged(glossary, members)
        longs = [long for expansions in self._spelt_out.values() for long in expansions]
        texts = [_read(text) for text in (*members, *longs)]
        self._acronyms = set(self._spelt_out).union(*(text.acronyms for text in texts))
        self._members = members
        self._folded = _ISE.sub("iz", _joined(text.folded for text in texts))
        self._as_written = _joined(text.words for text in texts)
        self._known = {word for text in texts for word in text.folded}
        self._known.update(map(folded, self._spelt_out))
        self._texts = texts

    @cached_property
    def _vocabulary(self) -> dict[str, list[str]]:
        return _by_beginning(self._known)

    @cached_property
    def _stems(self) -> set[str]:
        return set(map(stem, self._known))

    @cached_property
    def _joined_stems(self) -> set[str]:
        """Two words in a row, as one: "knocking out" gives what "knockout" is."""
        return {pair for text in self._texts for pair in _pairs_as_one(text.folded)}

    @cached_property
    def _quantities(self) -> list[Quantity]:
        return [found for member in self._members for found in quantities(member)]

    @cached_property
    def _letter_units(self) -> set[tuple[float, str]]:
        return {found for member in self._members for found in _with_letter_units(member)}

    @cached_property
    def _plain(self) -> str:
        return "\n".join(self._members).casefold()

    def problems(self, text: str) -> list[str]:
        """Return what is wrong with this text, each problem once, in the order of the text."""
        if not text.strip():
            return ["it is empty"]
        plain = self._without_counts(text)
        numbers = quantities(plain)
        found = [
            *self._tied(plain),
            *self._runs(plain),
            *self._foreign(
                _blanked(plain, [n for n in numbers if _has_digits(n) or self._gives(n)])
            ),
            *self._numbers(plain, numbers),
        ]
        return list(dict.fromkeys(found))

    def _without_counts(self, text: str) -> str:
        """Take what is said of the members' number from a text, if it is true."""
        if not self._counts:
            return text
        counts = "|".join(map(re.escape, self._counts))
        ours = rf"(?<![\w.,-])(?:{counts})\b(?: without a phrase in common)?(?: \(\d+\)$)?"
        return re.sub(ours, " ", text)

    def _tied(self, text: str) -> Iterator[str]:
        """Yield the expansions that the text ties to an acronym and no source gives."""
        for short, long in _definitions(text):
            if not self._allows(short, long):
                yield f"“{long}” is not what a source says {short} stands for"

    def _runs(self, text: str) -> Iterator[str]:
        """Yield the runs of words that spell an acronym and stand in no source."""
        acronyms = self._acronyms | acronyms_in(text)
        for segment in _BREAK.split(text):
            pieces = _pieces(segment)
            for short in sorted(acronyms):
                for start, end in _spelling(pieces, short):
                    words = [piece.word for piece in pieces[start:end] if piece.word != "&"]
                    is_itself = "".join(words).casefold() == short.casefold()
                    if not (is_itself or self._has_run(words)):
                        yield f"“{' '.join(words)}” spells {short}, which no source spells out so"
                for start, end in _marked(pieces, short):
                    words = [piece.word for piece in pieces[start:end]]
                    if not (self._allows(short, " ".join(words)) or self._has_run(words, True)):
                        yield f"“{' '.join(words)}” marks {short}, which no source spells out so"

    def _foreign(self, text: str) -> Iterator[str]:
        """Yield the content words that no member and no source has, and the names with a letter."""
        words = words_of(text)
        halves = self._halves(words)
        for at, word in enumerate(words):
            small = folded(word)
            if {word.casefold(), small} & FUNCTION_WORDS or small in _OURS or len(small) == 1:
                continue
            if not (small in self._known or at in halves or self._is_kin(small, word, text)):
                yield f"no member says “{word}”"
        for name in _LETTER_NAME.findall(text):
            if _spelt_alike(map(folded, _HYPHEN.split(name))) not in self._folded:
                yield f"no member says “{name}”"

    def _is_kin(self, small: str, word: str, text: str) -> bool:
        """Say whether a member has a word of the same family, or a cut one in full."""
        known = self._vocabulary.get(small[:3], ())
        return (
            any(_are_kin(small, other) for other in known)
            or not self._stems.isdisjoint({stem(small), *derivations_of(stem(small))})
            or stem(small) in self._joined_stems
            or (f"{word}…" in text and any(other.startswith(small) for other in known))
        )

    def _halves(self, words: Sequence[str]) -> set[int]:
        """Return the places of words that a member writes as one with the next or the last."""
        together = enumerate(_pairs_as_one([folded(word) for word in words]))
        return {at + step for at, pair in together if pair in self._stems for step in (0, 1)}

    def _numbers(self, text: str, numbers: Sequence[Quantity]) -> Iterator[str]:
        """Yield the numbers that no member gives."""
        for number in numbers:
            if not self._gives(number):
                yield f"no member gives the number “{number.words}”"
        for value, unit in sorted(_with_letter_units(text) - self._letter_units):
            yield f"no member gives the number “{value:g} {unit}”"
        for name in _NUMBERED.findall(text):
            if name.casefold() not in self._plain:
                yield f"no member says “{name}”"

    def _gives(self, number: Quantity) -> bool:
        return any(_are_one(number, known) for known in self._quantities)

    def _allows(self, short: str, long: str) -> bool:
        wanted = _spelt_alike(folded_words(long))
        known = self._spelt_out.get(short, ())
        return any(_spelt_alike(folded_words(one)) == wanted for one in known)

    def _has_run(self, words: list[str], as_written: bool = False) -> bool:
        if as_written:
            return f" {' '.join(words)} " in self._as_written
        return f" {_spelt_alike(map(folded, words))} " in self._folded


def words_of_few(text: str, members: Sequence[str], n: int) -> list[str]:
    """Return the content words of a text that fewer than n of the members say in any form."""
    vocabularies = [_by_beginning(set(folded_words(member))) for member in members]
    few: list[str] = []
    for word in words_of(text):
        small = folded(word)
        if {word.casefold(), small} & FUNCTION_WORDS or len(small) == 1:
            continue
        said = (
            any(_are_kin(small, known) for known in vocabulary.get(small[:3], ()))
            for vocabulary in vocabularies
        )
        if sum(said) < n:
            few.append(word)
    return few


def _are_one(number: Quantity, known: Quantity) -> bool:
    """Say whether a number of a label is one of a member; it may leave out what it counts."""
    scales = 1.0, _BINARY.get(number.words[-1], 1.0)
    same = any(math.isclose(number.value * scale, known.value) for scale in scales)
    bare = same and number.unit == known.unit
    is_finer = digits_of(number.value) > digits_of(known.value)
    return (agree(number, known) and not is_finer) or (bare and not number.names)


def _blanked(text: str, numbers: Sequence[Quantity]) -> str:
    """Put blanks where these numbers are: they are looked at as numbers, not as words."""
    for number in numbers:
        end = number.start + len(number.words)
        text = f"{text[: number.start]}{' ' * len(number.words)}{text[end:]}"
    return text


def _has_digits(number: Quantity) -> bool:
    return any(map(str.isdigit, number.words))


def _with_letter_units(text: str) -> set[tuple[float, str]]:
    """Return the numbers that a unit of one letter follows, as in "40 s"."""
    return {(float(digits.replace(",", "")), unit) for digits, unit in _LETTER_UNIT.findall(text)}


def _merged(glossary: Glossary, members: Sequence[str]) -> dict[str, set[str]]:
    """Join what the glossary and the members spell out, by short form in the singular."""
    merged: dict[str, set[str]] = {}
    for short, longs in glossary.items():
        merged.setdefault(singular(short), set()).update(longs)
    for member in members:
        if "(" in member or _TIED.search(member):
            for short, long in _definitions(member):
                merged.setdefault(short, set()).add(long)
    return merged


def _pairs_as_one(words: Sequence[str]) -> list[str]:
    """Return the stem of each word with the next one behind it, as the stem of one word."""
    return [stem(stem(one) + other) for one, other in pairwise(words)]


class _Read(NamedTuple):
    """The words of a text."""

    words: tuple[str, ...]
    folded: tuple[str, ...]
    acronyms: frozenset[str]


@lru_cache(maxsize=32768)
def _read(text: str) -> _Read:
    """Take a text apart; a statement is a member of a community on every level."""
    return _Read(tuple(words_of(text)), tuple(folded_words(text)), frozenset(acronyms_in(text)))


def _spelt_alike(words: Iterable[str]) -> str:
    """Join words; "optimisation" and "optimization" come out alike."""
    return _ISE.sub("iz", " ".join(words))


def _joined(texts: Iterable[Sequence[str]]) -> str:
    return "".join(f" {' '.join(words)} |" for words in texts)


def _by_beginning(words: set[str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for word in sorted(words):
        index.setdefault(word[:3], []).append(word)
    return index


@lru_cache(maxsize=65536)
def _are_kin(word: str, known: str) -> bool:
    """Say whether two words are one up to their endings: a stem of four letters or more is shared.

    A stem of three is enough where only an e makes way, as in "name" and "naming".
    """
    return word == known or any(
        word[:stem] == known[:stem] and _ends_stem(word, stem) and _ends_stem(known, stem)
        for stem in range(3, min(len(word), len(known)) + 1)
    )


def _ends_stem(word: str, stem: int) -> bool:
    """Say whether what follows the stem is an ending; a doubled consonant is part of it."""
    ending = word[stem:]
    if stem == 3:
        return ending in _E_ENDINGS
    endings = _LONG_ENDINGS if stem >= 6 else _ENDINGS
    return ending in endings or (ending[:1] == word[stem - 1] and ending[1:] in endings)


class _Piece(NamedTuple):
    """A word of a label, for spelling."""

    word: str
    is_joined: bool
    """It is a later part of a compound."""

    is_function: bool


def _pieces(segment: str) -> list[_Piece]:
    return [
        _Piece(word, bool(join), word == "&" or word.casefold() in FUNCTION_WORDS)
        for join, word in _PIECE.findall(segment)
    ]


def _spelling(pieces: list[_Piece], short: str) -> Iterator[tuple[int, int]]:
    """Yield the runs of pieces whose initials spell an acronym, as start and end."""
    capitals = "".join(filter(str.isupper, short)).casefold()
    letters = "".join(filter(str.isalpha, short)).casefold()
    for spelt in sorted({capitals, letters}):
        if len(spelt) < 2:
            continue
        for start in range(len(pieces)):
            for end in _ends(pieces, start, spelt, short):
                if len(spelt) > 2 or _is_capitalised(pieces[start:end]):
                    yield start, end


def _ends(
    pieces: list[_Piece], at: int, left: str, short: str, begun: bool = False
) -> Iterator[int]:
    """Yield where a run that starts here ends, once it has spelt the letters that are left."""
    if not left:
        yield at
        return
    if at == len(pieces) or singular(pieces[at].word) == short:
        return
    piece = pieces[at]
    is_inside = begun and len(left) > 1
    if folded(piece.word)[0] == left[0] and (is_inside or not piece.is_function):
        yield from _ends(pieces, at + 1, left[1:], short, True)
    if begun and (piece.is_joined or piece.is_function):
        yield from _ends(pieces, at + 1, left, short, True)


def _is_capitalised(pieces: list[_Piece]) -> bool:
    return all(piece.word[0].isupper() for piece in pieces if not piece.is_function)


def _marked(pieces: list[_Piece], short: str) -> Iterator[tuple[int, int]]:
    """Yield the runs of two words or more whose capitals, some inside a word, spell an acronym."""
    if all(piece.word[1:] == piece.word[1:].lower() for piece in pieces):
        return
    wanted = "".join(filter(str.isupper, short))
    capitals = ["".join(filter(str.isupper, piece.word)) for piece in pieces]
    for start in range(len(pieces)):
        for end in range(start + 2, min(start + len(wanted) + 2, len(pieces)) + 1):
            inside = any(piece.word[1:] != piece.word[1:].lower() for piece in pieces[start:end])
            whole = capitals[start] and capitals[end - 1] and "".join(capitals[start:end]) == wanted
            if whole and inside:
                yield start, end


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of an acronym, in the singular, and the words that a text ties to it.

    Found are *long (short)*, *short (long)* and *short stands for long*, by the alignment of
    Schwartz & Hearst (2003), A simple algorithm for identifying abbreviation definitions in
    biomedical text, PSB 8:451-462: the letters in order, the first of them at the start of a
    word. Words that begin with the letters, one word each, come before that alignment, which would
    take "policy optimization" for PPO. The first letter may also lie inside a word if the words
    after it begin with the others.
    """
    for parenthesis in _PARENTHESIS.finditer(text):
        before = re.split(r"[.;:!?“”()]", text[: parenthesis.start()])[-1]
        inner = re.split(r"[,;]", parenthesis.group(1))[0].strip()
        words = before.split()
        if is_acronym(inner):
            long = _long_form(singular(inner), before)
            if long is not None:
                yield singular(inner), long
        elif words and is_acronym(words[-1]) and _is_long_form(singular(words[-1]), inner):
            yield singular(words[-1]), _ARTICLE.sub("", inner, count=1)
    for tie in _TIED.finditer(text):
        short = _BEFORE_TIE.search(text[max(0, tie.start() - 40) : tie.start()])
        if short is not None and is_acronym(short.group(1)):
            yield from _first_long_form(singular(short.group(1)), tie.group(1))


def _first_long_form(short: str, after: str) -> Iterator[tuple[str, str]]:
    words = _ARTICLE.sub("", after, count=1).split()
    for end in range(max(2, (len(short) + 1) // 2), min(len(words), len(short) + 3) + 1):
        if _is_long_form(short, " ".join(words[:end])):
            yield short, " ".join(words[:end])
            return


def _long_form(short: str, before: str) -> str | None:
    """Return the words at the end of a text that an acronym may stand for; the fewest."""
    n_words = min(len(short) + 5, 2 * len(short))
    window = " ".join(before.split()[-n_words:])
    for pattern in _alignments(short):
        found = re.fullmatch(rf"(?:.*[\s\-/])?({pattern})", window, re.IGNORECASE)
        if found:
            return str(found.group(1))
    return None


def _is_long_form(short: str, words: str) -> bool:
    words = _ARTICLE.sub("", words, count=1)
    return any(re.fullmatch(pattern, words, re.IGNORECASE) for pattern in _alignments(short))


def _alignments(short: str) -> Iterator[str]:
    first, *others = (re.escape(letter) for letter in short if letter.isalnum())
    yield rf"{first}\w*" + "".join(rf"[\s-]+{letter}\w*" for letter in others)
    yield first + "".join(f"[^{letter}]*{letter}" for letter in others) + r".*"
    yield rf"\w+{first}\w*" + "".join(rf"[\s-]+{letter}\w*" for letter in others)
