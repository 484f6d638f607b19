"""What `claimgraph evaluate extraction` does not say of the offline extractor.

    python benchmarks/bench_extraction.py GOLD.jsonl [--json]
    python benchmarks/bench_extraction.py GOLD.jsonl --top 30 --document FILE

The first prints figures for four labels and for three, with each document held out in turn and
the linear model alone, before the rules and the threshold; figures by document; calibration; and
speed. The second lists what the extractor would take from a file, with a model that has not seen
that file's sentences, for judging by eye.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.documents import Document, Section
from ingest.evaluation import PENALTIES, majority_labels, tfidf_labels, three_way
from ingest.extractors.features import analyse
from ingest.extractors.linear_model import LABELS, shipped_model
from ingest.extractors.offline import OfflineExtractor, OfflineExtractorConfig
from ingest.extractors.rules import reason_to_drop
from ingest.extractors.training import (
    Labels,
    TrainingSet,
    calibrated,
    decide,
    held_out_scores,
    trained,
    training_set,
)
from ingest.labelled import LabelledSentence, passages, read_lines
from ingest.readers import read
from ingest.scores import gain, judged

OURS = "cues + delexicalised words"


def with_rules(labelled: TrainingSet, predicted: Labels) -> Labels:
    """Overrule a claim or a finding wherever a rule would drop the sentence."""
    dropped = np.array([reason_to_drop(analyse(text)) is not None for text in labelled.texts])
    return np.where(dropped & (predicted != "cited"), "other", predicted)


def calibration_error(chances: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    bins = np.minimum((chances * 10).astype(int), 9)
    gaps = [
        (bins == b).sum() * abs(float(chances[bins == b].mean() - hits[bins == b].mean()))
        for b in sorted(set(bins.tolist()))
    ]
    return round(float(np.sum(gaps)) / len(chances), 3)


def held_out_calibration(labelled: TrainingSet, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return the error of P(claim or finding), calibrated on the other sources' scores."""
    chances = np.zeros(len(scores))
    for train, test in labelled.folds():
        model = calibrated(shipped_model(), scores[train], labelled.take(train))
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


def speed(sentences: list[LabelledSentence]) -> int:
    """Return sentences per CPU second, for a whole extraction."""
    runs = [
        (passage.heading, [sentences[index].text for index in passage.indices])
        for passage in passages(sentences)
    ]
    sections = tuple(Section(heading, 1, " ".join(texts)) for heading, texts in runs)
    document = Document("gold", "", "text", "", sections)
    model = shipped_model()

    def extract() -> None:
        OfflineExtractor(model=model).extract(document)  # a used one remembers the document

    return round(len(sentences) / _seconds(extract))


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
    sentences = read_lines(path, LabelledSentence)
    labelled = training_set(sentences)
    scores, real = held_out_scores(labelled), labelled.of_documents()
    truth, sources = labelled.labels[real], labelled.sources[real]
    tuned = {c: tfidf_labels(labelled, c, "balanced") for c in PENALTIES}
    best = max(tuned, key=lambda c: judged(three_way(truth), three_way(tuned[c])).macro.f1)
    methods = {
        OURS: decide(scores)[real],
        "the same, after the rules": with_rules(labelled, decide(scores))[real],
        "TF-IDF + logistic regression": tfidf_labels(labelled, 1.0, None),
        f"the same, balanced, best C ({best:g})": tuned[best],
        "majority": majority_labels(labelled),
    }
    three = {name: three_way(found) for name, found in methods.items()}
    four = {name: found.tolist() for name, found in methods.items()}
    ours = np.array(three[OURS])
    return {
        "sentences": len(real),
        "documents": len(set(sources)),
        "three_way": compared(three_way(truth), three),
        "four_way": compared(truth.tolist(), four),
        "per_document": {
            str(name): round(
                judged(three_way(truth[sources == name]), ours[sources == name].tolist()).macro.f1,
                3,
            )
            for name in sorted(set(sources))
        },
        "calibration": held_out_calibration(labelled, scores),
        "sentences_per_cpu_second": speed(sentences),
    }


def compared(truth: list[str], methods: dict[str, list[str]]) -> dict[str, Any]:
    """Return the figures of each method, and by how much ours is above it."""
    return {
        name: judged(truth, found).model_dump()
        | {"gain_of_ours": gain(truth, methods[OURS], found).model_dump()}
        for name, found in methods.items()
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    print(f"{figures['sentences']} sentences, {figures['documents']} documents, one held out")
    for title in ("three_way", "four_way"):
        print(f"\n{title}: macro-F1 [95 %], gain of ours, then precision / recall / F1")
        for name, result in figures[title].items():
            low, high = result["macro"]["intervals"]["f1"]
            cells = "  ".join(
                f"{label} {v['precision']:.2f}/{v['recall']:.2f}/{v['f1']:.2f}"
                for label, v in result["classes"].items()
            )
            more = result["gain_of_ours"]
            least, most = more["interval"]
            print(
                f"{name:40s} {result['macro']['f1']:.3f} [{low:.3f}, {high:.3f}]"
                f"  {more['f1']:+.3f} [{least:.3f}, {most:.3f}]  {cells}"
            )
    for name in ("per_document", "calibration", "sentences_per_cpu_second"):
        print(f"\n{name}: {json.dumps(figures[name])}")


def list_top(gold: Path, path: Path, n: int) -> None:
    """Print the statements taken from a file by a model that has not seen its sentences."""
    labelled = training_set(read_lines(gold, LabelledSentence))
    model = trained(labelled.take(np.flatnonzero(labelled.sources != path.name)))
    extractor = OfflineExtractor(OfflineExtractorConfig(max_statements=n), model)
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
        list_top(arguments.gold, arguments.document, arguments.top)
    elif arguments.json:
        print(json.dumps(measured(arguments.gold), indent=2))
    else:
        show(measured(arguments.gold))


if __name__ == "__main__":
    main()
