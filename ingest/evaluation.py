"""How well an extractor tells claims and findings from the rest, on labelled sentences.

The sentences of each source are put back into a document, a paragraph each, and the extractor
reads it as it would any other. A draft counts for the sentence that its quote lies in, and a
sentence that no draft quotes is *neither*. The limits on statements per document and on rank are
lifted: whether a sentence is a finding is a matter of labels, whether it is among the best 40 is
not.

Beside it stand baselines that are trained on the same labels with documents held out in turn:
the majority class, and TF-IDF of words and pairs with logistic regression.

A model says nothing about itself on the sentences that it was trained on. So where the shipped
one knows a sentence of the file, each document is judged by a model trained anew, by the same
recipe, on the file's other documents and the invented examples.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from ingest.documents import Document, Section, Span
from ingest.extractors import Extractor, open_extractor
from ingest.extractors.linear_model import LinearModel
from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig
from ingest.extractors.training import Labels, TrainingSet, is_trained_on, trained, training_set
from ingest.labelled import LabelledSentence, Passage, passages
from ingest.provenance import locate_quotes
from ingest.scores import Figures, Gain, gain, judged
from kg.errors import ConfigError
from kg.language_model import LanguageModel

OnProgress = Callable[[int, int], None]

PENALTIES = (0.3, 1.0, 3.0, 10.0)
"""C of the balanced baseline: the best of these on the test sentences, which flatters it."""


class _Place(NamedTuple):
    """Where a sentence stands in the document made of its source."""

    sentence: int
    section: int
    span: Span


class Baseline(Figures):
    """The figures of a simple method on the same sentences: means over the classes."""

    gain: Gain
    """By how much the extractor's F1 is larger."""


class ExtractionEvaluation(Figures):
    """How an extractor did: means over claim, finding and neither, and each of them."""

    extractor: str
    documents: int
    classes: dict[str, Figures]
    baselines: dict[str, Baseline]
    trained_on: int
    """How many of the sentences the shipped model was trained on."""

    held_out: bool
    """Each document was judged by a model trained anew without it."""

    remarks: list[str]
    """What a reader should know before believing the figures."""


def evaluate_extraction(
    sentences: Sequence[LabelledSentence],
    extractor: str = "offline",
    hold_out: bool | None = None,
    on_progress: OnProgress | None = None,
    model: LanguageModel | None = None,
) -> ExtractionEvaluation:
    """Judge an extractor on labelled sentences, beside the baselines.

    Args:
        sentences: At least one.
        extractor: A name in `EXTRACTORS`.
        hold_out: Whether to judge each document by a model trained without it; by default, only
            if the shipped model was trained on one of the sentences.
        on_progress: Told how many groups of documents are done, where models are trained.
        model: For an extractor that asks one.

    Raises:
        BudgetError: The budget of the model is spent.
        ConfigError: There is no such extractor, or it is none that is trained here.
        LanguageModelError: The model cannot be reached.
    """
    reader = _unlimited(extractor, model)
    is_ours = isinstance(reader, OfflineExtractor)
    if hold_out and not is_ours:
        raise ConfigError(f"{extractor} is not trained here, so that nothing can be held out")
    n_known = sum(is_trained_on([each.text for each in sentences])) if is_ours else 0
    hold_out = n_known > 0 if hold_out is None else hold_out
    labelled = training_set(sentences)
    kinds = (
        held_out_kinds(sentences, labelled, on_progress)
        if hold_out
        else kinds_by(reader, sentences)
    )
    truth = three_way(labelled.labels[labelled.of_documents()])
    judgement = judged(truth, kinds)
    return ExtractionEvaluation(
        extractor=extractor,
        **dict(judgement.macro),
        documents=len({passage.source for passage in passages(sentences)}),
        classes=judgement.classes,
        baselines=_baselines(labelled, truth, kinds),
        trained_on=n_known,
        held_out=hold_out,
        remarks=_remarks(sentences, labelled, n_known, hold_out),
    )


def three_way(labels: Labels) -> list[str]:
    """Merge cited and other into neither."""
    return [str(label) if label in {"claim", "finding"} else "neither" for label in labels]


def held_out_kinds(
    sentences: Sequence[LabelledSentence],
    labelled: TrainingSet,
    on_progress: OnProgress | None = None,
) -> list[str]:
    """Return what models trained without a sentence's document take it for."""
    kinds = ["neither"] * len(sentences)
    folds = labelled.document_folds()
    for done, (train, test) in enumerate(folds, start=1):
        extractor = _offline(trained(labelled.take(train)))
        found = kinds_by(extractor, [sentences[index] for index in test])
        for index, kind in zip(test, found, strict=True):
            kinds[index] = kind
        if on_progress is not None:
            on_progress(done, len(folds))
    return kinds


def kinds_by(extractor: Extractor, sentences: Sequence[LabelledSentence]) -> list[str]:
    """Return what an extractor takes each sentence for: claim, finding or neither.

    Where it says several things about one sentence, the surest counts; a sentence that a source
    repeats is the same each time.
    """
    kinds = ["neither"] * len(sentences)
    for document, places in _documents(sentences):
        found: dict[str, str] = {}
        located, _ = locate_quotes(document, extractor.extract(document))
        for each in sorted(located, key=lambda each: -each.draft.score):
            place = max(
                (place for place in places if place.section == each.draft.section),
                key=lambda place: _shared(place.span, each.span),
            )
            if _shared(place.span, each.span) > 0:
                found.setdefault(sentences[place.sentence].text, each.draft.kind)
        for place in places:
            kinds[place.sentence] = found.get(sentences[place.sentence].text, "neither")
    return kinds


def majority_labels(labelled: TrainingSet) -> Labels:
    """Return the commonest label of the other documents."""
    predicted = np.empty_like(labelled.labels)
    for train, test in labelled.document_folds():
        names, counts = np.unique(labelled.labels[train], return_counts=True)
        predicted[test] = names[counts.argmax()]
    return predicted[labelled.of_documents()]


def tfidf_labels(labelled: TrainingSet, penalty: float, balance: str | None) -> Labels:
    """Return labels by TF-IDF of words and pairs with logistic regression, documents held out."""
    predicted = np.empty_like(labelled.labels)
    texts = np.array(labelled.texts, dtype=object)
    for train, test in labelled.document_folds():
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        regression = LogisticRegression(C=penalty, max_iter=2000, class_weight=balance)
        regression.fit(words.fit_transform(texts[train]), labelled.labels[train])
        predicted[test] = regression.predict(words.transform(texts[test]))
    return predicted[labelled.of_documents()]


def _baselines(labelled: TrainingSet, truth: list[str], kinds: list[str]) -> dict[str, Baseline]:
    tuned = [three_way(tfidf_labels(labelled, penalty, "balanced")) for penalty in PENALTIES]
    methods = {
        "majority": three_way(majority_labels(labelled)),
        "tfidf_logistic_regression": three_way(tfidf_labels(labelled, 1.0, None)),
        "tfidf_logistic_regression_balanced": max(
            tuned, key=lambda theirs: judged(truth, theirs).macro.f1
        ),
    }
    return {
        name: Baseline(**dict(judged(truth, theirs).macro), gain=gain(truth, kinds, theirs))
        for name, theirs in methods.items()
    }


def _remarks(
    sentences: Sequence[LabelledSentence], labelled: TrainingSet, n_known: int, hold_out: bool
) -> list[str]:
    remarks = []
    known = f"the shipped model was trained on {n_known} of these {len(sentences)} sentences"
    if hold_out:
        remarks.append(
            f"{known}; each document was judged by a model trained without it, "
            "on the file's other documents and the invented examples"
        )
    elif n_known:
        remarks.append(f"{known}, so that these figures flatter it: hold documents out")
    if len(labelled.document_folds()) == 1:
        remarks.append("there is one document, so only the invented examples are trained on")
    n_alone = sum(not each.source for each in sentences)
    if n_alone:
        remarks.append(f"{n_alone} lines name no source; each counts as a document of its own")
    return remarks


def _unlimited(name: str, model: LanguageModel | None) -> Extractor:
    if name == OfflineExtractor.name:
        return _offline()
    return open_extractor(name, model, {"max_statements": sys.maxsize})


def _offline(model: LinearModel | None = None) -> OfflineExtractor:
    return OfflineExtractor(
        OfflineExtractorConfig(max_statements=sys.maxsize, min_worth=0, min_rank=0), model
    )


def _documents(
    sentences: Sequence[LabelledSentence],
) -> Iterator[tuple[Document, list[_Place]]]:
    """Yield a document for each source, and where its sentences stand in it."""
    of_source: dict[str, list[Passage]] = {}
    for passage in passages(sentences):
        of_source.setdefault(passage.source, []).append(passage)
    for source, parts in of_source.items():
        sections, places = [], []
        for ordinal, passage in enumerate(parts):
            text = f"{passage.before}\n\n" if passage.before else ""
            for index in passage.indices:
                span = Span(len(text), len(text) + len(sentences[index].text))
                places.append(_Place(index, ordinal, span))
                text += sentences[index].text + "\n\n"
            sections.append(Section(passage.heading, 1, text.rstrip()))
        yield Document(source, source, "text", "", tuple(sections)), places


def _shared(one: Span, other: Span) -> int:
    """Return how many characters two spans share."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))
