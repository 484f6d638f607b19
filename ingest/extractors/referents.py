"""What "it", "they" and "this method" stand for, where the sentence before says so plainly.

A statement is to be read alone. Where it begins with a pronoun, or with "this" and a noun, and the
sentence before in its paragraph offers one candidate of the right number, that candidate is put
in brackets behind the word, as it stands in the text: "It [the sparse autoencoder] recovers …".
The quote stays as it is.

1. "It" and "they" stand for the subject of the sentence before, which is what a subject most often
   takes up (the continuing centre of Grosz, Joshi & Weinstein 1995, Computational Linguistics
   21(2)); or, behind "we introduce …", for what is introduced.
2. "These features" stands for a phrase before with the same noun and more words ("sparse
   features"); "this method" for what is introduced, or for a subject with a name.

Nothing is done where that is in doubt: behind another paragraph, "it is known that …", "this
shows …", two candidates, or a subject that is a person, a clause, a list or a pronoun itself.
"""

import re
from typing import NamedTuple

from ingest.extractors.cues import word_set
from kg.phrases import DELIMITERS, FUNCTION_WORDS, known

_OPENING = re.compile(
    r"^(?P<lead>(?:(?:However|Moreover|Furthermore|In particular|Instead|Thus|Therefore|Hence"
    r"|Indeed|Nevertheless|Also|Finally|In addition|Additionally|Specifically|Importantly|Notably"
    r"|Further|For example|In contrast|As a result|Consequently|At the same time|Still|But|And|Yet"
    r"|So),? )?)"
    r"(?P<word>(?:It|it|They|they|Its|its|Their|their)"
    r"|(?:This|this|These|these|Those|those|Such|such) (?P<noun>[A-Za-z-]+(?: [a-z-]+)??))"
    r"(?= (?P<next>[\w’'-]+))"
)
_EXPLETIVE = re.compile(
    r"^(?:is|was|has been|may be|might be|would be|will be|should be|can be|could be|becomes?"
    r"|seems?|appears?|remains?|turns?|follows?|takes?|took|makes? sense|helps? to|need not)\b"
    r"(?: \w+){0,5}?(?: (?:that|to|how|whether|why|if|when|what|who)\b|,)",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(
    r"\b(?:introduces?|introduced|proposes?|proposed|presents?|presented|develop(?:s|ed)?|describes?"
    r"|described|call(?:ed)?|releases?|released|designed|build|built)(?: (?:here|first|then))? "
)
_WORD = re.compile(r"[A-Za-z0-9][\w’'/.-]*\w|[A-Za-z0-9]|[,;:()\"“”—]")
_DETERMINERS = word_set("the a an our another")
_PLURAL_DETERMINERS = word_set("the our two three four five")
_POINTING = word_set(
    "this these those that such it its their they each every both many most some several "
    "all few no none any other others"
)
"""Words that lean on something themselves, or speak of a part only."""
_PEOPLE = word_set(
    "we i you he she one who researchers authors people humans participants readers users "
    "someone everyone nobody others annotators"
)
_METHODS = word_set(
    "method approach technique procedure algorithm framework model architecture metric "
    "measure dataset benchmark tool system test objective loss"
)
"""Nouns that may name what was introduced by another word."""
_VAGUE = word_set(
    "fact way case result results finding findings section paper work observation "
    "observations idea reason point problem issue question view claim effect difference "
    "gap study assumption example kind issues problems examples questions numbers cases "
    "ideas"
)
"""Nouns that take up what a whole sentence says."""
_LEADS = word_set("unlike like given despite instead perhaps here there then")
_LINKS = word_set("of for")
_JOINS = frozenset(["and", "or", "(", "’s", "/"])
_BEHIND_SUBJECTS = word_set(
    "am is are was were be been has have had do does did can could may might must shall should "
    "will would cannot also still often never now then thus"
)
"""Function words that may stand behind a subject; behind a verb stand others ("all", "the")."""
_BEHIND_VERBS = word_set(
    "zero two three four five six seven eight nine ten eleven twelve half dozen hundred thousand "
    "no none not nothing without"
)
_BEFORE_VERBS = word_set(
    "i we you they who to not can could may might must shall should will would cannot did do does"
)
_PLURALS_WITHOUT_S = word_set("data criteria phenomena media")
_SINGULARS_WITH_S = word_set("series news")
_NO_BEGINNING = _POINTING | _PEOPLE | _LEADS
_MOST_WORDS = 6
_Token = tuple[str, int, int]
"""A word, where it begins, and where it ends."""


class _Phrase(NamedTuple):
    """A noun phrase of the sentence before."""

    text: str
    head: str
    is_plural: bool


def self_contained(text: str, before: str) -> str:
    """Return a sentence with what its opening stands for in brackets, where that is plain.

    Args:
        text: A sentence, white space collapsed.
        before: The sentence before it in its paragraph; empty if there is none.
    """
    opening = _OPENING.match(text)
    if not opening or not before or "[" in text[: opening.end() + 1] or _is_unfit(before):
        return text
    found = _referent(opening, text, before)
    if not found or found.text.casefold() in text.casefold():
        return text
    return f"{text[: opening.end()]} [{found.text}]{text[opening.end() :]}"


def _is_unfit(before: str) -> bool:
    return before.endswith(("?", ":")) or "[" in before[:1]


def _referent(opening: re.Match[str], text: str, before: str) -> _Phrase | None:
    noun, word = opening["noun"], opening["word"].casefold()
    if noun:
        return _of_noun(noun.casefold(), word, opening["next"], before)
    if word in {"it", "its"}:
        if word == "it" and _EXPLETIVE.match(text[opening.end() + 1 :]):
            return None
        return _taken_up(before, is_plural=False)
    return _taken_up(before, is_plural=True)


def _taken_up(before: str, *, is_plural: bool) -> _Phrase | None:
    """Return the subject before, or what was introduced, if it has this number."""
    subject = _subject(before)
    introduced = _introduced(before)
    if subject and sum(each.head == subject.head for each in _phrases(before)) > 1:
        return None
    found = introduced if not subject else None if introduced else subject
    return found if found and found.is_plural == is_plural else None


def _of_noun(noun: str, word: str, following: str, before: str) -> _Phrase | None:
    """Return what "this method" or "these features" stands for."""
    head = noun.split()[-1]
    is_known_verb = following.casefold() in DELIMITERS or following.casefold() in FUNCTION_WORDS
    if not is_known_verb or head in _VAGUE or head in DELIMITERS or noun.split()[0] in DELIMITERS:
        return None
    is_plural = word.startswith(("these", "those")) or _is_plural(head)
    same = [
        each
        for each in _phrases(before)
        if each.head.casefold() == head and len(_bare(each.text)) > len(noun.split())
        if not any(map(_is_plural, _bare(each.text)[:-1]))
    ]
    if len(same) == 1:
        return same[0] if same[0].is_plural == is_plural else None
    if same or head not in _METHODS or is_plural:
        return None
    found = _introduced(before) or _named_subject(before)
    return found if found and not found.is_plural else None


def _named_subject(before: str) -> _Phrase | None:
    subject = _subject(before)
    return subject if subject and any(map(str.isupper, subject.head[1:])) else None


def _introduced(before: str) -> _Phrase | None:
    """Return what the sentence introduces, if it introduces one thing."""
    places = [match.end() for match in _INTRODUCED.finditer(before)]
    if len(places) != 1:
        return None
    return _phrase_at(before, places[0], needs_verb=False)


def _subject(before: str) -> _Phrase | None:
    """Return the noun phrase that a sentence begins with, if a verb stands behind it."""
    lead = re.match(r"^(?:[A-Z][\w-]+(?: [\w’'-]+){0,4}, )?", before)
    return _phrase_at(before, lead.end() if lead else 0, needs_verb=True)


def _phrase_at(text: str, start: int, *, needs_verb: bool) -> _Phrase | None:
    """Return the noun phrase that begins here, with one "of" or "for"; none if it is not plain."""
    tokens = [(match[0], match.start(), match.end()) for match in _WORD.finditer(text, start)]
    if not tokens or tokens[0][1] != start or tokens[0][0].casefold() in _NO_BEGINNING:
        return None
    at = _behind_determiner(tokens, 0)
    noun_end = _run(tokens, at)
    end = _behind_link(tokens, noun_end)
    following = tokens[end][0].casefold() if end < len(tokens) else ""
    is_short = at < noun_end < end + 1 <= _MOST_WORDS + 1
    if not is_short or following in _JOINS or (needs_verb and not _is_verb(following)):
        return None
    head = tokens[noun_end - 1][0]
    before = tokens[noun_end - 2][0] if noun_end - at > 1 else ""
    if before.endswith("ly") or not (following in _BEHIND_SUBJECTS or known(head).may_end):
        return None
    if head.casefold() in _PEOPLE or (at == 0 and not _may_be_bare(tokens[0][0], head, start)):
        return None
    phrase = text[start : tokens[end - 1][2]]
    return _Phrase(_lowered(phrase, head if at == 0 else ""), head, _is_plural(head))


def _behind_determiner(tokens: list[_Token], at: int) -> int:
    is_there = at < len(tokens) and tokens[at][0].casefold() in _DETERMINERS | _PLURAL_DETERMINERS
    return at + 1 if is_there else at


def _behind_link(tokens: list[_Token], end: int) -> int:
    """Return where a phrase with one "of" or "for" ends; 0 if nothing plain stands behind it."""
    if end >= len(tokens) or tokens[end][0] not in _LINKS:
        return end
    inner = _behind_determiner(tokens, end + 1)
    stop = _run(tokens, inner)
    return stop if stop > inner else 0


def _may_be_bare(first: str, head: str, start: int) -> bool:
    """Say whether a phrase may go without an article: "sparse features", "SPD", "superposition"."""
    if first.casefold().endswith(("ing", "ly")):
        return False
    return start == 0 or _is_plural(head) or _is_name(head)


def _run(tokens: list[_Token], start: int) -> int:
    """Return where a run of nouns and adjectives ends."""
    end = start
    while end < len(tokens):
        small = tokens[end][0].casefold()
        if not small[0].isalnum() or small in DELIMITERS or small.endswith(("’s", "'s")):
            break
        end += 1
    return end


def _is_verb(word: str) -> bool:
    if word in FUNCTION_WORDS:
        return word in _BEHIND_SUBJECTS
    return word in DELIMITERS and word not in _BEHIND_VERBS


def _is_plural(head: str) -> bool:
    small = head.casefold()
    if head.isupper() or small in _SINGULARS_WITH_S:
        return False
    if small in _PLURALS_WITHOUT_S:
        return True
    return small.endswith("s") and not small.endswith(("ss", "us", "is", "ics"))


def _is_name(head: str) -> bool:
    return sum(map(str.isupper, head)) >= 2 or any(map(str.isdigit, head))


def _lowered(phrase: str, name: str) -> str:
    """Return a phrase as it would stand inside a sentence."""
    first, _, rest = phrase.partition(" ")
    if sum(map(str.isupper, first)) > 1 or (name and first == name and not _is_plural(name)):
        return phrase
    return f"{first[:1].lower()}{first[1:]} {rest}".strip()


def _bare(phrase: str) -> list[str]:
    words = phrase.split()
    return words[1:] if words[0].casefold() in _DETERMINERS | _PLURAL_DETERMINERS else words


def _phrases(before: str) -> list[_Phrase]:
    """Return the runs of nouns and adjectives of a sentence.

    The first word behind "we", "to" or "may" is a verb and no part of one.
    """
    tokens = [(match[0], match.start(), match.end()) for match in _WORD.finditer(before)]
    found: list[_Phrase] = []
    at = 0
    while at < len(tokens):
        end = _run(tokens, at)
        at += end > at > 0 and tokens[at - 1][0].casefold() in _BEFORE_VERBS
        if end > at and not tokens[at][0].endswith("ing"):
            head = tokens[end - 1][0]
            found.append(
                _Phrase(before[tokens[at][1] : tokens[end - 1][2]], head, _is_plural(head))
            )
        at = max(end, at) + 1
    return found
