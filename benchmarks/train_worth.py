"""Train the weights that tell whether a statement is worth keeping, and put them in the package.

    python benchmarks/train_worth.py FOLDER

FOLDER has the documents that `worth_labels.jsonl` names; those it lacks are left out, and named.
There, each sentence that was judged is known by a fingerprint alone: `kept` are those worth
keeping, `dropped` the others, and `origin` says where the document is public. No sentence of
theirs is in this project.

A logistic regression (L2) over the features that occur in at least three documents. The report in
the weights holds each document out in turn; its precision is of judged sentences only, among the
best 30 of each document by rank, at several thresholds of worth, and among those that the
extractor would keep.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from ingest.extractors.offline import Likely, OfflineExtractor, OfflineExtractorConfig
from ingest.extractors.rules import reason_to_drop
from ingest.extractors.training import fingerprint
from ingest.extractors.worth import WORTH_SCALES, WorthModel
from ingest.isolated import read_isolated

LABELS = Path(__file__).with_name("worth_labels.jsonl")
WEIGHTS = Path(__file__).parents[1] / "ingest" / "extractors" / "worth.json"
INVERSE_PENALTY = 0.1
MIN_DOCUMENTS = 3
MIN_PROBABILITY = 0.35
"""Lower than in use, so that more of the sentences that were judged are trained on."""

THRESHOLDS = (0.0, 0.5, 0.7, 0.75, 0.8, 0.85, 0.9)
N_BEST = 30


class Judged(NamedTuple):
    """A document's likely statements, and what was judged of some of them."""

    likely: list[Likely]
    rows: list[list[str]]
    """The features of each."""

    worth: list[bool | None]
    is_note: bool


def read_judged(folder: Path) -> list[Judged]:
    """Return the documents with their judgements, in the order of the labels."""
    extractor = OfflineExtractor(OfflineExtractorConfig(min_probability=MIN_PROBABILITY))
    documents = []
    for line in LABELS.read_text(encoding="utf-8").splitlines():
        labels = json.loads(line)
        if not (folder / labels["file"]).exists():
            print(f"not there: {labels['file']}, from {labels['origin']}")
            continue
        kept, dropped = set(labels["kept"].split()), set(labels["dropped"].split())
        document = read_isolated(folder / labels["file"])[0]
        found = extractor.likely(document)
        likely = [each for each in found if reason_to_drop(each.sentence) is None]
        marks = [fingerprint(each.sentence.text) for each in likely]
        worth = [True if m in kept else False if m in dropped else None for m in marks]
        rows = [each.features() for each in likely]
        documents.append(Judged(likely, rows, worth, extractor.is_note(document)))
    return documents


def fit(documents: Sequence[Judged]) -> WorthModel:
    """Train on judged sentences; the scales of the groups are folded into the weights."""
    rows, truth = [], []
    seen_in: dict[str, set[int]] = defaultdict(set)
    for place, document in enumerate(documents):
        for row, worth in zip(document.rows, document.worth, strict=True):
            if worth is not None:
                rows.append(row)
                truth.append(worth)
                for name in row:
                    seen_in[name].add(place)
    columns = DictVectorizer()
    inputs = columns.fit_transform(
        {n: WORTH_SCALES[n[0]] for n in names if len(seen_in[n]) >= MIN_DOCUMENTS} for names in rows
    )
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(inputs, truth)
    weights = {
        name: round(float(weight) * WORTH_SCALES[name[0]], 3)
        for name, weight in zip(columns.feature_names_, regression.coef_[0], strict=True)
    }
    return WorthModel(weights, round(float(regression.intercept_[0]), 3))


def held_out(documents: Sequence[Judged]) -> list[NDArray[np.float64]]:
    """Return the worths of each document's sentences by a model trained without it."""
    worths = []
    for place, document in enumerate(documents):
        model = fit([*documents[:place], *documents[place + 1 :]])
        worths.append(np.array([model.worth(row) for row in document.rows]))
    return worths


def report_of(documents: Sequence[Judged]) -> dict[str, Any]:
    """Return what was trained on, and how well it does on documents held out."""
    worths = held_out(documents)
    truth = [w for document in documents for w in document.worth if w is not None]
    scores = [
        float(score)
        for document, all_scores in zip(documents, worths, strict=True)
        for score, worth in zip(all_scores, document.worth, strict=True)
        if worth is not None
    ]
    return {
        "documents": len(documents),
        "sentences": len(truth),
        "worth keeping": round(float(np.mean(truth)), 3),
        "held out": {
            "AUC": round(float(roc_auc_score(truth, scores)), 3),
            "calibration error": round(_calibration_error(truth, scores), 3),
            "best of each document": [_precision(documents, worths, t) for t in THRESHOLDS],
            "as kept": _as_kept(documents, worths),
        },
    }


def _calibration_error(truth: Sequence[bool], scores: Sequence[float]) -> float:
    """Return the mean distance of worth and share, over ten bins of as many sentences each."""
    order = np.argsort(scores, kind="stable")
    bins = np.array_split(order, 10)
    gaps = [abs(np.mean(np.array(truth)[b]) - np.mean(np.array(scores)[b])) for b in bins]
    return float(np.mean(gaps))


def _precision(
    documents: Sequence[Judged], worths: Sequence[NDArray[np.float64]], threshold: float
) -> dict[str, float]:
    judged: list[bool] = []
    n_kept = 0
    for document, scores in zip(documents, worths, strict=True):
        ranks = scores * (0.3 + 0.7 * np.array([each.salience for each in document.likely]))
        best = np.argsort(-ranks, kind="stable")[:N_BEST]
        kept = [document.worth[i] for i in best if scores[i] >= threshold]
        n_kept += len(kept)
        judged += [worth for worth in kept if worth is not None]
    return {
        "min_worth": threshold,
        "precision": round(float(np.mean(judged)), 3),
        "judged": len(judged),
        "kept": n_kept,
    }


def _as_kept(
    documents: Sequence[Judged], worths: Sequence[NDArray[np.float64]]
) -> dict[str, float]:
    """Return the precision of what the extractor keeps unless told otherwise, of papers."""
    extractor = OfflineExtractor()
    judged: list[bool] = []
    sizes = []
    for document, all_scores in zip(documents, worths, strict=True):
        if document.is_note:
            continue
        sure = [
            i
            for i, each in enumerate(document.likely)
            if each.chance >= extractor.config.min_probability
        ]
        scores = all_scores[sure].tolist()
        chosen = extractor.chosen([document.likely[i] for i in sure], scores, is_note=False)
        found = [document.worth[sure[i]] for i in chosen]
        judged += [worth for worth in found if worth is not None]
        sizes.append(len(chosen))
    return {
        "precision": round(float(np.mean(judged)), 3),
        "judged": len(judged),
        "kept": sum(sizes),
        "papers": len(sizes),
        "papers with fewer than ten": sum(size < 10 for size in sizes),
    }


def main() -> None:
    """Train, report and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    documents = read_judged(parser.parse_args().folder)
    report = report_of(documents)
    model = fit(documents)
    content = {"report": report, "bias": model.bias, "weights": dict(sorted(model.weights.items()))}
    WEIGHTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
