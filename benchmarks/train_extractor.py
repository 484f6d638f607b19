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
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from ingest.extractors.features import GROUP_SCALES, analyse, features_of, section_role
from ingest.extractors.linear_model import LABELS, LinearModel, to_json

MIN_DOCUMENTS = {"w": 3, "h": 3}
"""Words and n-grams must occur in this many training documents; other features in two."""

INVERSE_PENALTY = 0.2
"""C of the logistic regression; chosen once, on leave-one-document-out."""

OUTSIDE_PENALTY = 0.05
MIN_OUTSIDE = 20
"""Features of another corpus must occur this often in it."""

EXAMPLES = Path(__file__).with_name("role_examples.jsonl")
EXAMPLE_GROUPS = frozenset("cwh")
"""An example has no section, place or neighbours, so it teaches nothing about them."""

COEFFICIENTS = Path(__file__).parents[1] / "ingest" / "extractors" / "coefficients.json"


class Labelled(NamedTuple):
    """Labelled sentences with their features; the examples come last."""

    sources: NDArray[np.str_]
    texts: list[str]
    labels: NDArray[np.str_]
    rows: list[list[str]]

    def take(self, indices: NDArray[np.int_]) -> "Labelled":
        """Return the sentences at these indices."""
        return Labelled(
            self.sources[indices],
            [self.texts[i] for i in indices],
            self.labels[indices],
            [self.rows[i] for i in indices],
        )

    def of_documents(self) -> NDArray[np.int_]:
        """Return the indices of sentences of real documents: what every figure is about."""
        return np.flatnonzero(self.sources != EXAMPLES.name)

    def folds(self) -> Iterator[tuple[NDArray[np.int_], NDArray[np.int_]]]:
        """Yield the indices to train on and to test on, holding out each source in turn."""
        for source in sorted(set(self.sources)):
            yield np.flatnonzero(self.sources != source), np.flatnonzero(self.sources == source)


def read_labelled(path: Path) -> Labelled:
    """Read labelled sentences; features are taken over each unbroken run of one section."""
    entries = _lines(path)
    rows: list[list[str]] = []
    for (_, heading), run in groupby(entries, lambda entry: (entry["source"], entry["section"])):
        section = [analyse(entry["text"]) for entry in run]
        rows += features_of(section, section_role(heading))
    for example in _lines(EXAMPLES):
        names = features_of([analyse(example["text"])], "other")[0]
        rows.append([name for name in names if name[0] in EXAMPLE_GROUPS])
        entries.append({"source": EXAMPLES.name, **example})
    return Labelled(
        np.array([entry["source"] for entry in entries]),
        [entry["text"] for entry in entries],
        np.array([entry["label"] for entry in entries]),
        rows,
    )


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def fit(labelled: Labelled, penalty: float = INVERSE_PENALTY) -> LinearModel:
    """Train on labelled sentences; scales of feature groups are folded into the weights."""
    columns = DictVectorizer()
    inputs = columns.fit_transform(_scaled(labelled.rows, _vocabulary(labelled)))
    regression = LogisticRegression(C=penalty, max_iter=3000, class_weight="balanced")
    regression.fit(inputs, labelled.labels)
    assert tuple(regression.classes_) == LABELS
    names: list[str] = list(columns.feature_names_)
    scales = np.array([GROUP_SCALES[name[0]] for name in names])
    vocabulary = {name: row for row, name in enumerate(names)}
    return LinearModel(vocabulary, regression.coef_.T * scales[:, None], regression.intercept_)


def held_out_scores(labelled: Labelled, penalty: float = INVERSE_PENALTY) -> NDArray[np.float64]:
    """Return the scores of each sentence by a model trained on the other sources."""
    scores = np.zeros((len(labelled.labels), len(LABELS)))
    for train, test in labelled.folds():
        model = fit(labelled.take(train), penalty)
        scores[test] = model.scores(labelled.rows[i] for i in test)
    return scores


def calibrated(
    model: LinearModel, scores: NDArray[np.float64], labels: NDArray[np.str_]
) -> LinearModel:
    """Fit temperature and offsets on held-out scores, by descent on the (convex) log-loss."""
    truth = labels[:, None] == np.array(LABELS)
    slope, offsets = 1.0, np.zeros(len(LABELS))
    for _ in range(2000):
        powers = np.exp(scores * slope + offsets)
        surplus = powers / powers.sum(axis=1, keepdims=True) - truth
        slope -= 0.1 * float((surplus * scores).sum(axis=1).mean())
        offsets -= surplus.mean(axis=0)
    return LinearModel(
        model.vocabulary, model.weights, model.bias, 1 / slope, offsets - offsets.max()
    )


def macro_f1(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> float:
    """Return the mean over the true labels of 2 TP / (2 TP + FP + FN)."""
    scores = []
    for label in sorted(set(truth)):
        hits = int(((truth == label) & (predicted == label)).sum())
        scores.append(2 * hits / (int((truth == label).sum()) + int((predicted == label).sum())))
    return float(np.mean(scores))


def three_way(labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """Merge cited and other into neither."""
    return np.where((labels == "cited") | (labels == "other"), "neither", labels)


def decide(scores: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return the label of the highest score in each row."""
    return np.array([LABELS[column] for column in scores.argmax(axis=1)])


def _vocabulary(labelled: Labelled) -> frozenset[str]:
    """Return the features that occur in enough sources."""
    seen_in: dict[str, set[str]] = defaultdict(set)
    for names, source in zip(labelled.rows, labelled.sources, strict=True):
        for name in names:
            seen_in[name].add(source)
    return frozenset(n for n, where in seen_in.items() if len(where) >= MIN_DOCUMENTS.get(n[0], 2))


def _scaled(rows: Sequence[Sequence[str]], kept: frozenset[str]) -> list[dict[str, float]]:
    return [{n: GROUP_SCALES[n[0]] for n in names if n in kept} for names in rows]


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


def with_outside_head(labelled: Labelled, texts: list[str], labels: list[str]) -> float:
    """Return held-out 3-way macro-F1 when another corpus's label scores join the features."""
    outside = [features_of([analyse(text)], "other")[0] for text in texts]
    counts = Counter(name for names in outside for name in names)
    common = frozenset(name for name, n in counts.items() if n >= MIN_OUTSIDE)
    columns = DictVectorizer()
    head = LogisticRegression(C=OUTSIDE_PENALTY, max_iter=500)
    head.fit(columns.fit_transform(_scaled(outside, common)), labels)
    alone = [features_of([analyse(text)], "other")[0] for text in labelled.texts]
    scores = head.decision_function(columns.transform(_scaled(alone, common)))
    predicted = np.empty_like(labelled.labels)
    for train, test in labelled.folds():
        inputs = _scaled(labelled.rows, _vocabulary(labelled.take(train)))
        for entry, row in zip(inputs, scores, strict=True):
            entry.update({f"outside {column}": value for column, value in enumerate(row)})
        matrix = DictVectorizer().fit_transform(inputs)
        regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=3000, class_weight="balanced")
        regression.fit(matrix[train], labelled.labels[train])
        predicted[test] = regression.predict(matrix[test])
    return three_way_f1(labelled, predicted)


def three_way_f1(labelled: Labelled, predicted: NDArray[np.str_]) -> float:
    """Return macro-F1 over claim, finding and neither, on real documents, to three digits."""
    kept = labelled.of_documents()
    return round(macro_f1(three_way(labelled.labels[kept]), three_way(predicted[kept])), 3)


def training_report(labelled: Labelled, scores: NDArray[np.float64], path: Path) -> dict[str, Any]:
    """Return what the coefficients were trained on, and how well they do on held-out documents."""
    kept, predicted = labelled.of_documents(), decide(scores)
    return {
        "trained_on": [path.name, EXAMPLES.name],
        "sentences": dict(sorted(Counter(labelled.sources.tolist()).items())),
        "labels": dict(sorted(Counter(labelled.labels.tolist()).items())),
        "inverse_penalty": INVERSE_PENALTY,
        "min_documents": MIN_DOCUMENTS,
        "seed": "none: the optimisation has no random part",
        "leave_one_document_out": {
            "macro_f1_claim_finding_neither": three_way_f1(labelled, predicted),
            "macro_f1_four_labels": round(macro_f1(labelled.labels[kept], predicted[kept]), 3),
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
    labelled = read_labelled(arguments.gold)
    scores = held_out_scores(labelled)
    report = training_report(labelled, scores, arguments.gold)
    if arguments.csabstruct:
        outside = read_csabstruct(arguments.csabstruct)
        report["with_csabstruct_head"] = with_outside_head(labelled, *outside)
    if arguments.abstrct:
        outside = read_abstrct(arguments.abstrct)
        report["with_abstrct_head"] = with_outside_head(labelled, *outside)
    model = calibrated(fit(labelled), scores, labelled.labels)
    content = json.dumps(to_json(model, report), ensure_ascii=False, indent=0)
    arguments.output.write_text(content + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))
    print(f"{len(model.vocabulary)} features, {arguments.output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
