"""Measure the offline extractor on labelled sentences, each document held out in turn.

    python benchmarks/bench_extraction.py GOLD.jsonl [--json]
    python benchmarks/bench_extraction.py GOLD.jsonl --top 30 --document FILE

The first prints precision, recall and F1 per label, macro-F1 with 95 % bootstrap intervals over
sentences, baselines trained on the same sentences, calibration, and speed. The second lists what
the extractor would take from a file, with a model that has not seen that file's sentences, for
judging by eye.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from train_extractor import (
    Labelled,
    calibrated,
    decide,
    fit,
    held_out_scores,
    macro_f1,
    read_labelled,
    three_way,
)

from ingest.documents import Document, Section
from ingest.extractors.features import analyse, features_of, section_role
from ingest.extractors.linear_model import LABELS, LinearModel, shipped_model
from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig
from ingest.extractors.rules import reason_to_drop
from ingest.readers import read

N_RESAMPLES = 2000
SEED = 0

OURS = "cues + delexicalised words"

Labels = NDArray[np.str_]


def with_rules(labelled: Labelled, predicted: Labels) -> Labels:
    """Overrule a claim or a finding wherever a rule would drop the sentence."""
    dropped = np.array([reason_to_drop(analyse(text)) is not None for text in labelled.texts])
    return np.where(dropped & (predicted != "cited"), "other", predicted)


def tfidf_labels(labelled: Labelled, penalty: float, balance: str | None) -> Labels:
    """Return labels by TF-IDF of words and pairs with logistic regression, sources held out."""
    predicted = np.empty_like(labelled.labels)
    texts = np.array(labelled.texts, dtype=object)
    for train, test in labelled.folds():
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        regression = LogisticRegression(C=penalty, max_iter=2000, class_weight=balance)
        regression.fit(words.fit_transform(texts[train]), labelled.labels[train])
        predicted[test] = regression.predict(words.transform(texts[test]))
    return predicted


def majority_labels(labelled: Labelled) -> Labels:
    """Return the commonest label of the other sources."""
    predicted = np.empty_like(labelled.labels)
    for train, test in labelled.folds():
        names, counts = np.unique(labelled.labels[train], return_counts=True)
        predicted[test] = names[counts.argmax()]
    return predicted


def per_label(truth: Labels, predicted: Labels) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 of each label."""
    table = {}
    for label in sorted(set(truth)):
        hits = int(((truth == label) & (predicted == label)).sum())
        claimed, true = int((predicted == label).sum()), int((truth == label).sum())
        table[str(label)] = {
            "precision": round(hits / claimed, 3) if claimed else 0.0,
            "recall": round(hits / true, 3),
            "f1": round(2 * hits / (claimed + true), 3),
            "n": true,
        }
    return table


def interval(statistic: Callable[[NDArray[np.int_]], float], n: int) -> list[float]:
    """Return the 95 % percentile bootstrap interval of a statistic of indices."""
    draws = np.random.default_rng(SEED).integers(0, n, (N_RESAMPLES, n))
    return [round(float(q), 3) for q in np.quantile([statistic(d) for d in draws], [0.025, 0.975])]


def judged(truth: Labels, predicted: Labels) -> dict[str, Any]:
    """Return the figures of one method for one set of labels."""
    return {
        "macro_f1": round(macro_f1(truth, predicted), 3),
        "interval": interval(lambda i: macro_f1(truth[i], predicted[i]), len(truth)),
        "labels": per_label(truth, predicted),
    }


def calibration_error(chances: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    bins = np.minimum((chances * 10).astype(int), 9)
    gaps = [
        (bins == b).sum() * abs(float(chances[bins == b].mean() - hits[bins == b].mean()))
        for b in sorted(set(bins.tolist()))
    ]
    return round(float(np.sum(gaps)) / len(chances), 3)


def held_out_calibration(labelled: Labelled, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return the error of P(claim or finding), calibrated on the other sources' scores."""
    chances = np.zeros(len(scores))
    for train, test in labelled.folds():
        model = calibrated(shipped_model(), scores[train], labelled.labels[train])
        probabilities = model.probabilities(scores[test])
        chances[test] = probabilities[:, LABELS.index("claim")]
        chances[test] += probabilities[:, LABELS.index("finding")]
    real = labelled.of_documents()
    hits, chances = np.isin(labelled.labels[real], ["claim", "finding"]), chances[real]
    kept = chances >= OfflineExtractorConfig().min_probability
    return {
        "expected_calibration_error": calibration_error(chances, hits),
        "precision_at_threshold": round(float(hits[kept].mean()), 3),
        "recall_at_threshold": round(float((hits & kept).sum() / hits.sum()), 3),
    }


def speed(path: Path) -> dict[str, int]:
    """Return sentences per CPU second: classification alone, and the whole extraction."""
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    runs = [
        (heading, [entry["text"] for entry in run])
        for heading, run in groupby(entries, lambda entry: str(entry["section"]))
    ]
    sections = tuple(Section(heading, 1, " ".join(texts)) for heading, texts in runs)
    document = Document("gold", "", "text", "", sections)
    extractor, model = OfflineExtractor(), shipped_model()
    extractor.extract(document)

    def classify() -> None:
        for heading, texts in runs:
            section = [analyse(text) for text in texts]
            model.probabilities(model.scores(features_of(section, section_role(heading))))

    return {
        "classification": round(len(entries) / _seconds(classify)),
        "extraction": round(len(entries) / _seconds(lambda: extractor.extract(document))),
    }


def _seconds(work: Callable[[], object]) -> float:
    """Return the least CPU time of five runs."""
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def measured(path: Path) -> dict[str, Any]:
    """Return all figures, for the sentences of real documents."""
    labelled = read_labelled(path)
    scores, real = held_out_scores(labelled), labelled.of_documents()
    truth, sources = labelled.labels[real], labelled.sources[real]
    tuned = {c: tfidf_labels(labelled, c, "balanced")[real] for c in (0.3, 1.0, 3.0, 10.0)}
    best = max(tuned, key=lambda c: macro_f1(three_way(truth), three_way(tuned[c])))
    methods = {
        OURS: decide(scores)[real],
        "the same, after the rules": with_rules(labelled, decide(scores))[real],
        "TF-IDF + logistic regression": tfidf_labels(labelled, 1.0, None)[real],
        f"the same, balanced, best C ({best:g})": tuned[best],
        "majority": majority_labels(labelled)[real],
    }
    merged = {name: three_way(predicted) for name, predicted in methods.items()}
    ours = merged[OURS]
    return {
        "sentences": len(real),
        "documents": len(set(sources)),
        "three_way": {name: judged(three_way(truth), p) for name, p in merged.items()},
        "four_way": {name: judged(truth, p) for name, p in methods.items()},
        "gain_over_balanced_tfidf": {
            "three_way": gain(three_way(truth), ours, three_way(tuned[best])),
            "four_way": gain(truth, methods[OURS], tuned[best]),
        },
        "per_document": {
            str(name): round(macro_f1(three_way(truth)[sources == name], ours[sources == name]), 3)
            for name in sorted(set(sources))
        },
        "calibration": held_out_calibration(labelled, scores),
        "sentences_per_cpu_second": speed(path),
    }


def gain(truth: Labels, ours: Labels, theirs: Labels) -> dict[str, Any]:
    """Return the difference of two macro-F1, with its paired bootstrap interval."""

    def difference(i: NDArray[np.int_]) -> float:
        return macro_f1(truth[i], ours[i]) - macro_f1(truth[i], theirs[i])

    whole = difference(np.arange(len(truth)))
    return {"macro_f1": round(whole, 3), "interval": interval(difference, len(truth))}


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    print(f"{figures['sentences']} sentences, {figures['documents']} documents, one held out")
    for title in ("three_way", "four_way"):
        print(f"\n{title}: macro-F1 [95 %], then precision / recall / F1")
        for name, result in figures[title].items():
            low, high = result["interval"]
            cells = "  ".join(
                f"{label} {v['precision']:.2f}/{v['recall']:.2f}/{v['f1']:.2f}"
                for label, v in result["labels"].items()
            )
            print(f"{name:40s} {result['macro_f1']:.3f} [{low:.3f}, {high:.3f}]  {cells}")
    for name in (
        *("gain_over_balanced_tfidf", "per_document"),
        *("calibration", "sentences_per_cpu_second"),
    ):
        print(f"\n{name}: {json.dumps(figures[name])}")


def model_without(labelled: Labelled, name: str) -> LinearModel:
    """Return a calibrated model that has not seen the sentences of this document."""
    rest = labelled.take(np.flatnonzero(labelled.sources != name))
    return calibrated(fit(rest), held_out_scores(rest), rest.labels)


def list_top(labelled: Labelled, path: Path, n: int) -> None:
    """Print the statements that the extractor takes from a file."""
    config = OfflineExtractorConfig(max_statements=n)
    extractor = OfflineExtractor(config, model_without(labelled, path.name))
    for document in read(path):
        for draft in extractor.extract(document):
            heading = document.sections[draft.section].heading
            print(f"{draft.kind:8s}{draft.score:.2f}  [{heading}] {draft.text}\n    {draft.note}")


def main() -> None:
    """Measure, or list the statements of one file."""
    parser = argparse.ArgumentParser(description="Measure the offline extractor.")
    parser.add_argument("gold", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--top", type=int, default=30)
    parser.add_argument("--document", type=Path)
    arguments = parser.parse_args()
    if arguments.document:
        list_top(read_labelled(arguments.gold), arguments.document, arguments.top)
    elif arguments.json:
        print(json.dumps(measured(arguments.gold), indent=2))
    else:
        show(measured(arguments.gold))


if __name__ == "__main__":
    main()
