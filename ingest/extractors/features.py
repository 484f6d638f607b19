"""What the linear model sees of a sentence: cues, position, neighbours, and words without topic.

A word says what a sentence is about; a role does not depend on it. So words are *delexicalised*:
a closed-class word (of, because, cannot) stays, any other becomes the class of its ending
("-ed", "-tion", "ABC" for an acronym), and one- to three-grams are taken over that. Whole words
are offered too, and training keeps only what occurs in several documents, which the words of
one topic do not.

Cohen & Carvalho (2005), Stacked Sequential Learning, and Teufel & Moens (2002),
doi:10.1162/089120102762671936, show what neighbours and sections add. All features are binary; a
name's prefix is its group, and a group's scale is folded into the weights by training.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ingest.extractors.cues import cues_of, pieces_of, tokens_of, word_set

GROUP_SCALES = {
    "c": 1.0,  # cues of the sentence itself
    "p": 0.5,  # cues of the sentence before
    "n": 0.5,  # cues of the sentence after
    "s": 1.0,  # the section's role
    "o": 1.0,  # position in the section
    "w": 0.5,  # whole words
    "h": 0.3,  # one- to three-grams of delexicalised words
}
"""Smaller scales are regularised more; chosen once, on leave-one-document-out."""

SECTION_ROLES = (
    ("abstract", r"abstract|summary|tl;?dr"),
    ("references", r"^\W*(?:\d+\W+)?(?:references|bibliography|works cited)\W*$"),
    (
        "thanks",
        r"acknowledge?ment|author contribution|^\W*funding|(?:competing|conflicts? of) interest"
        r"|(?:data|code|materials?)(?: and \w+)? availability",
    ),
    ("method", r"experimental (?:procedures|methods)|materials? and methods"),
    (
        "future",
        r"^\W*(?:[\d.]+\W+)?(?:future (?:work|directions|research)|next steps|open questions"
        r"|further (?:work|research)|what we (?:would|\W?d) like|desiderata|call to action)",
    ),
    ("conclusion", r"conclu|closing|takeaway"),
    ("discussion", r"discuss|implication|interpretation|trustworthy|future work"),
    ("limitations", r"limitation|caveat|scope|threats to"),
    ("related", r"related|prior work|background|position vs|literature"),
    ("introduction", r"introduc|overview|motivation|what this (?:paper|note)"),
    ("results", r"result|experiment|evaluation|case stud|analys|finding|ablation|what we (?:f|s)"),
    (
        "method",
        r"method|set-?up|approach|procedure|protocol|\bdata|implementation|training detail"
        r"|^\W*(?:[\d.]+\W+)?(?:participants|subjects|stimuli|materials|apparatus|annotators)\b",
    ),
)
"""Roles and the headings that betray them, first match wins."""

_ROLE_PATTERNS = tuple((role, re.compile(words, re.IGNORECASE)) for role, words in SECTION_ROLES)

_CHECKLIST = re.compile(r"^\W*(?:[\dA-Z]{1,2}\W+)?(?:[\w ]{0,30} )?checklist\W*$", re.IGNORECASE)
"""The heading of a form that a venue asks to be filled in, whatever it stands in."""

_CLOSED_CLASS = word_set(
    "a about above across after again against all almost along already also although always among "
    "an and another any are aren't around as at away be because been before being below between "
    "both but by can can't cannot could did do does doesn't don't done down during each either "
    "else even ever every few first for from further get given had has have having he hence her "
    "here his how however i if in indeed instead into is isn't it it's its itself just last least "
    "less like likely made make makes many may me might more most much must my neither never next "
    "no none nor not nothing now of off often on once one only onto or other others our ourselves "
    "out over own per perhaps quite rather same second see seem seems several shall she should "
    "since so some sometimes still such take than that that's the their them themselves then there "
    "therefore these they this those though three through thus to together too toward towards two "
    "under unless unlike until up upon us used using versus very via was we well were what when "
    "where whereas whether which while who whose why will with within without would yet you your "
    "find found show shows shown suggest suggests believe think argue need"
)

_ENDINGS = (
    *("ingly", "edly", "ly", "ing", "ed", "tion", "tions", "ment", "ity", "ness", "able", "ible"),
    *("ful", "ive", "ous", "ic", "al", "ary", "ent", "ant", "er", "ers", "est", "ism", "ize"),
    *("ise", "es", "s"),
)


MAX_PLACE = 6
"""In an abstract, whose moves have an order, places up to this one from either end differ."""


class Sentence(NamedTuple):
    """A sentence taken apart once: its words and its cues."""

    text: str
    words: tuple[str, ...]
    """Tokens in lower case."""

    shapes: tuple[str, ...]
    """Delexicalised tokens, between a start and an end mark."""

    cues: frozenset[str]
    topical: tuple[str, ...]
    """The words that say what the sentence is about, as often as they occur."""


def analyse(text: str) -> Sentence:
    """Take a sentence apart."""
    words: list[str] = []
    shapes, topical = ["^"], list[str]()
    for of_piece in map(_taken_apart, pieces_of(text)):
        words += of_piece[0]
        shapes += of_piece[1]
        topical += of_piece[2]
    shapes.append("$")
    return Sentence(text, tuple(words), tuple(shapes), cues_of(text, words), tuple(topical))


@lru_cache(maxsize=65536)
def _taken_apart(piece: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the words, the shapes and the topical words of what stands between white space."""
    tokens = tokens_of(piece)
    words = tuple([token.lower() for token in tokens])
    topical = tuple([w for w in words if len(w) > 2 and w[0].isalpha() and w not in _CLOSED_CLASS])
    return words, tuple(map(_shape, tokens)), topical


def section_role(heading: str, kind: str = "body") -> str:
    """Return the role of a section: that of its kind, else what its heading says, else "other"."""
    if kind != "references" and _CHECKLIST.search(heading):
        return "checklist"
    if kind in {"abstract", "references", "appendix", "captions", "statements"}:
        return kind
    for role, pattern in _ROLE_PATTERNS:
        if pattern.search(heading):
            return role
    return "assertion" if len(heading.split()) > 5 else "other"


def features_of(section: Sequence[Sentence], role: str) -> list[list[str]]:
    """Return the names of the features of each sentence of one section, in its order."""
    around = around_grams(section, role)
    return [[*names, *grams(each)] for names, each in zip(around, section, strict=True)]


def around_grams(section: Sequence[Sentence], role: str) -> list[list[str]]:
    """Return the names of those that are no grams: cues, those of the neighbours, role, place."""
    last = len(section) - 1
    before = [["p:none"]] + [[f"p:{cue}" for cue in sentence.cues] for sentence in section[:-1]]
    after = [[f"n:{cue}" for cue in sentence.cues] for sentence in section[1:]] + [["n:none"]]
    rows = []
    for place, sentence in enumerate(section):
        names = [f"c:{cue}" for cue in sentence.cues]
        names += before[place]
        names += after[place]
        names.append(f"s:{role}")
        names += _position(place, last)
        if role == "abstract":
            names += (f"o:at{min(place, MAX_PLACE)}", f"o:left{min(last - place, MAX_PLACE)}")
        rows.append(names)
    return rows


def grams(sentence: Sentence) -> set[str]:
    """Return the names of a sentence's words and of its one- to three-grams of shapes."""
    shapes = sentence.shapes
    pairs = [f"h:{first} {second}" for first, second in pairwise(shapes)]
    return {
        *[f"w:{word}" for word in sentence.words],
        *[f"h:{shape}" for shape in shapes],
        *pairs,
        *[f"{pair} {third}" for pair, third in zip(pairs, shapes[2:], strict=False)],
    }


def _position(place: int, last: int) -> list[str]:
    names = [f"o:third{3 * place // (last + 1)}"]
    if place == 0:
        names.append("o:first")
    if place == last:
        names.append("o:last")
    return names


@lru_cache(maxsize=65536)
def _shape(token: str) -> str:
    """Return a closed-class word or a mark as it is, and the class of any other word."""
    word = token.lower()
    if word in _CLOSED_CLASS or not token[0].isalpha():
        return word
    if token.isupper() and len(token) > 1:
        return "ABC"
    for ending in _ENDINGS if word.endswith(_ENDINGS) else ():
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return f"-{ending}"
    return "X"
