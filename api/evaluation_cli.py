"""`claimgraph evaluate`: how good the parts are, on labelled cases that anyone can bring.

Every command reads a file of JSON objects, one a line, touches no database, and prints the
figures beside those of simple methods on the same cases, so that a good number can be told from
an easy file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ingest.evaluation import ExtractionEvaluation
    from ingest.label_evaluation import LabelEvaluation
    from ingest.scores import Figures, Interval

app = typer.Typer(no_args_is_help=True, help="Measure the parts on labelled cases.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def extraction(
    gold: Annotated[Path, typer.Argument(help="Labelled sentences, one JSON object a line.")],
    extractor: Annotated[str, typer.Option(help="Who finds the statements.")] = "offline",
    hold_out: Annotated[
        bool | None,
        typer.Option(
            "--hold-out/--as-shipped",
            help="Judge each document by a model trained without it, or by the shipped one. "
            "Default: the first, if the shipped one was trained on a sentence of this file.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge an extractor: precision, recall and F1 of claim, finding and neither.

    A line has `text` and `label` (claim, finding, cited, other) and, where known, `source`,
    `section` and `previous`.
    """
    from api import terminal
    from ingest.evaluation import evaluate_extraction
    from ingest.labelled import LabelledSentence, read_lines

    sentences = read_lines(gold, LabelledSentence)
    with terminal.progress("training") as on_progress:
        view = evaluate_extraction(sentences, extractor, hold_out, on_progress)
    terminal.show(view, as_json, extraction_lines)


@app.command()
def labels(
    cases: Annotated[Path, typer.Argument(help="Labelled cases, one JSON object a line.")],
    as_json: Json = False,
) -> None:
    """Judge the check that no label says what its members do not.

    A line has `members` and `glossary_sentences` (lists of texts), `label`, and `grounded`
    (true or false).
    """
    from api import terminal
    from ingest.label_evaluation import LabelCase, evaluate_labels
    from ingest.labelled import read_lines

    terminal.show(evaluate_labels(read_lines(cases, LabelCase)), as_json, label_lines)


def extraction_lines(view: "ExtractionEvaluation") -> Iterator[str]:
    """Show a table of figures, and what to know before believing them."""
    how = "trained without the document" if view.held_out else "as shipped"
    yield f"{view.extractor}, {how}: {view.n} sentences, {view.documents} documents"
    yield f"{'':<36}{'precision':<22}{'recall':<22}{'F1':<22}{'n':>6}"
    yield _row("mean of classes", view)
    for name, figures in view.classes.items():
        yield _row(f"  {name}", figures)
    for name, baseline in view.baselines.items():
        yield _row(name, baseline)
    for name, baseline in view.baselines.items():
        yield f"F1 above {name}: {baseline.gain.f1:+.3f} {_interval(baseline.gain.interval)}"
    yield "intervals: 95 %, over sentences drawn again with replacement"
    for remark in view.remarks:
        yield f"note: {remark}"


def label_lines(view: "LabelEvaluation") -> Iterator[str]:
    """Show the counts beside those of accepting everything, and every case that went wrong."""
    yield f"{'':<20}{'accuracy':>10}{'false accepts':>16}{'false rejects':>16}{'n':>6}"
    for name, each in {"grounding check": view, **view.baselines}.items():
        yield (
            f"{name:<20}{each.accuracy:>10.3f}{each.false_accepts:>16}{each.false_rejects:>16}"
            f"{each.n:>6}"
        )
    for wrong in view.wrong:
        if wrong.grounded:
            yield f"false reject, case {wrong.case}: {wrong.label}: {'; '.join(wrong.problems)}"
        else:
            yield f"false accept, case {wrong.case}: {wrong.label}"


def _row(name: str, figures: "Figures") -> str:
    intervals = figures.intervals
    cells = [
        f"{value:.3f} {_interval(interval)}"
        for value, interval in (
            (figures.precision, intervals.precision),
            (figures.recall, intervals.recall),
            (figures.f1, intervals.f1),
        )
    ]
    return f"{name:<36}{''.join(f'{cell:<22}' for cell in cells)}{figures.n:>6}"


def _interval(interval: "Interval") -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"
