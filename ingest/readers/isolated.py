"""Reading a file in a process of its own, so that no file can take the program down.

Parsers of hostile formats crash, loop and eat memory, whatever they are written in; PDFium aborts
when memory runs out. So each file is read by a child process that may use only so much memory,
time and nothing to write to, gets none of the environment's variables, and hands its documents
back as JSON. Whatever becomes of the child, the caller gets documents or a `DocumentError`.

But: outside POSIX there is no ``resource`` module, so only the wall clock is limited, and the
environment is passed on.
"""

import dataclasses
import json
import logging
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ingest.documents import Document, Draft, Section, Span
from ingest.readers import read
from ingest.readers.files import label
from kg.errors import DocumentError

logger = logging.getLogger(__name__)

_BOOTSTRAP = (
    "import json, sys; request = json.load(sys.stdin); sys.path[:] = request['sys_path']; "
    "from ingest.readers.isolated import serve; serve(request)"
)
_LONGEST_ANSWER = 256_000_000
_MOST_FILES = 64


def read_isolated(
    path: Path,
    timeout_s: float = 120,
    memory_mb: int = 2048,
    sidecars: Sequence[Path] = (),
) -> list[Document]:
    """Read a file in a child process with limits.

    Args:
        path: The file.
        timeout_s: Seconds that the reading may take, of the clock and of the processor each.
        memory_mb: Address space of the child, in units of 1024 * 1024 bytes.
        sidecars: Bibliographic files that may speak of the file, the most trusted first.

    Raises:
        DocumentError: The file cannot be read, or reading it crashed, took too long, or took too
            much memory.
    """
    request = {
        "path": str(path),
        "sidecars": [str(sidecar) for sidecar in sidecars],
        "sys_path": sys.path,
        "cpu_seconds": max(math.ceil(timeout_s), 1),
        "memory_bytes": memory_mb * 1024 * 1024,
    }
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-I", "-B", "-c", _BOOTSTRAP],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=timeout_s,
            env={} if os.name == "posix" else None,  # Windows needs some to start at all
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(
            f"{label(path)}: reading took longer than {timeout_s:g} s and was stopped"
        ) from error
    if child.returncode != 0:
        raise DocumentError(f"{label(path)}: {_fate(child, timeout_s, memory_mb)}")
    answer = json.loads(child.stdout)
    if "error" in answer:
        raise DocumentError(answer["error"])
    return [_document(fields) for fields in answer["documents"]]


def serve(request: dict[str, Any]) -> None:
    """Do the child's work: limit this process, read the file, write the answer.

    `Any` because the request is JSON that `read_isolated` has just written.
    """
    _limit(request["cpu_seconds"], request["memory_bytes"])
    path = Path(request["path"])
    sidecars = [Path(sidecar) for sidecar in request["sidecars"]]
    answer: dict[str, object]
    try:
        documents = [dataclasses.asdict(document) for document in read(path, sidecars)]
        answer = {"documents": documents}
    except DocumentError as error:
        answer = {"error": str(error)}
    except MemoryError:
        megabytes = request["memory_bytes"] // (1024 * 1024)
        answer = {"error": f"{label(path)}: reading needs more than {megabytes} MB of memory"}
    text = json.dumps(answer)
    if len(text) > _LONGEST_ANSWER:
        text = json.dumps({"error": f"{label(path)}: there is too much text in it: split it"})
    sys.stdout.write(text)


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    """Limit what this process may use, where the platform can."""
    if find_spec("resource") is None:
        return
    import resource

    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (allowed, hard))


def _fate(child: subprocess.CompletedProcess[bytes], timeout_s: float, memory_mb: int) -> str:
    """Say what became of a child that gave no answer."""
    complaint = child.stderr.decode("utf-8", errors="replace").strip()
    logger.error("reader exited with %d: %s", child.returncode, complaint)
    if "MemoryError" in complaint:
        return f"reading needs more than {memory_mb} MB of memory"
    if child.returncode > 0:
        last = complaint.rsplit("\n", 1)[-1] or f"exit code {child.returncode}"
        return f"the reader failed ({last}): please report this with the file"
    try:
        name = signal.Signals(-child.returncode).name
    except ValueError:
        name = f"signal {-child.returncode}"
    if name == "SIGXCPU":
        return f"reading took longer than {timeout_s:g} s of computing and was stopped"
    return (
        f"the reader crashed ({name}): the file is damaged, or it needs more than {memory_mb} MB "
        "of memory"
    )


def _document(fields: dict[str, Any]) -> Document:
    """Rebuild a document from JSON; `Any` because that is what JSON gives."""
    sections = (
        Section(**{**section, "pages": tuple(map(tuple, section["pages"]))})
        for section in fields["sections"]
    )
    drafts = (
        Draft(**{**draft, "span": Span(*draft["span"]) if draft["span"] else None})
        for draft in fields["drafts"]
    )
    return Document(
        **{
            **fields,
            "sections": tuple(sections),
            "authors": tuple(fields["authors"]),
            "drafts": tuple(drafts),
            "identifiers": tuple(map(tuple, fields["identifiers"])),
            "origins": tuple(map(tuple, fields["origins"])),
        }
    )
