"""Train the weights of the offline extractor and write them into the package.

    python benchmarks/train_extractor.py GOLD.jsonl [--csabstruct DIR] [--abstrct DIR]

GOLD is a file of labelled sentences, one JSON object a line, with `source`, `section`, `text`
and `label` (claim, finding, cited, other), passages in reading order. `role_examples.jsonl`,
invented sentences in the manner of short notes, is always added: papers alone teach too little
of how a note puts a result. The report inside the coefficients says what they were trained on and
how well they do on documents held out.

With the public corpora at hand (CSAbstruct: Cohan et al. 2019, arXiv:1909.04054; AbstRCT: Mayer
et al. 2020, doi:10.3233/FAIA200334), it also measures whether heads trained on them help on
documents held out; the shipped weights do not use them, because they do not.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from ingest.extractors.features import analyse, features_of
from ingest.extractors.linear_model import to_json
from ingest.extractors.training import (
    EXAMPLES,
    INVERSE_PENALTY,
    MIN_DOCUMENTS,
    Labels,
    TrainingSet,
    calibrated,
    decide,
    fingerprint,
    fit,
    held_out_scores,
    scaled,
    training_set,
    vocabulary_of,
)
from ingest.labelled import LabelledSentence, read_lines
from ingest.scores import judged

OUTSIDE_PENALTY = 0.05
MIN_OUTSIDE = 20
"""Features of another corpus must occur this often in it."""

COEFFICIENTS = Path(__file__).parents[1] / "ingest" / "extractors" / "coefficients.json"


def read_csabstruct(folder: Path) -> tuple[list[str], list[str]]:
    """Return the sentences and labels of CSAbstruct's three splits."""
    texts, labels = [], []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            abstract = json.loads(line)
            texts += abstract["sentences"]
            labels += abstract["labels"]
    return texts, labels


def read_abstrct(folder: Path) -> tuple[list[str], list[str]]:
    """Return AbstRCT's sentences, each with the label that most of its tokens have."""
    texts, labels = [], []
    for path in sorted(folder.rglob("*.tsv")):
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            tokens = [line.rsplit(maxsplit=1) for line in block.splitlines() if " " in line]
            if tokens:
                texts.append(" ".join(token[0] for token in tokens))
                tags = Counter(token[-1].split("-")[-1] for token in tokens)
                labels.append(tags.most_common(1)[0][0])
    return texts, labels


def with_outside_head(labelled: TrainingSet, texts: list[str], labels: list[str]) -> float:
    """Return held-out 3-way macro-F1 when another corpus's label scores join the features."""
    outside = [features_of([analyse(text)], "other")[0] for text in texts]
    counts = Counter(name for names in outside for name in names)
    common = frozenset(name for name, n in counts.items() if n >= MIN_OUTSIDE)
    columns = DictVectorizer()
    head = LogisticRegression(C=OUTSIDE_PENALTY, max_iter=500)
    head.fit(columns.fit_transform(scaled(outside, common)), labels)
    alone = [features_of([analyse(text)], "other")[0] for text in labelled.texts]
    scores = head.decision_function(columns.transform(scaled(alone, common)))
    predicted = np.empty_like(labelled.labels)
    for train, test in labelled.folds():
        inputs = scaled(labelled.rows, vocabulary_of(labelled.take(train)))
        for entry, row in zip(inputs, scores, strict=True):
            entry.update({f"outside {column}": value for column, value in enumerate(row)})
        matrix = DictVectorizer().fit_transform(inputs)
        regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=3000, class_weight="balanced")
        regression.fit(matrix[train], labelled.labels[train])
        predicted[test] = regression.predict(matrix[test])
    return three_way_f1(labelled, predicted)


def three_way_f1(labelled: TrainingSet, predicted: Labels) -> float:
    """Return macro-F1 over claim, finding and neither, on real documents, to three digits."""
    return macro_f1(three_way(labelled.labels), three_way(predicted), labelled.of_documents())


def three_way(labels: Labels) -> Labels:
    """Merge cited and other into neither."""
    return np.where((labels == "cited") | (labels == "other"), "neither", labels)


def macro_f1(truth: Labels, predicted: Labels, kept: NDArray[np.int_]) -> float:
    """Return the mean F1 of the labels over the sentences that are kept, to three digits."""
    return round(judged(truth[kept].tolist(), predicted[kept].tolist()).macro.f1, 3)


def training_report(
    labelled: TrainingSet, scores: NDArray[np.float64], path: Path
) -> dict[str, Any]:
    """Return what the coefficients were trained on, and how well they do on held-out documents."""
    kept, predicted = labelled.of_documents(), decide(scores)
    return {
        "trained_on": [path.name, EXAMPLES],
        "sentences": dict(sorted(Counter(labelled.sources.tolist()).items())),
        "fingerprints": " ".join(sorted(map(fingerprint, labelled.texts))),
        "labels": dict(sorted(Counter(labelled.labels.tolist()).items())),
        "inverse_penalty": INVERSE_PENALTY,
        "min_documents": MIN_DOCUMENTS,
        "seed": "none: the optimisation has no random part",
        "leave_one_document_out": {
            "macro_f1_claim_finding_neither": three_way_f1(labelled, predicted),
            "macro_f1_four_labels": macro_f1(labelled.labels, predicted, kept),
        },
    }


def main() -> None:
    """Train, calibrate, and write the coefficients."""
    parser = argparse.ArgumentParser(description="Train the weights of the offline extractor.")
    parser.add_argument("gold", type=Path, help="labelled sentences, one JSON object a line")
    parser.add_argument("--csabstruct", type=Path, help="folder with its .jsonl files")
    parser.add_argument("--abstrct", type=Path, help="folder with its .tsv files")
    parser.add_argument("--output", type=Path, default=COEFFICIENTS)
    arguments = parser.parse_args()
    labelled = training_set(read_lines(arguments.gold, LabelledSentence))
    scores = held_out_scores(labelled)
    report = training_report(labelled, scores, arguments.gold)
    if arguments.csabstruct:
        outside = read_csabstruct(arguments.csabstruct)
        report["with_csabstruct_head"] = with_outside_head(labelled, *outside)
    if arguments.abstrct:
        outside = read_abstrct(arguments.abstrct)
        report["with_abstrct_head"] = with_outside_head(labelled, *outside)
    model = calibrated(fit(labelled), scores, labelled)
    content = json.dumps(to_json(model, report), ensure_ascii=False, indent=0)
    arguments.output.write_text(content + "\n", encoding="utf-8")
    print(json.dumps({**report, "fingerprints": "..."}, indent=2))
    print(f"{len(model.vocabulary)} features, {arguments.output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
