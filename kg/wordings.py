"""A sentence, read for what a paraphrase keeps: words, names, numbers, denials and comparisons.

Words count by meaning (`kg.lexicon`), so that "erases" and "removes" are one. A short form is
spelt out where a glossary says what it stands for. "A rather than B", "A, not B" and "A but not
B" deny B; "A than B" and "compared with B, A" have two sides.

But: there is no parser. A denial is taken to reach the two content words behind it.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from kg.grounding import Glossary
from kg.lexicon import NEGATIONS, QUANTIFIERS, meaning, stem
from kg.phrases import DELIMITERS, FUNCTION_WORDS, folded, is_acronym, singular
from kg.quantities import Quantity, quantities
from kg.rewordings import PHRASES
from kg.thesaurus import are_synonyms

_TOKEN = re.compile(r"[^\W_]+(?:-\d+\w*)*(?:[.,]\d+)*(?:['’][^\W_]+)?|[,;:()]")
_NAME = re.compile(r"[^\W_]+(?:[-.][^\W_]+)*")
_NO_NEGATION = re.compile(r"\bnot (?:only|just|merely)\b|\bno (?:less|fewer) than\b", re.I)
_COMMA_NOT = re.compile(
    r",\s*(?:and\s+|but\s+)?not\s+|,?\s+but\s+(?:do(?:es)?\s+|did\s+)?not\s+", re.I
)
_INSTEAD = re.compile(
    r"\b(?:rather than|instead of|as opposed to|in place of|over and above)\b", re.I
)
_COMPARED = re.compile(
    r"\b(?:compared (?:with|to)|relative to|in comparison (?:with|to))\s+([^,]+),?", re.I
)
_THAN = re.compile(r"\b(?:than|ratherthan)\b", re.I)
_PREFER = re.compile(r"(\bpreferr?(?:s|ed)?\b.*?)\bover\b", re.I)
_PREFIX = re.compile(r"^(?:un|in|im|il|ir|non|dis|mis)(?=\w{4})")
_TAIL = re.compile(r"(?:-[a-z]{3,})+$")
_REACH = 2
_COUNTING = frozenset(
    [
        "percent",
        "cent",
        "million",
        "thousand",
        "billion",
        "half",
        "third",
        "quarter",
        "fewer",
        "greater",
        "roughly",
        "approximately",
        "nearly",
    ]
)
_JOINED = frozenset(["becauseof"])
"""Words that we make of several; `ratherthan` is on the list of negations."""
_SILENT = frozenset(["compared", "according", "thanks"])
"""Of "compared with", "according to" and "thanks to"."""
_BREAKS = frozenset(",;:()")
Negations = list[tuple[str, tuple[str, ...]]]


class Reading(NamedTuple):
    """A sentence as it is compared."""

    text: str
    content: frozenset[str]
    """What its words stand for; no function words, no numbers."""

    words: dict[str, str]
    """A word of the sentence for each of its stems and meanings."""

    stems: frozenset[str]
    tokens: tuple[str, ...]
    names: dict[str, str]
    """Acronyms, model names and other words with capitals or digits inside."""

    numbers: tuple[Quantity, ...]
    right: frozenset[str]
    """What stands behind "than", "rather than" or "compared with"."""

    left: frozenset[str]


def readings(a: str, b: str, glossary: Glossary | None = None) -> tuple[Reading, Reading]:
    """Return both sentences as they are compared, their short forms spelt out."""
    spelt = glossary or {}
    return reading(_expanded(a, b, spelt)), reading(_expanded(b, a, spelt))


@lru_cache(maxsize=8192)
def reading(text: str) -> Reading:
    """Read a sentence for what is compared."""
    plain = _PREFER.sub(r"\1 than ", text)
    plain = _COMMA_NOT.sub(" ratherthan ", _INSTEAD.sub("ratherthan", plain))
    for pattern, replacement in PHRASES:
        plain = pattern.sub(replacement, plain)
    plain = _NO_NEGATION.sub("", plain)
    tokens = tuple(_TOKEN.findall(plain))
    numbers = tuple(quantities(text))
    content = [token for token in tokens if is_content(token)]
    words: dict[str, str] = {}
    for token in content:
        words.setdefault(stem(token), token)
        words.setdefault(meaning(token), token)
    left, right = _sides(plain)
    return Reading(
        text=text,
        content=frozenset(map(meaning, content)),
        words=words,
        stems=frozenset(map(stem, [token for token in tokens if token.isalpha()])),
        tokens=tokens,
        names=_names(text),
        numbers=numbers,
        right=right,
        left=left,
    )


def is_content(token: str) -> bool:
    """Say whether a word carries a topic: no function word, number, denial or quantifier."""
    small = token.casefold()
    return (
        any(map(str.isalpha, token))
        and not small[0].isdigit()
        and small not in FUNCTION_WORDS
        and small not in NEGATIONS
        and len(small) > 1
        and small not in _COUNTING
        and small not in _JOINED | _SILENT
        and not quantities(small)
        and not any(small in words for words in QUANTIFIERS.values())
    )


def denied_here(word: str, other: Reading) -> bool:
    """Say whether a word is another sentence's word with a negating prefix."""
    bare = _PREFIX.sub("", word.casefold())
    return bare != word.casefold() and (stem(bare) in other.stems or meaning(bare) in other.content)


def _expanded(text: str, other: str, glossary: Glossary) -> str:
    """Spell out the short forms of a text; of several long forms, one that the other text has."""
    folded_other = " ".join(map(folded, re.findall(r"\w+", other)))

    def long_form(match: re.Match[str]) -> str:
        longs = sorted(glossary.get(match[0], ()) or glossary.get(singular(match[0]), ()))
        shared = [x for x in longs if " ".join(map(folded, re.findall(r"\w+", x))) in folded_other]
        chosen = shared or (longs if len(longs) == 1 else [])
        return chosen[0] if chosen else match[0]

    return _NAME.sub(long_form, text) if glossary else text


def _names(text: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for match in _NAME.finditer(text):
        word = _TAIL.sub("", match.group())
        if not word[0].isalpha() or word.casefold() in FUNCTION_WORDS:
            continue
        before = text[: match.start()].rstrip(" \"'“‘(")
        is_inside = bool(before) and before[-1] not in ".:;!?"
        is_marked = is_acronym(word) or any(map(str.isupper, word[1:]))
        if is_marked or any(map(str.isdigit, word)):
            names[squeezed(singular(word))] = word
        elif is_inside and word[0].isupper() and len(word) > 1:
            names[squeezed(folded(word))] = word
    return names


def squeezed(word: str) -> str:
    """Return letters and digits only, so that "Top-k" and "TopK" are one."""
    return re.sub(r"[\W_]+", "", word).casefold()


def _sides(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what stands on either side of a comparison; nothing and nothing without one."""
    compared = _COMPARED.search(text)
    if compared:
        right, left = compared[1], text[: compared.start()] + " " + text[compared.end() :]
    else:
        parts = _THAN.split(text, maxsplit=1)
        if len(parts) < 2:
            return frozenset(), frozenset()
        right, _, rest = parts[1].partition(",")
        left = f"{parts[0]} {rest}"
        if re.search(r"\b(?:fewer|more|less|greater|higher|lower)\s*$", left) and re.match(
            r"\s*\d", right
        ):
            return frozenset(), frozenset()
    return _meanings(left), _meanings(right)


def _meanings(text: str) -> frozenset[str]:
    return frozenset(meaning(token) for token in _TOKEN.findall(text) if is_content(token))


def negations(one: Reading, other: Reading) -> Negations:
    """Return each negation with the meanings of the words that it stands before."""
    found: Negations = []
    for index, token in enumerate(one.tokens):
        small = token.casefold()
        if small in NEGATIONS:
            ahead: list[str] = []
            for following in one.tokens[index + 1 :]:
                if following in _BREAKS or len(ahead) == _REACH:
                    break
                if is_content(following):
                    ahead.append(meaning(following))
            found.append((token, tuple(ahead) or _behind(one.tokens[:index])))
        elif _PREFIX.match(small) and stem(small) not in other.stems:
            bare = stem(_PREFIX.sub("", small))
            if bare in other.stems:
                found.append((token, (meaning(_PREFIX.sub("", small)),)))
    return found


def _behind(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Return the nearest words before a denial with nothing behind it: "the encoder is not"."""
    near = [meaning(token) for token in tokens if is_content(token) and is_thing(token)]
    return tuple(near[-1:])


def own_words(one: Reading, two: Reading) -> frozenset[str]:
    """Return the content words that only one has, and no word of the other can stand for."""
    left = [stem(two.words[word]) for word in two.content if word not in one.content]
    return frozenset(
        word
        for word in one.content
        if word not in two.content
        and not any(alike(word, other) for other in two.content)
        and not denied_here(one.words[word], two)
        and not any(are_synonyms(stem(one.words[word]), other) for other in left)
    )


def more_often(one: Reading, two: Reading) -> frozenset[str]:
    """Return the words that both say, and one more often."""
    counts, others = (Counter(map(meaning, filter(is_content, each.tokens))) for each in (one, two))
    return frozenset(word for word, n in counts.items() if n > others[word] > 0)


def is_thing(word: str) -> bool:
    """Say whether a word names a thing or a property, as far as the list of verbs knows."""
    return word.casefold() not in DELIMITERS


def alike(one: str, other: str) -> bool:
    """Say whether two stems are one word with two endings."""
    shorter = min(len(one), len(other))
    return shorter >= 5 and (one.startswith(other) or other.startswith(one))


def word_of(one: Reading, found: str) -> str:
    """Return the word of a sentence for a stem or a meaning."""
    if found in one.words:
        return one.words[found]
    return next((token for token in one.tokens if stem(token) == found), found)
