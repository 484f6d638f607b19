"""Taking a file apart in a process of its own, so that no file can take the program down.

Parsers of hostile formats crash, loop and eat memory, whatever they are written in; PDFium aborts
when memory runs out. So each file is read, and its statements are found, by a child process that
may use only so much memory and time and change no file, gets none of the environment's
variables, and hands back JSON. Whatever becomes of the child, the caller gets an answer or a
`DocumentError`.

A `ReadingProcess` starts once, imports the parsers that it is asked for, and forks a child for
each file: a child costs some milliseconds where a new interpreter costs a third of a second. If a
child takes too long the whole process is stopped, and the next file starts another.

But: outside POSIX there is neither ``fork`` nor the ``resource`` module. There the process reads
the files itself, only the wall clock is limited, and the environment is passed on.
"""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, NamedTuple, Self

from pydantic import RootModel

from ingest.documents import Document
from ingest.extractors import Settings, open_extractor
from ingest.preparing import Prepared, taken_apart
from ingest.readers import prepare_for, read
from ingest.readers.files import label
from kg.errors import DocumentError

logger = logging.getLogger(__name__)

_BOOTSTRAP = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); "
    "from ingest.isolated import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
)
_LONGEST_ANSWER = 256_000_000
_MOST_FILES = 64
_HEADER = 12
"""Digits of the length that goes before every answer."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The child's whole environment: a process with threads cannot be forked safely."""


class Limits(NamedTuple):
    """What taking one file apart may use."""

    seconds: float = 120
    """Of the clock and of the processor each."""

    memory_mb: int = 2048
    """Address space, in units of 1024 * 1024 bytes."""


class Task(NamedTuple):
    """A file that is to be taken apart."""

    path: Path
    sidecars: tuple[Path, ...] = ()
    """Bibliographic files that may speak of the file, the most trusted first."""

    extractor: str | None = None
    """Who finds the statements; none if the file is only read."""

    settings: Settings = MappingProxyType({})
    """What of the extractor's config is not as usual."""


class _Documents(RootModel[list[Document]]):
    """The answer to a task without an extractor."""


class _Sources(RootModel[list[Prepared]]):
    """The answer to a task with one."""


def read_isolated(
    path: Path, limits: Limits | None = None, sidecars: Sequence[Path] = ()
) -> list[Document]:
    """Read one file in a process with limits.

    Raises:
        DocumentError: The file cannot be read, or reading it crashed, took too long, or took too
            much memory.
    """
    with ReadingProcess(limits) as process:
        return process.read(path, sidecars)


class ReadingProcess:
    """A process that takes one file apart at a time, each in a child with limits."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_late = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def read(self, path: Path, sidecars: Sequence[Path] = ()) -> list[Document]:
        """Return the documents of a file.

        Raises:
            DocumentError: It cannot be read, or reading it crashed or took too much.
        """
        return _Documents.model_validate_json(self._answer(Task(path, tuple(sidecars)))).root

    def prepare(self, task: Task) -> list[Prepared]:
        """Return the sources of a file with what its extractor finds.

        Raises:
            DocumentError: It cannot be read, or reading it crashed or took too much.
        """
        assert task.extractor
        return _Sources.model_validate_json(self._answer(task)).root

    def stop(self) -> None:
        """Stop the process and the child that is at work; the next file starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        if os.name == "posix" and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was not sent yet has nobody to go to
                    pipe.close()

    def _answer(self, task: Task) -> bytes:
        """Send a task and wait for what becomes of it."""
        process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        request = {
            "path": str(task.path),
            "sidecars": [str(sidecar) for sidecar in task.sidecars],
            "extractor": task.extractor,
            "settings": dict(task.settings),
            "cpu_seconds": max(math.ceil(self._limits.seconds), 1),
            "memory_bytes": self._limits.memory_mb * 1024 * 1024,
        }
        self._is_late = False
        timer = threading.Timer(self._limits.seconds, self._stop_late, (process,))
        timer.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer = _read_frame(process.stdout)
        except OSError:
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            self.stop()
            raise DocumentError(f"{label(task.path)}: {self._fate(-signal.SIGKILL, '')}")
        if answer.startswith(b"!"):
            raise DocumentError(self._complaint(task.path, json.loads(answer[1:])))
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
            [sys.executable, "-I", "-B", "-c", _BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ONE_THREAD if os.name == "posix" else None,  # Windows needs some to start at all
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(sys.path).encode() + b"\n")
        self._process.stdin.flush()
        ready = _read_frame(self._process.stdout)
        assert ready == b"ready", "the reading process does not start"
        return self._process

    def _stop_late(self, process: subprocess.Popen[bytes]) -> None:
        self._is_late = True
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()

    def _complaint(self, path: Path, fields: dict[str, Any]) -> str:
        """Say what went wrong in the child; `Any` because that is what JSON gives."""
        if "error" in fields:
            return str(fields["error"])
        logger.error("reader exited with %d: %s", fields["exit"], fields["trace"])
        return f"{label(path)}: {self._fate(fields['exit'], fields['trace'])}"

    def _fate(self, exit_code: int, trace: str) -> str:
        """Say what became of a child that gave no answer."""
        seconds, memory_mb = self._limits
        if self._is_late:
            return f"reading took longer than {seconds:g} s and was stopped: give it in parts"
        if "MemoryError" in trace:
            return f"reading needs more than {memory_mb} MB of memory"
        if exit_code >= 0:
            last = trace.strip().rsplit("\n", 1)[-1] or f"exit code {exit_code}"
            return f"the reader failed ({last}): please report this with the file"
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        if name == "SIGXCPU":
            return f"reading took longer than {seconds:g} s of computing: give it in parts"
        return (
            f"the reader crashed ({name}): the file is damaged, or it needs more than {memory_mb} "
            "MB of memory"
        )


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Do the process's work: a child for each request, until there are no more."""
    _write_frame(answers, b"ready")
    can_fork = hasattr(os, "fork") and find_spec("resource") is not None
    for line in requests:
        request = json.loads(line)
        prepare_for(Path(request["path"]))
        if request["extractor"]:
            open_extractor(request["extractor"]).load()
        if not can_fork:
            _write_frame(answers, _answer_to(request))
            continue
        child = os.fork()
        if child == 0:
            _be_the_child(request, answers)
        _, status = os.waitpid(child, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if exit_code:
            _write_frame(answers, _complaint(exit=exit_code, trace=""))


def _be_the_child(request: dict[str, Any], answers: IO[bytes]) -> None:
    """Limit this process, take the file apart, and end; `Any` because the request is JSON."""
    exit_code = 1
    try:
        _limit(request["cpu_seconds"], request["memory_bytes"])
        sys.addaudithook(_refuse)
        _write_frame(answers, _answer_to(request))
        exit_code = 0
    finally:
        os._exit(exit_code)


def _answer_to(request: dict[str, Any]) -> bytes:
    """Return the answer as JSON, or a complaint; `Any` because the request is JSON."""
    path = Path(request["path"])
    try:
        documents = read(path, [Path(sidecar) for sidecar in request["sidecars"]])
        if request["extractor"]:
            extractor = open_extractor(request["extractor"], settings=request["settings"])
            sources = [taken_apart(document, extractor) for document in documents]
            answer = _Sources(sources).model_dump_json().encode()
        else:
            answer = _Documents(documents).model_dump_json().encode()
    except DocumentError as error:
        return _complaint(error=str(error))
    except MemoryError:
        megabytes = request["memory_bytes"] // (1024 * 1024)
        return _complaint(error=f"{label(path)}: reading needs more than {megabytes} MB of memory")
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        return _complaint(exit=1, trace=f"{type(error).__name__}: {error}")
    if len(answer) > _LONGEST_ANSWER:
        return _complaint(error=f"{label(path)}: there is too much text in it: split it")
    return answer


def _complaint(**fields: str | int) -> bytes:
    return b"!" + json.dumps(fields).encode()


def _write_frame(stream: IO[bytes], answer: bytes) -> None:
    stream.write(b"%0*d" % (_HEADER, len(answer)) + answer)
    stream.flush()


def _read_frame(stream: IO[bytes]) -> bytes | None:
    """Return an answer whole, or none if the stream ends before."""
    header = stream.read(_HEADER)
    if len(header) < _HEADER:
        return None
    length = int(header)
    answer = stream.read(length)
    return answer if len(answer) == length else None


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    """Limit what this process may use, beyond the memory that it has from its parent."""
    import resource

    limits = {
        resource.RLIMIT_AS: _inherited_bytes() + memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (allowed, hard))


def _inherited_bytes() -> int:
    """Return the size of this process's address space, where the system tells."""
    told = Path("/proc/self/statm")
    if not told.exists():
        return 0
    return int(told.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")


_REFUSED = (
    *("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
    *("shutil.", "tempfile.", "sqlite3.connect"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse what no parser has to do: talk to the network, start a program, change a file.

    Args:
        event: As in https://docs.python.org/3/library/audit_events.html.
        arguments: Those of the event; the last of "open" are the flags of the system call.
    """
    is_writing = event == "open" and isinstance(arguments[-1], int) and arguments[-1] & _WRITING
    if is_writing or event.startswith(_REFUSED):
        raise PermissionError(f"a reader may not do this: {event}")
