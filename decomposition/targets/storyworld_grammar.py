"""The grammar that writes the little stories of `storyworld`, and says what each word tests.

A story has a protagonist, royal or everyday, and somebody else, mostly of the other gender. Every
pronoun means the protagonist, however many sentences and distractors lie between. Verbs that take
an object get one that fits them; quotes and brackets are closed; whoever is glad gets one
emoticon, whoever is sad another; and a first name is followed by the surname that the story gave
it at first. At the words that these rules decide, the writer leaves a *probe*.

Sentences are combinations of parts with slots. One combination in four is held out of training:
the model has seen each part, but never together. So are some pairs of first name and surname.
Every word was written for this project.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import torch

START = "<story>"
"""The token that every story begins with."""

FEMALE, MALE = 0, 1
ROYALS = (("queen", "princess", "duchess", "countess"), ("king", "prince", "duke", "count"))
PEOPLE = (
    ("woman", "girl", "mother", "niece", "sister", "nun"),
    ("man", "boy", "father", "nephew", "brother", "monk"),
)
FIRST_NAMES = (
    ("Ada", "Eva", "Mia", "Ida", "Zoe", "Lena", "Rosa", "Nora"),
    ("Tom", "Ben", "Max", "Leo", "Sam", "Otto", "Karl", "Hugo"),
)
SURNAMES = (
    "Holt", "Marsh", "Reed", "Stone", "Wood", "Field", "Brook", "Hill", "Lake", "Moss", "Thorn",
    "Vale",
)  # fmt: skip
PRONOUNS = (
    {"she": "she", "obj": "her", "poss": "her"},
    {"she": "he", "obj": "him", "poss": "his"},
)

OBJECTS = {
    "food": ("bun", "plum", "cake", "soup", "pear", "fish"),
    "text": ("book", "letter", "poem", "map"),
    "clothing": ("crown", "hat", "coat", "scarf"),
    "toy": ("ball", "drum", "kite", "flute"),
}
THINGS = tuple(noun for nouns in OBJECTS.values() for noun in nouns)
VERBS = {
    "ate": "food", "tasted": "food", "baked": "food",
    "read": "text", "wrote": "text",
    "wore": "clothing", "sewed": "clothing",
    "lost": "any", "found": "any", "sold": "any", "wanted": "any",
}  # fmt: skip
"""Verbs that take an object, with the objects that they take."""

INTRANSITIVES = ("slept", "laughed", "waited", "danced", "sang", "ran")
PLACES = ("castle", "garden", "market", "forest", "tower", "kitchen", "village", "church")
TEMPERS = ("wise", "young", "tall", "clever", "small", "kind")
COLOURS = ("red", "blue", "golden", "broken", "green", "heavy")
MOODS = {"glad": ")", "happy": ")", "proud": ")", "sad": "(", "lonely": "(", "tired": "("}
"""Moods with the second half of the emoticon that goes with them."""

BRACKETS = {"“": "”", "(": ")", "[": "]"}
ARTICLES = ("the", "a", "his", "her")
"""What can follow a verb that takes an object."""


class Template(NamedTuple):
    """One sentence with slots."""

    words: tuple[str, ...]
    is_held_out: bool


HELD_OUT_EVERY = 4
"""One combination in so many is held out."""


def _combined(*parts: Sequence[str], end: str = ".") -> tuple[Template, ...]:
    """Return the sentences that take one of each part, some of them held out.

    With each of several parts in its place, a combination is held out where the places add up to
    3 modulo 4: every part, and almost every pair of them, is seen in training.
    """
    templates = []
    for places in product(*(range(len(of)) for of in parts)):
        text = [part[place] for part, place in zip(parts, places, strict=True)]
        is_held_out = len(parts) > 1 and sum(places) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
        templates.append(Template(tuple(" ".join([*text, end]).split()), is_held_out))
    return tuple(templates)


OPENINGS = _combined([
    "the {temper} {P} went to the {place}",
    "once there was a {temper} {P} in the {place}",
    "the {P} lived in the {place} with the {Q}",
    "the {P} met the {temper} {Q} at the {place}",
    "once there was a {P} and a {Q}",
])  # fmt: skip
NAMED_OPENINGS = _combined([
    "{first} {last} met {other_first} {other_last} at the {place}",
    "{first} {last} was a {P} and {other_first} {other_last} was a {Q}",
    "once {first} {last} went to the {place} with {other_first} {other_last}",
])  # fmt: skip
_BEFORE = ("", "then", "so", "soon", "in the {place}", "when the {Q} {vi} ,",
           "when the {Q} {verb} the {object} ,")  # fmt: skip
_SOMEBODY = ("the {Q}", "soon the {Q}", "the {temper} {Q}", "the {Q} who {vi}",
             "the {Q} who lived in the {place}", "in the {place} the {Q}")  # fmt: skip
SENTENCES: dict[str, tuple[Template, ...]] = {
    "subject": _combined(
        _BEFORE,
        [
            "{she} {vi}",
            "{she} {verb} {poss} {object}",
            "{she} {verb} the {object}",
            "{she} and the {Q} {vi}",
            "{she} {vi} in the {place}",
        ],
    ),
    "other": _combined(
        _SOMEBODY,
        [
            "gave {obj} a {thing}",
            "gave {obj} the {thing}",
            "looked at {obj}",
            "found {poss} {thing}",
            "{verb} {poss} {object}",
        ],
    ),
    "objects": _combined(
        _SOMEBODY,
        [
            "{verb} the {object}",
            "{vi}",
            "{verb} a {object}",
            "{verb} the {colour} {object}",
            "{vi} in the {place}",
            "was {temper}",
        ],
    ),
    "things": _combined(
        ["", "so", "in the {place}", "soon"],
        ["the {thing} was {colour}", "there was a {thing}", "there was a {colour} {thing}"],
    ),
    "closing": _combined(
        [
            "the {Q} said {quote}",
            "the {Q} {vi} {open}",
            "{she} said {quote}",
            "the {Q} found a {thing} {open}",
            "then the {P} said {quote}",
            "{she} {vi} {open}",
            "the {Q} who {vi} said {quote}",
        ],
        [
            "the {thing} is {colour}",
            "there was a {thing} in the {place}",
            "the {Q} was {temper}",
            "{she} {verb} the {object}",
            "the {thing} in the {place} was {colour}",
            "the {Q} {vi}",
        ],
        end="{close} .",
    ),
    "emoticon": _combined(
        ["{she} was", "the {Q} was", "then {she} was", "the {P} was", "soon the {Q} was",
         "in the {place} {she} was"],
        ["{mood}", "{mood} in the {place}", "{mood} and {vi}", "{mood} and {vi} in the {place}"],
        end=": {face}",
    ),
    "lists": _combined(
        ["{she} had", "the {Q} had", "then {she} had", "in the {place} the {Q} had"],
        [
            "two things : a {thing} and a {thing}",
            "two things : the {colour} {thing} and a {thing}",
            "the {thing}",
        ],
    ),
}  # fmt: skip
NAMED = _combined(
    ["", "then", "soon", "the {Q} called", "the {Q} {vi} and", "when the {Q} {vi} ,"],
    ["{first} {last}", "{other_first} {other_last}"],
    ["{vi}", "{vi} in the {place}", "{verb} the {object}", "was {temper}"],
)
"""Sentences for stories whose people have names."""


class Probe(NamedTuple):
    """A word that the rules decide."""

    task: str
    """Its key in `TASKS`."""

    position: int
    """Where the word stands in the story, from 0; it is predicted from the words before."""

    accepted: frozenset[str]
    """What it may be under the rules."""

    among: frozenset[str] = frozenset()
    """The words to choose from; empty for the whole vocabulary."""


TASKS = {
    "pronoun_subject": "he or she, told from him, his and her",
    "pronoun_object": "him or her, after a verb or preposition",
    "pronoun_possessive": "his or her, before what is lost or found",
    "object": "an article or possessive after a verb that takes an object, none after others",
    "object_kind": "food is eaten, letters are read, crowns are worn",
    "closing": "the closing mark of a quote or bracket, of its kind, where its clause ends",
    "emoticon": "the emoticon of the mood",
    "induction": "the surname that the story gave to a first name",
}
"""What a model of the stories should be able to do."""

_TASK_OF_SLOT = {
    "she": "pronoun_subject",
    "obj": "pronoun_object",
    "poss": "pronoun_possessive",
    "object": "object_kind",
    "close": "closing",
    "face": "emoticon",
}
_CHOICES: dict[str, Sequence[str]] = {
    "thing": THINGS,
    "verb": tuple(VERBS),
    "vi": INTRANSITIVES,
    "place": PLACES,
    "temper": TEMPERS,
    "colour": COLOURS,
    "mood": tuple(MOODS),
    "open": ("(", "["),
    "quote": ("“",),
}
_KINDS = ("subject", "other", *SENTENCES)
"""Kinds of sentences to choose from, those with pronouns twice."""

_FORMS = frozenset(form for of in PRONOUNS for form in of.values())


class Story(NamedTuple):
    """Words, and what they test."""

    words: list[str]
    probes: list[Probe]
    """In the order of their positions."""


class Dice:
    """Random choices from a generator, drawn many at a time."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator
        self._drawn: list[float] = []

    def number(self) -> float:
        """Return a number in [0, 1)."""
        if not self._drawn:
            drawn = torch.rand(65536, generator=self._generator, dtype=torch.float64)
            self._drawn = drawn.tolist()
        return self._drawn.pop()

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return int(self.number() * n)

    def of(self, options: Sequence[str]) -> str:
        """Return one of these."""
        return options[self.below(len(options))]


def vocabulary() -> list[str]:
    """Return all words of all stories, the start token first, then in the order of Unicode."""
    templates = [*OPENINGS, *NAMED_OPENINGS, *NAMED]
    templates += [template for of in SENTENCES.values() for template in of]
    words = {word for t in templates for word in t.words if not word.startswith("{")}
    words.update(*ROYALS, *PEOPLE, *FIRST_NAMES, SURNAMES, _FORMS)
    words.update(BRACKETS, BRACKETS.values(), MOODS.values(), *_CHOICES.values())
    return [START, *sorted(words)]


_NOT_ARTICLES = frozenset(vocabulary()) - frozenset(ARTICLES)


@cache
def is_held_out_pair(gender: int, first: int, last: int) -> bool:
    """Say whether this first name never has this surname in training: about one pair in eight.

    The rule is a hash, so that a model gains next to nothing by learning it.
    """
    digest = hashlib.sha256(f"{gender} {first} {last}".encode()).digest()
    return digest[0] % 8 == 0


def write_story(dice: Dice, is_test: bool) -> Story:
    """Write one story.

    A test story has held-out names and, half of the time, held-out sentences; only these
    sentences, and surnames said again, are probed. A training story has neither.
    """
    return _Writer(dice, is_test).story()


class _Writer:
    """One story in the making."""

    def __init__(self, dice: Dice, is_test: bool) -> None:
        self.dice, self.is_test = dice, is_test
        self.words, self.probes = [START], list[Probe]()
        self.gender = dice.below(2)
        other = 1 - self.gender if dice.number() < 0.75 else self.gender
        person, (first, last) = self._person(self.gender), self._name(self.gender)
        other_person, other_first, other_last = person, first, last
        while other_person == person:
            other_person = self._person(other)
        while other_first == first or other_last == last:
            other_first, other_last = self._name(other)
        self.filled = {"P": person, "first": first, "last": last}
        self.filled |= {"Q": other_person, "other_first": other_first, "other_last": other_last}
        self.is_probed = True
        """Whether the sentence being written is."""

        self.expected: frozenset[str] | None = None
        """What the verb just written wants next."""

    def story(self) -> Story:
        """Write an opening and two to five sentences."""
        is_named = self.dice.number() < 0.5
        self._sentence(NAMED_OPENINGS if is_named else OPENINGS)
        for _ in range(2 + self.dice.below(4)):
            if is_named and self.dice.number() < 0.5:
                self._sentence(NAMED)
            else:
                self._sentence(SENTENCES[self.dice.of(_KINDS)])
        return Story(self.words, self.probes)

    def _person(self, gender: int) -> str:
        return self.dice.of((ROYALS if self.dice.number() < 0.5 else PEOPLE)[gender])

    def _name(self, gender: int) -> tuple[str, str]:
        while True:
            first, last = self.dice.below(len(FIRST_NAMES[0])), self.dice.below(len(SURNAMES))
            if is_held_out_pair(gender, first, last) == self.is_test:
                return FIRST_NAMES[gender][first], SURNAMES[last]

    def _sentence(self, templates: Sequence[Template]) -> None:
        held_out = [template for template in templates if template.is_held_out]
        take_held_out = self.is_test and bool(held_out) and self.dice.number() < 0.5
        pool = held_out if take_held_out else [t for t in templates if not t.is_held_out]
        self.is_probed = take_held_out or not self.is_test
        self.expected = None
        for word in pool[self.dice.below(len(pool))].words:
            if word.startswith("{"):
                self._fill(word[1:-1])
            else:
                self._add(word)

    def _fill(self, slot: str) -> None:
        options = self._options(slot)
        task = _TASK_OF_SLOT.get(slot)
        slot = "open" if slot == "quote" else slot
        if slot.endswith("last") and self.filled[slot] in self.words:
            task = "induction"
        word = self.dice.of(options)
        self.filled[slot] = word
        self._add(word, task, options if slot == "object" else ())
        if slot in ("verb", "vi"):
            self.expected = frozenset(ARTICLES) if slot == "verb" else _NOT_ARTICLES

    def _options(self, slot: str) -> Sequence[str]:
        if slot in _CHOICES:
            return _CHOICES[slot]
        if slot in PRONOUNS[self.gender]:
            return (PRONOUNS[self.gender][slot],)
        if slot == "object":
            return OBJECTS.get(VERBS[self.filled["verb"]], THINGS)
        if slot == "close":
            return (BRACKETS[self.filled["open"]],)
        return (MOODS[self.filled["mood"]] if slot == "face" else self.filled[slot],)

    def _add(self, word: str, task: str | None = None, accepted: Sequence[str] = ()) -> None:
        at = len(self.words)
        if self.expected is not None and self.is_probed:
            self.probes.append(Probe("object", at, self.expected))
        self.expected = None
        if task is not None and (self.is_probed or task == "induction"):
            among = _FORMS if task.startswith("pronoun") else frozenset[str]()
            self.probes.append(Probe(task, at, frozenset(accepted or (word,)), among))
        self.words.append(word)
