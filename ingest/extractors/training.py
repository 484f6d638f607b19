"""How the weights of the offline extractor are made, and made again without a document.

A multinomial logistic regression with the labels in balance, over the features that occur in
enough documents; scales of feature groups are folded into the weights. A temperature and offsets
are then fitted on scores of sentences whose documents were held out, so that they are not those
of a model that has seen the answer.

Labelled sentences of documents are always joined by `role_examples.jsonl`, sentences invented in
the manner of short notes: papers alone teach too little of how a note puts a result.

Nothing here is needed to extract; scikit-learn is imported by training alone.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from ingest.extractors.features import GROUP_SCALES, analyse, features_of, section_role
from ingest.extractors.linear_model import LABELS, LinearModel
from ingest.labelled import LabelledSentence, passages, source_of
from kg.ids import content_id

MIN_DOCUMENTS = {"w": 3, "h": 3}
"""Words and n-grams must occur in this many training documents; other features in two."""

INVERSE_PENALTY = 0.2
"""C of the logistic regression; chosen once, on leave-one-document-out."""

MAX_FOLDS = 10
"""Documents are held out one by one up to this many, and in this many groups beyond."""

EXAMPLES = "role_examples.jsonl"
EXAMPLE_GROUPS = frozenset("cwh")
"""An example has no section, place or neighbours, so it teaches nothing about them."""

Labels = NDArray[np.str_]
Indices = NDArray[np.int_]
Fold = tuple[Indices, Indices]
"""What to train on, and what to test on."""


class TrainingSet(NamedTuple):
    """Labelled sentences with their features; the examples come last."""

    sources: NDArray[np.str_]
    texts: list[str]
    labels: Labels
    rows: list[list[str]]

    def take(self, indices: Indices) -> "TrainingSet":
        """Return the sentences at these indices."""
        return TrainingSet(
            self.sources[indices],
            [self.texts[i] for i in indices],
            self.labels[indices],
            [self.rows[i] for i in indices],
        )

    def of_documents(self) -> Indices:
        """Return the indices of sentences of real documents: what every figure is about."""
        return np.flatnonzero(self.sources != EXAMPLES)

    def document_folds(self) -> list[Fold]:
        """Return the ways to hold documents out, so that each is held out once."""
        documents = sorted(set(self.sources.tolist()) - {EXAMPLES})
        n_folds = min(len(documents), MAX_FOLDS)
        tested = [np.isin(self.sources, documents[fold::n_folds]) for fold in range(n_folds)]
        return [(np.flatnonzero(~test), np.flatnonzero(test)) for test in tested]

    def folds(self) -> list[Fold]:
        """Return the same, and one fold more for the examples.

        But: where the documents lack a label, the examples are trained on as well, because no
        other sentence shows what that label looks like.
        """
        examples = np.flatnonzero(self.sources == EXAMPLES)
        if len(examples) == 0:
            return self.document_folds()
        train = self.of_documents()
        if set(self.labels[train]) != set(LABELS):
            train = np.arange(len(self.labels))
        return [*self.document_folds(), (train, examples)]


def training_set(sentences: Sequence[LabelledSentence]) -> TrainingSet:
    """Return these sentences, in their order, and then the examples, with their features."""
    rows: list[list[str]] = []
    for passage in passages(sentences):
        texts = [sentences[index].text for index in passage.indices]
        section = [analyse(text) for text in (passage.before, *texts) if text]
        rows += features_of(section, section_role(passage.heading))[-len(texts) :]
    examples = list(_examples())
    for example in examples:
        names = features_of([analyse(example.text)], "other")[0]
        rows.append([name for name in names if name[0] in EXAMPLE_GROUPS])
    sources = [source_of(sentences, index) for index in range(len(sentences))]
    everything = [*sentences, *examples]
    return TrainingSet(
        np.array([*sources, *[EXAMPLES] * len(examples)]),
        [each.text for each in everything],
        np.array([each.label for each in everything]),
        rows,
    )


def trained(labelled: TrainingSet) -> LinearModel:
    """Return a calibrated model of these sentences."""
    return calibrated(fit(labelled), held_out_scores(labelled), labelled)


def fit(labelled: TrainingSet, penalty: float = INVERSE_PENALTY) -> LinearModel:
    """Train on labelled sentences; scales of feature groups are folded into the weights."""
    columns = DictVectorizer()
    inputs = columns.fit_transform(scaled(labelled.rows, vocabulary_of(labelled)))
    regression = LogisticRegression(C=penalty, max_iter=3000, class_weight="balanced")
    regression.fit(inputs, labelled.labels)
    assert tuple(regression.classes_) == LABELS
    names: list[str] = list(columns.feature_names_)
    scales = np.array([GROUP_SCALES[name[0]] for name in names])
    vocabulary = {name: row for row, name in enumerate(names)}
    return LinearModel(vocabulary, regression.coef_.T * scales[:, None], regression.intercept_)


def held_out_scores(labelled: TrainingSet, penalty: float = INVERSE_PENALTY) -> NDArray[np.float64]:
    """Return the scores of each sentence by a model that was trained without its source."""
    scores = np.zeros((len(labelled.labels), len(LABELS)))
    for train, test in labelled.folds():
        model = fit(labelled.take(train), penalty)
        scores[test] = model.scores(labelled.rows[i] for i in test)
    return scores


def calibrated(
    model: LinearModel, scores: NDArray[np.float64], labelled: TrainingSet
) -> LinearModel:
    """Return the model with temperature and offsets fitted on held-out scores.

    On those of documents, if they have every label: how often an example is a claim says nothing.
    """
    kept = labelled.of_documents()
    if set(labelled.labels[kept]) != set(LABELS):
        kept = np.arange(len(labelled.labels))
    truth = labelled.labels[kept, None] == np.array(LABELS)
    temperature, offsets = calibration(scores[kept], truth)
    return LinearModel(model.vocabulary, model.weights, model.bias, temperature, offsets)


def calibration(
    scores: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[float, NDArray[np.float64]]:
    """Return temperature and offsets, by descent on the (convex) log-loss.

    Args:
        scores: Of held-out sentences, a column for each label.
        truth: Whether a sentence has that label.
    """
    slope, offsets = 1.0, np.zeros(scores.shape[1])
    for _ in range(2000):
        powers = np.exp(scores * slope + offsets)
        surplus = powers / powers.sum(axis=1, keepdims=True) - truth
        slope -= 0.1 * float((surplus * scores).sum(axis=1).mean())
        offsets -= surplus.mean(axis=0)
    return 1 / slope, offsets - offsets.max()


def decide(scores: NDArray[np.float64]) -> Labels:
    """Return the label of the highest score in each row."""
    return np.array([LABELS[column] for column in scores.argmax(axis=1)])


def vocabulary_of(labelled: TrainingSet) -> frozenset[str]:
    """Return the features that occur in enough sources, or in all if there are too few."""
    seen_in: dict[str, set[str]] = defaultdict(set)
    for names, source in zip(labelled.rows, labelled.sources, strict=True):
        for name in names:
            seen_in[name].add(source)
    n_sources = len(set(labelled.sources))
    return frozenset(
        name
        for name, where in seen_in.items()
        if len(where) >= min(MIN_DOCUMENTS.get(name[0], 2), n_sources)
    )


def scaled(rows: Sequence[Sequence[str]], kept: frozenset[str]) -> list[dict[str, float]]:
    """Return the features that are kept, each with the scale of its group."""
    return [{n: GROUP_SCALES[n[0]] for n in names if n in kept} for names in rows]


def fingerprint(text: str) -> str:
    """Return 50 bits that tell a sentence from others, whatever its case and white space."""
    return content_id("sen", text.casefold())[4:14]


def is_trained_on(texts: Sequence[str]) -> list[bool]:
    """Tell of each sentence whether the shipped model was trained on it, word for word."""
    seen = frozenset(_shipped_report()["fingerprints"].split())
    return [fingerprint(text) in seen for text in texts]


@lru_cache(maxsize=1)
def _shipped_report() -> dict[str, Any]:  # JSON is untyped until it is read
    text = files("ingest.extractors").joinpath("coefficients.json").read_text(encoding="utf-8")
    report: dict[str, Any] = json.loads(text)["report"]
    return report


def _examples() -> Iterator[LabelledSentence]:
    text = files("ingest.extractors").joinpath(EXAMPLES).read_text(encoding="utf-8")
    for line in text.splitlines():
        yield LabelledSentence.model_validate_json(line)
