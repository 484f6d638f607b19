"""`claimgraph evaluate`: how good the parts are, on labelled cases that anyone can bring.

Every command reads a file of JSON objects, one a line, touches no database, and prints the
figures beside those of simple methods on the same cases, so that a good number can be told from
an easy file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.options import Budget, Json, ModelName

if TYPE_CHECKING:
    from ingest.evaluation import ExtractionEvaluation
    from ingest.label_evaluation import LabelEvaluation
    from ingest.pair_evaluation import PairEvaluation, PairPart
    from ingest.scores import Figures, Interval

app = typer.Typer(no_args_is_help=True, help="Measure the parts on labelled cases.")


@app.command()
def extraction(
    gold: Annotated[Path, typer.Argument(help="Labelled sentences, one JSON object a line.")],
    extractor: Annotated[
        str, typer.Option(help="Who finds the statements: offline, llm.")
    ] = "offline",
    model: ModelName = None,
    budget: Budget = None,
    replies: Annotated[
        Path | None,
        typer.Option(help="Where the model's answers are kept, so that none is paid for twice."),
    ] = None,
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
    from api import terminal, terminal_ingestion
    from api.options import model_config
    from api.views.spent import SpentView, spent_on
    from ingest.evaluation import evaluate_extraction
    from ingest.labelled import LabelledSentence, read_lines
    from kg.language_model import open_language_model

    sentences = read_lines(gold, LabelledSentence)
    config = model_config(model) if extractor == "llm" else None
    asked = open_language_model(config, replies, budget) if config else None
    with terminal.progress("training") as on_progress:
        view = evaluate_extraction(sentences, extractor, hold_out, on_progress, asked)
    if asked is not None:
        spent = ", ".join(terminal_ingestion.spent(SpentView(**spent_on(asked))))
        view = view.model_copy(update={"remarks": [*view.remarks, spent or "nothing was asked"]})
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


@app.command()
def pairs(
    cases: Annotated[Path, typer.Argument(help="Labelled pairs, one JSON object a line.")],
    as_json: Json = False,
) -> None:
    """Judge the merging of statements that say the same: precision, recall and F1.

    A line has `a`, `b` and `relation` (same, contradicts, refines, supports, related, unrelated)
    and, where known, `a_note`, `b_note`, `glossary` (short form to long forms) and `family`.
    """
    from api import terminal
    from api.settings import Settings
    from ingest.labelled import read_lines
    from ingest.pair_evaluation import evaluate_pairs
    from kg.embedders import open_embedder
    from kg.labelled_pairs import LabelledPair, pair_cosines

    found = read_lines(cases, LabelledPair)
    cosines = pair_cosines(found, open_embedder(Settings().embedder))
    terminal.show(evaluate_pairs(found, cosines), as_json, pair_lines)


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


def pair_lines(view: "PairEvaluation") -> Iterator[str]:
    """Show the rule beside the baselines, what was taken for what, and every wrong pair."""
    yield f"{'':<36}{'precision':<22}{'recall':<22}{'F1':<22}{'n':>6}"
    yield from _part_rows("all pairs", view)
    for name, part in view.parts.items():
        yield from _part_rows(name, part)
    yield "intervals: 95 %; a baseline has the threshold that is best for it"
    yield "a reader says / found:"
    for confusion in view.confusions:
        yield f"  {confusion.relation} / {confusion.found}: {confusion.n}"
    for wrong in view.wrong:
        kind = "missed" if wrong.relation == "same" else "false merge"
        yield (
            f"{kind}, pair {wrong.pair}: {wrong.relation} taken for {wrong.found}: "
            f"{'; '.join(wrong.reasons)}"
        )
        yield f"    {wrong.a}"
        yield f"    {wrong.b}"


def _part_rows(name: str, part: "PairPart") -> Iterator[str]:
    yield f"{name}: {part.n_same} of {part.n} say the same"
    yield _row("  taken for the same", part)
    yield _row("  merged without asking", part.automatic)
    for baseline, each in part.baselines.items():
        least = "" if each.threshold is None else f" ≥ {each.threshold:.3g}"
        yield _row(f"  {baseline}{least}", each)


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
