"""How the recipe of the offline extractor does on public corpora of abstracts.

    python -m benchmarks.bench_abstracts [--csabstruct DIR] [--abstrct DIR] [--json]

The same features, feature counts, scales, penalty and calibration as in `ingest.extractors`,
trained on a corpus's own training split and judged on its test splits, beside TF-IDF of words and
pairs with logistic regression and the majority. Two decisions are printed: the label of the
largest score, trained with the labels in balance, which is what macro-F1 wants; and that of the
largest calibrated probability (temperature and offsets fitted on the development split), which is
what micro-F1 wants.

CSAbstruct: Cohan et al. 2019, arXiv:1909.04054; DIR holds train, dev and test `.jsonl`. AbstRCT:
Mayer et al. 2020, doi:10.3233/FAIA200334; DIR holds neoplasm/{train,dev,test}.tsv,
glaucoma/test.tsv and mixed/test.tsv. A sentence of it has the label that most of its tokens have.

But: AbstRCT's files do not say where an abstract ends. Where a sentence opens like the first of one
("To evaluate", "Background") cannot be told surely, so passages of twelve sentences stand in.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from ingest.extractors.features import analyse, features_of
from ingest.extractors.training import (
    INVERSE_PENALTY,
    Labels,
    TrainingSet,
    calibration,
    scaled,
    vocabulary_of,
)
from ingest.scores import judged

PASSAGE = 12
"""Sentences of AbstRCT that are read as one abstract."""


class Abstract(NamedTuple):
    """Sentences that follow one another, and their labels."""

    texts: list[str]
    labels: list[str]


def csabstruct(folder: Path) -> dict[str, list[Abstract]]:
    """Return the abstracts of each split of CSAbstruct."""
    splits = {}
    for name in ("train", "dev", "test"):
        lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        splits[name] = [Abstract(row["sentences"], row["labels"]) for row in rows]
    return splits


def abstrct(folder: Path) -> dict[str, list[Abstract]]:
    """Return the passages of each split of AbstRCT."""
    names = {
        "train": "neoplasm/train",
        "dev": "neoplasm/dev",
        "test neoplasm": "neoplasm/test",
        "test glaucoma": "glaucoma/test",
        "test mixed": "mixed/test",
    }
    return {split: _passages(folder / f"{name}.tsv") for split, name in names.items()}


def _passages(path: Path) -> list[Abstract]:
    texts, labels = [], []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        tokens = [line.rsplit(maxsplit=1) for line in block.splitlines() if " " in line.strip()]
        if tokens:
            texts.append(" ".join(token[0] for token in tokens))
            tags = Counter(token[-1].split("-")[-1] for token in tokens)
            labels.append(tags.most_common(1)[0][0])
    starts = range(0, len(texts), PASSAGE)
    return [Abstract(texts[i : i + PASSAGE], labels[i : i + PASSAGE]) for i in starts]


def rows_of(abstracts: Sequence[Abstract]) -> TrainingSet:
    """Return the features of the sentences of each abstract, as the extractor sees them."""
    rows: list[list[str]] = []
    sources: list[str] = []
    for number, abstract in enumerate(abstracts):
        rows += features_of([analyse(text) for text in abstract.texts], "abstract")
        sources += [str(number)] * len(abstract.texts)
    texts = [text for abstract in abstracts for text in abstract.texts]
    labels = [label for abstract in abstracts for label in abstract.labels]
    return TrainingSet(np.array(sources), texts, np.array(labels), rows)


def predictions(splits: dict[str, list[Abstract]]) -> dict[str, dict[str, Labels]]:
    """Return what each method takes the sentences of each test split for."""
    train, dev = rows_of(splits["train"]), rows_of(splits["dev"])
    columns, kept = DictVectorizer(), vocabulary_of(train)
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=3000, class_weight="balanced")
    regression.fit(columns.fit_transform(scaled(train.rows, kept)), train.labels)
    names = regression.classes_
    held_out = regression.decision_function(columns.transform(scaled(dev.rows, kept)))
    temperature, offsets = calibration(held_out, dev.labels[:, None] == names)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    plain = LogisticRegression(max_iter=3000)
    plain.fit(words.fit_transform(train.texts), train.labels)
    most = Counter(train.labels.tolist()).most_common(1)[0][0]
    found = {}
    for split in [name for name in splits if name.startswith("test")]:
        test = rows_of(splits[split])
        scores = regression.decision_function(columns.transform(scaled(test.rows, kept)))
        found[split] = {
            "truth": test.labels,
            "the recipe, balanced": names[scores.argmax(axis=1)],
            "the recipe, calibrated": names[(scores / temperature + offsets).argmax(axis=1)],
            "TF-IDF + logistic regression": plain.predict(words.transform(test.texts)),
            "majority": np.full(len(test.labels), most),
        }
    return found


def measured(splits: dict[str, list[Abstract]]) -> dict[str, Any]:
    """Return micro-F1 and macro-F1, with its interval, of each method on each test split."""
    figures: dict[str, Any] = {}
    for split, found in predictions(splits).items():
        truth = found.pop("truth")
        figures[split] = {
            name: {
                "n": len(truth),
                "micro_f1": round(float((labels == truth).mean()), 3),
                "macro_f1": round(judged(truth.tolist(), labels.tolist()).macro.f1, 3),
            }
            for name, labels in found.items()
        }
    return figures


def main() -> None:
    """Measure the recipe on the corpora that are given."""
    parser = argparse.ArgumentParser(description="The recipe on public corpora of abstracts.")
    parser.add_argument("--csabstruct", type=Path)
    parser.add_argument("--abstrct", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = {}
    if arguments.csabstruct:
        figures["CSAbstruct"] = measured(csabstruct(arguments.csabstruct))
    if arguments.abstrct:
        figures["AbstRCT"] = measured(abstrct(arguments.abstrct))
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    for corpus, splits in figures.items():
        for split, methods in splits.items():
            for name, values in methods.items():
                print(
                    f"{corpus:11s}{split:15s}{name:30s} micro-F1 {values['micro_f1']:.3f}"
                    f"  macro-F1 {values['macro_f1']:.3f}  n {values['n']}"
                )


if __name__ == "__main__":
    main()
