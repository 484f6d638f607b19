"""How well documents are read: PDFs against their sources, sentences against labels, speed.

Usage::

    python benchmarks/bench_reading.py pdf CORPUS_DIR [--json] [--missing]
    python benchmarks/bench_reading.py html CORPUS_DIR [--json] [--missing]
    python benchmarks/bench_reading.py sentences LABELLED.jsonl [--json]
    python benchmarks/bench_reading.py speed CORPUS_DIR [--json]

``pdf`` takes every PDF beside a ``.tex``, ``.md`` or ``.tar.gz`` of the same name. Its gold
sentences are those of the source's running text (abstract, body, appendix) with 8 to 60 words
and neither formula, displayed or not, citation nor cross-reference: where one stands in a LaTeX
source, a mark is put before it is read. A sentence counts as *verbatim* if one
paragraph of the reader's output contains it after NFKC, folding of quotes and dashes, and
collapsing of white space; as *in order* if the output contains its letters and digits in a row.
Beside it stand PDFium's plain text, pypdf's and pdfminer.six's, paragraph breaks disregarded, which
is the easier test. Headings are compared with those of the source, numbers aside.

``html`` takes every web page. Its gold sentences are those of the paragraph elements of its article
without formula, citation or note, beside trafilatura in its mode of high recall.

``speed`` reads every file once, and says what became of it and how long it took; of PDFs also how
many pages a CPU second, those without a source beside them included.

``sentences`` takes passages with the offsets at which sentences begin, and scores the splitter
beside the naive rule "a full stop, a space, a capital".
"""

import argparse
import io
import json
import re
import sys
import tarfile
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2

from benchmarks.reading_peers import PDF_PEERS, page_paragraphs, trafilatura_text
from ingest.documents import Document
from ingest.readers import SUFFIXES, read
from ingest.sentences import sentences
from kg.errors import DocumentError

_QUOTES = dict.fromkeys(map(ord, "‘’‚‛“”„‟`´\"'"), "'")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_LOOKALIKES = {ord("∆"): "Δ", ord("Ω"): "Ω"}
_FORMULA_OR_KEY = re.compile(r"[$\[\]\\{}§‖∥≤≥≈≠×→∞\u0302\u0370-\u03ff]|<<|>>|ŝ")
_MARK = "‖"
_UNPRINTED = re.compile(
    rb"(?<!\\)\\(?:\[|(?:LaTeX|TeX|textsc)\b|[A-Za-z]*ref\*?\{|begin\{(?:equation|align|alignat|gather|multline|"
    rb"eqnarray|displaymath|math|flalign|dmath)\*?\})|(?<!\\)\$\$(?=[^$])(?:[^$]|\\\$)+\$\$"
)
"""What the LaTeX reader gives otherwise than it is printed, or leaves out of a sentence."""

_UNCOMPARED = {"captions", "references"}
"""Kinds of sections whose headings the source need not have."""

_LOWEST_LEVEL = 2
_HEADING_NUMBER = re.compile(
    r"^(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*|[IVX]+(?:-[A-Z])?\.|(?i:appendix) [A-Z]\b)[.:]?\s+"
)
_UNLIKE_PRINT = re.compile(r"\$[^$]*\$|\[[^\]]*\]|‖\s*[\w:.-]*")
"""What stands in a heading of the source otherwise than in print: formulas, keys, labels."""

_SOURCES = (".tex", ".md", ".tar.gz")
_SHORTEST, _LONGEST = 8, 60
_NAIVE = re.compile(r"[.!?]\s+(?=[A-Z])")


def fold(text: str) -> str:
    """Make texts comparable that differ only in typography."""
    folded = unicodedata.normalize("NFKC", text).translate(_QUOTES | _DASHES | _LOOKALIKES)
    return " ".join(folded.split()).replace(". . .", "...")


def letters(text: str) -> str:
    """Keep letters and digits only."""
    return re.sub(r"[\W_]+", "", fold(text)).lower()


def gold_sentences(source: Path) -> list[str]:
    """Return the sentences of a LaTeX or Markdown source that a PDF of it must contain."""
    return [
        sentence
        for section in _marked(source).sections
        if section.kind in {"abstract", "body", "appendix"}
        for span in sentences(section.text)
        if _is_gold(sentence := section.text[span.start : span.end])
    ]


def _marked(source: Path) -> Document:
    """Read a source with a mark at each place where it is not read as it is printed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / source.name
        if source.name.endswith(".tar.gz"):
            with tarfile.open(source) as read_from, tarfile.open(copy, "w:gz") as write_to:
                for member in read_from:
                    opened = read_from.extractfile(member)
                    data = opened.read() if opened else b""
                    data = _with_marks(data) if member.name.endswith(".tex") else data
                    member.size = len(data)
                    write_to.addfile(member, io.BytesIO(data))
        else:
            data = source.read_bytes()
            copy.write_bytes(_with_marks(data) if source.suffix == ".tex" else data)
        return read(copy)[0]


def _with_marks(latex: bytes) -> bytes:
    """Put a mark in front of each cross-reference and displayed formula."""
    return _UNPRINTED.sub(lambda found: _MARK.encode() + found[0], latex)


def _is_gold(sentence: str) -> bool:
    plain = not _FORMULA_OR_KEY.search(sentence)
    return plain and _SHORTEST <= len(sentence.split()) <= _LONGEST


def paragraphs(document: Document) -> list[str]:
    """Return every paragraph of a document."""
    return [part for section in document.sections for part in section.text.split("\n\n")]


def headings(document: Document) -> list[str]:
    """Return a document's headings of the first two levels; lower ones are often run in."""
    return [
        section.heading
        for section in document.sections
        if section.heading and section.kind not in _UNCOMPARED and section.level <= _LOWEST_LEVEL
    ]


def agreement(found: list[str], gold: list[str]) -> tuple[float, float]:
    """Return precision and recall of headings by their letters, with or without their numbers.

    Those with a formula, citation or cross-reference count by the words in front and behind.
    """
    wanted: Counter[str] = Counter()
    patterns: Counter[re.Pattern[str]] = Counter()
    for heading in gold:
        bare = _HEADING_NUMBER.sub("", heading)
        if _UNLIKE_PRINT.search(heading):
            words = map(letters, _UNLIKE_PRINT.split(bare))
            patterns[re.compile(".*".join(map(re.escape, words)))] += 1
        else:
            wanted.update({letters(heading), letters(bare if heading[0].isdigit() else heading)})
    hits = 0
    for heading in found:
        whole, bare = letters(heading), letters(_HEADING_NUMBER.sub("", heading))
        match = next((form for form in (whole, bare) if wanted[form]), None)
        fitting = next((each for each in patterns if patterns[each] and each.fullmatch(bare)), None)
        if match is not None:
            hits += 1
            wanted[match] -= 1
        elif fitting is not None:
            hits += 1
            patterns[fitting] -= 1
    return hits / max(len(found), 1), hits / max(len(gold), 1)


def share(gold: list[str], text: str, form: Callable[[str], str]) -> float:
    """Return the share of gold sentences that the text contains in this form."""
    return sum(form(sentence) in text for sentence in gold) / len(gold)


def bench_pdf(folder: Path, missing: bool) -> list[dict[str, object]]:
    """Score every PDF that has a source beside it."""
    rows: list[dict[str, object]] = []
    for path in sorted(folder.glob("*.pdf")):
        source = next((s for suffix in _SOURCES if (s := path.with_suffix(suffix)).exists()), None)
        if source is None:
            continue
        gold = gold_sentences(source)
        start = time.process_time()
        document = read(path)[0]
        seconds = time.process_time() - start
        ours = paragraphs(document)
        precision, recall = agreement(headings(document), headings(_marked(source)))
        folded = "\n".join(map(fold, ours))
        rows.append(
            {
                "document": path.name,
                "gold": len(gold),
                "verbatim": share(gold, folded, fold),
                "order": share(gold, letters(" ".join(ours)), letters),
                "heading_precision": precision,
                "heading_recall": recall,
                **_peers(path, gold),
                "pages": n_pages(path),
                "pages_per_cpu_second": n_pages(path) / seconds,
            }
        )
        if missing:
            for sentence in gold:
                if fold(sentence) not in folded:
                    print(f"{path.stem}: {sentence}", file=sys.stderr)
    return rows


def n_pages(path: Path) -> int:
    """Count the pages of a PDF."""
    return len(pypdfium2.PdfDocument(path.read_bytes()))


def _peers(path: Path, gold: list[str]) -> dict[str, float]:
    """Score what others make of a PDF."""
    scores = {}
    for name, text_of in PDF_PEERS.items():
        text = text_of(path)
        scores[f"{name}_verbatim"] = share(gold, fold(text), fold)
        scores[f"{name}_order"] = share(gold, letters(text), letters)
    return scores


def bench_html(folder: Path, missing: bool) -> list[dict[str, object]]:
    """Score every web page by the sentences of its paragraph elements."""
    rows: list[dict[str, object]] = []
    for path in sorted(folder.glob("*.html")):
        passages = [" ".join(passage.split()) for passage in page_paragraphs(path)]
        gold = [
            sentence
            for passage in passages
            for span in sentences(passage)
            if _is_gold(sentence := passage[span.start : span.end])
        ]
        start = time.process_time()
        document = read(path)[0]
        seconds = time.process_time() - start
        folded = "\n".join(map(fold, paragraphs(document)))
        peer = trafilatura_text(path)
        rows.append(
            {
                "document": path.name,
                "gold": len(gold),
                "verbatim": share(gold, folded, fold),
                "order": share(gold, letters(folded), letters),
                "trafilatura_verbatim": share(gold, fold(peer), fold),
                "trafilatura_order": share(gold, letters(peer), letters),
                "cpu_seconds": seconds,
            }
        )
        if missing:
            for sentence in gold:
                if fold(sentence) not in folded:
                    print(f"{path.stem}: {sentence}", file=sys.stderr)
    return rows


def bench_sentences(path: Path) -> list[dict[str, object]]:
    """Score the splitter, and the naive rule, on labelled boundaries."""
    passages = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    splitters: dict[str, Callable[[str], set[int]]] = {
        "ours": lambda text: {span.start for span in sentences(text)} - {0},
        "naive": lambda text: {match.end() for match in _NAIVE.finditer(text)},
    }
    return [
        {"splitter": name, **_boundary_scores(passages, split)} for name, split in splitters.items()
    ]


def _boundary_scores(
    passages: list[dict[str, object]], split: Callable[[str], set[int]]
) -> dict[str, object]:
    hits = false = missed = 0
    for passage in passages:
        text, labelled = str(passage["text"]), passage["boundaries"]
        assert isinstance(labelled, list)
        gold = {_next_word(text, offset) for offset in labelled}
        found = split(text)
        hits += len(gold & found)
        false += len(found - gold)
        missed += len(gold - found)
    return {
        "boundaries": hits + missed,
        "false": false,
        "missed": missed,
        "f1": 2 * hits / (2 * hits + false + missed),
    }


def _next_word(text: str, offset: int) -> int:
    return offset + len(text[offset:]) - len(text[offset:].lstrip())


def bench_speed(folder: Path) -> list[dict[str, object]]:
    """Read every file of a folder once, and say what became of it."""
    rows = [_reading(path) for path in sorted(folder.iterdir()) if path.is_file()]
    papers = [row for row in rows if "pages" in row]
    pages = sum(_number(row, "pages") for row in papers)
    seconds = sum(_number(row, "cpu_seconds") for row in papers)
    every: dict[str, object] = {"document": "every PDF", "pages": pages, "cpu_seconds": seconds}
    return [*rows, every | {"pages_per_cpu_second": pages / seconds}] if papers else rows


def _reading(path: Path) -> dict[str, object]:
    start = time.process_time()
    try:
        documents = read(path)
    except DocumentError as error:
        return {"document": path.name, "refused": str(error).removeprefix(f"{path}: ")}
    return {
        "document": path.name,
        "format": documents[0].format,
        "sections": sum(len(document.sections) for document in documents),
        "characters": sum(len(s.text) for document in documents for s in document.sections),
        "cpu_seconds": time.process_time() - start,
        "known_suffix": path.suffix in SUFFIXES,
        **({"pages": n_pages(path)} if documents[0].format == "pdf" else {}),
    }


def _table(rows: list[dict[str, object]]) -> Iterator[str]:
    for row in rows:
        yield "  ".join(
            f"{key}={value:.3f}" if isinstance(value, float) else f"{key}={value}"
            for key, value in row.items()
        )


def main() -> None:
    """Run one benchmark and print its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["pdf", "html", "sentences", "speed"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--missing", action="store_true", help="print gold sentences not found")
    arguments = parser.parse_args()
    if arguments.mode == "pdf":
        rows = bench_pdf(arguments.path, arguments.missing)
        rows.append(_mean(rows))
    elif arguments.mode == "html":
        rows = bench_html(arguments.path, arguments.missing)
    elif arguments.mode == "sentences":
        rows = bench_sentences(arguments.path)
    else:
        rows = bench_speed(arguments.path)
    print(json.dumps(rows, indent=2) if arguments.json else "\n".join(_table(rows)))


def _mean(rows: list[dict[str, object]]) -> dict[str, object]:
    """Pool the rows, each sentence counting once, and the headings by document."""
    total = sum(_number(row, "gold") for row in rows)
    keys = [key for key in rows[0] if key.endswith(("verbatim", "order"))]
    pooled = {
        key: sum(_number(row, key) * _number(row, "gold") for row in rows) / total for key in keys
    }
    for key in ("heading_precision", "heading_recall"):
        pooled[key] = sum(_number(row, key) for row in rows) / len(rows)
    seconds = sum(_number(row, "pages") / _number(row, "pages_per_cpu_second") for row in rows)
    pages = sum(_number(row, "pages") for row in rows)
    return {
        "document": "all", "gold": total, **pooled, "pages": pages,
        "pages_per_cpu_second": pages / seconds,
    }  # fmt: skip


def _number(row: dict[str, object], key: str) -> float:
    value = row[key]
    assert isinstance(value, int | float)
    return value


if __name__ == "__main__":
    main()
