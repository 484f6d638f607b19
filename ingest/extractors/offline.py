"""The extractor that needs no neural network: cues, a linear model, rules and salience.

Steps, for a whole document:

1. Split each section into sentences; leave out references, captions, acknowledgements.
2. Give each sentence the probabilities of being a claim, a finding, a cited statement or
   something else (`features`, `linear_model`).
3. Overrule them where a sentence says outright whose it is (`rules`, `stances`).
4. Drop what a rule excludes (`rules`), what is probably neither, and what was said before.
5. Rank by worth (`worth`) times salience (`salience`), keep the best, return them in reading order.
   What stands right under "Claim 1" or "Hypothesis 2" is what the authors themselves put first.
6. Say in brackets what "it" or "this method" stands for, where that is plain (`referents`).

Sentence embeddings are not used: they encode what a sentence is about, not what it does, and
made the role classifier worse on unseen topics.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ingest.documents import Document, Draft, Section, Span
from ingest.extractors.features import Sentence, analyse, around_grams, grams, section_role
from ingest.extractors.grams import GramWeights
from ingest.extractors.linear_model import LABELS, LinearModel, shipped_model
from ingest.extractors.notes import note_of
from ingest.extractors.referents import self_contained
from ingest.extractors.rules import is_attributed, reason_to_drop
from ingest.extractors.salience import centralities, salience
from ingest.extractors.stances import (
    CHANCE_OF_STANCE,
    WORTH_OF_HYPOTHESIS,
    states_hypothesis,
    takes_stand,
)
from ingest.extractors.worth import Surroundings, shipped_worth, worth_features
from ingest.sentences import sentences

_SKIPPED = frozenset({"references", "captions", "statements", "thanks", "future", "checklist"})
_SILENT = frozenset({"other", "assertion"})
"""Roles of sections whose headings say nothing of what part of a paper they are."""

_NUMBERED = re.compile(r"\W*(\d+|[A-Z](?=\.))[.\s]")
_BULLET = re.compile(r"[•▪◦‣∙○●–—*-]\s+(?=\S)")
_ASKED = re.compile(r"Question:[^?]+\?\s+Answer:")
"""A section of a venue's form, which papers are printed with."""

_ANNOUNCES = re.compile(
    r"(?:[\d.]+ )?(?:claim|hypothesis|thesis|conjecture|proposition|finding|observation|takeaway"
    r"|result|insight|lesson|principle) (?:\d+|[IVX]+|[A-H])\b"
    r"(?P<label> ?(?:\([^)]{1,30}\) ?)?:(?: \S+){6})?",
    re.IGNORECASE,
)
_ANNOUNCED = 3
"""Sentences; a longer first paragraph under such a heading is an introduction."""

_LONGEST = 2000
"""Code points; what is longer is no sentence, and is not looked at."""

_DIGITS = 6
"""Of a score; the last ones depend on how many threads the matrix product was computed by."""

_KINDS = [LABELS.index(label) for label in ("claim", "finding", "cited")]
_CLAIM, _FINDING, _CITED = _KINDS

_OPENS_AS_FINDING = re.compile(
    r"^.{0,50}?\b(?:we(?: also| then| first| again| have| \w+ly)? (?:find|found|observed?|saw"
    r"|show(?:ed|n)?|demonstrated?|measured?|confirm(?:ed)?|discover(?:ed)?|encounter(?:ed)?)"
    r"|(?:results?|experiments?|evaluations?|analys[ie]s|tests?|ablations?|findings?"
    r"|(?:figure|fig\.|table) [\w.]+(?: in [\w ]{1,30})?)"
    r" (?:shows?|showed|demonstrates?d?|reveal(?:s|ed)?|confirms?))\b"
    r"|, (?:and |also )?(?:find|found|finding|observ(?:e|ed|ing)|show|showing|revealing) that\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"\d\s?%|\d\.\d|\d-?fold\b|\d\s?[x×]\b|\d\s?pp\b|\b\d+ (?:of|out of) (?:the )?\d"
)
_VENTURES = re.compile(
    r"\b(?:may|might|could|should|would|likely|argue|suggest|believe|propose|recommend)",
    re.IGNORECASE,
)


class OfflineExtractorConfig(BaseModel):
    """What the offline extractor keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_statements: int = Field(default=40, ge=1)
    """At most this many statements per document; the most salient stay."""

    min_probability: float = Field(default=0.5, ge=0.0, le=1.0)
    """A sentence must be a claim or a finding with at least this probability, in [0, 1]."""

    min_candidate: float = Field(default=0.2, ge=0.0, le=1.0)
    """A sentence that is not kept is listed as a candidate from this probability on, in [0, 1]."""

    min_worth: float = Field(default=0.8, ge=0.0, le=1.0)
    """Beyond the best `n_sure` of a paper, a sentence must be worth keeping with at least this
    probability, in [0, 1]: a paper with little to say has fewer statements, not worse ones."""

    min_rank: float = Field(default=0.4, ge=0.0, le=1.0)
    """Beyond the best `n_sure` of a note, a sentence must have at least this product of probability
    and salience, in [0, 1]."""

    n_sure: int = Field(default=10, ge=0)
    """So many are kept whatever their worth or rank."""

    note_length: int = Field(default=80, ge=0)
    """A document of fewer sentences is a note; the model of worth was trained on papers."""


class _Placed(NamedTuple):
    """A sentence, and where it stands."""

    section: int
    span: Span
    sentence: Sentence
    role: str
    before: str
    """The sentence before it in its section."""

    is_first: bool
    """It begins a paragraph."""

    is_announced: bool
    """It is what the heading, or a label in front, announces by number: "Claim 1", "Finding 2:"."""


class _Judged(NamedTuple):
    """All sentences of a document with what the model makes of them, row by row."""

    found: list[_Placed]
    analysed: list[tuple[str, list[Sentence]]]
    """The role and the sentences of each section."""

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    chances: NDArray[np.float64]
    """Of being a claim or a finding."""

    rows: list[list[str]]
    """The features of each sentence, but for grams."""

    of_grams: NDArray[np.float64]
    """What each sentence's grams add to its worth, as a sum of weights."""


class Likely(NamedTuple):
    """A sentence that is a claim or a finding with some probability."""

    place: int
    """Among all sentences of the document, from 0."""

    sentence: Sentence
    names: list[str]
    """Its features for the first model, but for grams."""

    of_grams: float
    """What its grams add to the sum of weights that tells its worth."""

    around: Surroundings
    salience: float
    is_announced: bool

    @property
    def chance(self) -> float:
        """Return the probability of being a claim or a finding."""
        return self.around.claim + self.around.finding

    def worth(self) -> float:
        """Return the probability, in [0, 1], that it is worth keeping."""
        names = worth_features(self.names, self.sentence, self.around)
        least = WORTH_OF_HYPOTHESIS if states_hypothesis(self.sentence) else 0.0
        return max(least, shipped_worth().worth(names, self.of_grams))

    def features(self) -> list[str]:
        """Return all features from which its worth is told, as a model of it is trained on."""
        names = [*self.names, *grams(self.sentence)]
        return worth_features(names, self.sentence, self.around)


class OfflineExtractor:
    """Proposes the claims and findings of a document, with the words they stand in.

    A draft's score is the calibrated probability that the sentence is a claim or a finding.
    """

    name = "offline"
    is_offline = True

    def __init__(
        self, config: OfflineExtractorConfig | None = None, model: LinearModel | None = None
    ) -> None:
        self.config = config or OfflineExtractorConfig()
        self._model = model
        self._last: tuple[Document, _Judged | None] | None = None
        self._last_kept: tuple[Document, list[int]] | None = None

    def load(self) -> None:
        """Read the weights."""
        self._model = self._model or shipped_model()

    def extract(self, document: Document) -> list[Draft]:
        """Return the document's most salient statements in reading order."""
        judged = self._judged(document)
        return [] if judged is None else _drafts(document, judged, self._kept(document))

    def candidates(self, document: Document) -> list[Draft]:
        """Return, in reading order, what may be statements and was not kept.

        What says the same words as one that was kept, and what reports others' work, is none.
        """
        judged = self._judged(document)
        if judged is None:
            return []
        kept = self._kept(document)
        said = {judged.found[i].sentence.text.casefold() for i in kept}
        is_cited = judged.probabilities.argmax(axis=1) == _CITED
        may_be = (judged.chances >= self.config.min_candidate) & ~is_cited
        may_be[kept] = False
        found: list[int] = []
        for i in np.flatnonzero(may_be).tolist():
            sentence = judged.found[i].sentence
            words = sentence.text.casefold()
            if words not in said and reason_to_drop(sentence) is None:
                found.append(i)
                said.add(words)
        return _drafts(document, judged, found)

    def _kept(self, document: Document) -> list[int]:
        """Return the places of the sentences that are kept, ascending; asked for twice, as well."""
        if self._last_kept is None or self._last_kept[0] is not document:
            self._last_kept = (document, self._best(document))
        return self._last_kept[1]

    def _best(self, document: Document) -> list[int]:
        is_note = self.is_note(document)
        likely = self.likely(document)
        worths = [
            1.0 if each.is_announced else each.chance if is_note else each.worth()
            for each in likely
        ]
        chosen = self.chosen(likely, worths, is_note=is_note)
        return sorted(likely[each].place for each in chosen)

    def is_note(self, document: Document) -> bool:
        """Return whether a document is too short for what was learned from papers."""
        judged = self._judged(document)
        return judged is None or len(judged.found) < self.config.note_length

    def cited(self, document: Document) -> list[Draft]:
        """Return the sentences that report what others claim or found, in reading order."""
        judged = self._judged(document)
        if judged is None:
            return []
        likeliest = judged.probabilities.argmax(axis=1)
        return [
            _cited(each, document, float(judged.probabilities[i, _CITED]))
            for i, each in enumerate(judged.found)
            if likeliest[i] == _CITED and reason_to_drop(each.sentence) is None
        ]

    def _judged(self, document: Document) -> _Judged | None:
        """Return every sentence with its probabilities; none if there is no sentence.

        The last document is kept, since it is asked about twice.
        """
        if self._last is None or self._last[0] is not document:
            self._last = (document, self._judge(document))
        return self._last[1]

    def _judge(self, document: Document) -> _Judged | None:
        parts = [
            (index, role, _placed(index, section, role))
            for index, (section, role) in enumerate(
                zip(document.sections, section_roles(document.sections), strict=True)
            )
            if role not in _SKIPPED
        ]
        analysed = [(role, [each.sentence for each in found]) for _, role, found in parts]
        flat = [each for _, _, found in parts for each in found]
        if not flat:
            return None
        self.load()
        assert self._model
        rows = [names for role, found in analysed for names in around_grams(found, role)]
        sums = _gram_weights(self._model).sums([each.sentence for each in flat])
        scores = self._model.scores(rows) + sums[:, :-1]
        probabilities = self._model.probabilities(scores)
        _overrule(probabilities, [each.sentence for each in flat])
        chances = probabilities[:, _CLAIM] + probabilities[:, _FINDING]
        return _Judged(flat, analysed, scores, probabilities, chances, rows, sums[:, -1])

    def likely(self, document: Document) -> list[Likely]:
        """Return the sentences that are likely statements, with their features, in their order."""
        judged = self._judged(document)
        if judged is None:
            return []
        title = analyse(document.title)
        central = centralities(title, judged.analysed)
        topic = frozenset(title.topical)
        found = []
        announced = np.array([each.is_announced for each in judged.found])
        is_likely = (judged.chances >= self.config.min_probability) | announced
        for i in np.flatnonzero(is_likely).tolist():
            claim, finding, cited = judged.probabilities[i, _KINDS].tolist()
            around = Surroundings(claim, finding, cited, central[i], topic)
            sentence, role = judged.found[i].sentence, judged.found[i].role
            mattering = salience(sentence, role, central[i])
            is_announced = judged.found[i].is_announced
            names, of_grams = judged.rows[i], float(judged.of_grams[i])
            found.append(Likely(i, sentence, names, of_grams, around, mattering, is_announced))
        return found

    def chosen(
        self, likely: Sequence[Likely], worths: Sequence[float], *, is_note: bool
    ) -> list[int]:
        """Return the indices of the sentences to keep, best first; ties go to the earlier one."""
        ranks = [
            worth * (0.3 + 0.7 * each.salience) for worth, each in zip(worths, likely, strict=True)
        ]
        marks, least = (ranks, self.config.min_rank) if is_note else (worths, self.config.min_worth)
        kept: list[int] = []
        said: set[str] = set()
        for i in sorted(range(len(likely)), key=lambda i: (-ranks[i], i)):
            if len(kept) == self.config.max_statements:
                break
            sentence = likely[i].sentence
            words = sentence.text.casefold()
            is_low = marks[i] < least and len(kept) >= self.config.n_sure
            if not is_low and words not in said and reason_to_drop(sentence) is None:
                kept.append(i)
                said.add(words)
        return kept


@lru_cache(maxsize=1)
def _gram_weights(model: LinearModel) -> GramWeights:
    """Return the weights of grams for a model's labels, and in the last column for worth."""
    worth, labels = shipped_worth().weights, dict.fromkeys(LABELS, 0.0).values()
    rows = {name: model.weights[row].tolist() for name, row in model.vocabulary.items()}
    names = sorted(rows.keys() | worth.keys())
    return GramWeights({n: [*rows.get(n, labels), worth.get(n, 0.0)] for n in names})


def _overrule(probabilities: NDArray[np.float64], sentences: Sequence[Sentence]) -> None:
    """Change the rows of sentences that say outright whose they are: others' or the authors'."""
    attributed = [is_attributed(each) for each in sentences]
    probabilities[np.ix_(attributed, _KINDS)] = 0
    probabilities[attributed, _CITED] = 1 - probabilities[attributed].sum(axis=1)
    stands = [
        takes_stand(each) and not is_others
        for each, is_others in zip(sentences, attributed, strict=True)
    ]
    unsure = np.array(stands) & (probabilities[:, _CLAIM] < CHANCE_OF_STANCE)
    probabilities[unsure] *= (1 - CHANCE_OF_STANCE) / (1 - probabilities[unsure, _CLAIM, None])
    probabilities[unsure, _CLAIM] = CHANCE_OF_STANCE


def section_roles(sections: Sequence[Section]) -> Iterator[str]:
    """Yield each section's role; one whose heading says nothing has that of the heading above.

    So has an analysis that is described among the methods.

    But: where a reader missed heading 2, 2.1 seems to stand under 1; numbers tell.
    """
    for section in sections:
        role = section_role(section.heading, section.kind)
        if _ASKED.match(section.text) or len(_ASKED.findall(section.text)) > 1:
            yield "checklist"
            continue
        outer = (section_role(heading) for heading in _outer_headings(section))
        above = next((each for each in outer if each not in _SILENT), role)
        is_analysis = role == "results" and above == "method"
        yield above if is_analysis or role in _SILENT else role


def _outer_headings(section: Section) -> Iterator[str]:
    """Yield the headings that a section stands under, from the inside out.

    Two numbered headings share their first number.
    """
    own = _NUMBERED.match(section.heading)
    for heading in reversed(section.under):
        outer = _NUMBERED.match(heading)
        if own is None or outer is None or own[1] == outer[1]:
            yield heading


def _placed(index: int, section: Section, role: str) -> list[_Placed]:
    found: list[_Placed] = []
    before, last = "", 0
    for start, end in sentences(section.text):
        if end - start > _LONGEST:
            continue
        bullet = _BULLET.match(section.text, start, end)
        span = Span(bullet.end() if bullet else start, end)
        text = " ".join(section.text[span.start : end].split())
        is_first = "\n\n" in section.text[last:start]
        label = _ANNOUNCES.match(text)
        is_announced = label is not None and label["label"] is not None
        found.append(_Placed(index, span, analyse(text), role, before, is_first, is_announced))
        before, last = text, end
    if _ANNOUNCES.match(section.heading):
        n = next((i for i, each in enumerate(found) if each.is_first), len(found))
        if n <= _ANNOUNCED:
            found[:n] = [each._replace(is_announced=True) for each in found[:n]]
    return found


def _label(sentence: Sentence, scores: Sequence[float]) -> int:
    """Return the likelier of claim and finding; what reports or measures is a finding.

    Unless it ventures something ("may", "suggests"); what takes a stand is a claim.
    """
    text = sentence.text
    if takes_stand(sentence):
        return _CLAIM
    is_report = _OPENS_AS_FINDING.search(text) or _MEASURED.search(text)
    if is_report and not _VENTURES.search(text):
        return _FINDING
    return _CLAIM if scores[_CLAIM] >= scores[_FINDING] else _FINDING


def _drafts(document: Document, judged: _Judged, places: Sequence[int]) -> list[Draft]:
    return [
        _draft(judged.found[i], document, judged.scores[i], float(judged.chances[i]))
        for i in places
    ]


def _draft(
    found: _Placed,
    document: Document,
    scores: Sequence[float],
    chance: float,
) -> Draft:
    section = document.sections[found.section]
    kind = LABELS[_label(found.sentence, scores)]
    return Draft(
        section=found.section,
        kind=kind,
        text=self_contained(found.sentence.text, "" if found.is_first else found.before),
        quote=section.text[found.span.start : found.span.end],
        note=note_of(kind, found.sentence, found.role, section.heading, found.before),
        score=round(chance, _DIGITS),
        span=found.span,
    )


def _cited(found: _Placed, document: Document, chance: float) -> Draft:
    text = document.sections[found.section].text
    return Draft(
        section=found.section,
        kind="cited",
        text=found.sentence.text,
        quote=text[found.span.start : found.span.end],
        score=round(chance, _DIGITS),
        span=found.span,
    )
