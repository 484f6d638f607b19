"""A file is read in a process of its own, and whatever becomes of that is an error at most."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest import isolated
from ingest.extractors import open_extractor
from ingest.isolated import Limits, ReadingProcess, Task, read_isolated
from ingest.preparing import taken_apart
from ingest.readers import read
from kg.errors import DocumentError

DOCUMENTS = Path(__file__).parents[1] / "data" / "documents"
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs the resource module")


@pytest.fixture(scope="module")
def process() -> Iterator[ReadingProcess]:
    with ReadingProcess() as opened:
        yield opened


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    path = tmp_path / "paragraphs.html"
    path.write_text("<html><body>" + "<p>" * 1_000_000)
    return path


@pytest.mark.parametrize("name", ["probe_note.md", "circuit_article.html", "statements.jsonl"])
def test_the_child_reads_what_this_process_would(process: ReadingProcess, name: str):
    assert process.read(DOCUMENTS / name) == read(DOCUMENTS / name)


@pytest.mark.parametrize("name", ["probe_note.md", "statements.jsonl"])
def test_the_child_finds_the_statements_that_this_process_would(process: ReadingProcess, name: str):
    extractor = open_extractor("offline")
    documents = read(DOCUMENTS / name)
    here = [taken_apart(each, extractor) for each in documents]

    there = process.prepare(Task(DOCUMENTS / name, extractor="offline"))

    assert there == here
    assert there[0].located


def test_a_refusal_comes_through_word_for_word(process: ReadingProcess, tmp_path: Path):
    path = tmp_path / "broken.jsonl"
    path.write_text("{")
    with pytest.raises(DocumentError) as here:
        read(path)

    with pytest.raises(DocumentError) as there:
        process.read(path)

    assert str(there.value) == str(here.value)


def test_reading_that_takes_too_long_is_stopped_and_the_next_file_is_read(endless: Path):
    with ReadingProcess(Limits(seconds=0.5)) as process:
        process.read(DOCUMENTS / "lab_notes.txt")
        with pytest.raises(
            DocumentError, match=r"paragraphs\.html: reading took longer than 0\.5 s"
        ):
            process.read(endless)

        assert process.read(DOCUMENTS / "lab_notes.txt")


@posix_only
def test_reading_that_takes_too_much_memory_is_stopped_and_the_next_file_is_read(tmp_path: Path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"word " * 3_900_000)

    with ReadingProcess(Limits(memory_mb=60)) as process:
        with pytest.raises(DocumentError, match=r"long\.txt: .*more than 60 MB of memory"):
            process.read(path)

        assert process.read(DOCUMENTS / "lab_notes.txt")


@posix_only
def test_a_child_that_nobody_waits_for_stops_by_itself(process: ReadingProcess, endless: Path):
    started = process._process or process._started()
    request = {
        "path": str(endless),
        "sidecars": [],
        "extractor": None,
        "cpu_seconds": 1,
        "memory_bytes": 2**31,
    }
    assert started.stdin
    assert started.stdout

    started.stdin.write(json.dumps(request).encode() + b"\n")
    started.stdin.flush()
    answer = isolated._read_frame(started.stdout)

    assert answer
    assert -json.loads(answer[1:])["exit"] in {signal.SIGXCPU, signal.SIGKILL}


@posix_only
def test_a_process_that_is_killed_is_an_error_of_its_file_and_another_is_started(
    process: ReadingProcess,
):
    process.read(DOCUMENTS / "lab_notes.txt")
    assert process._process
    os.kill(process._process.pid, signal.SIGKILL)

    with pytest.raises(DocumentError, match=r"lab_notes\.txt: the reader crashed"):
        process.read(DOCUMENTS / "lab_notes.txt")

    assert process.read(DOCUMENTS / "lab_notes.txt")


def test_a_relative_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "note.txt").write_text("Some words.")
    monkeypatch.chdir(tmp_path)

    assert read_isolated(Path("note.txt"))[0].sections[0].text == "Some words."


@posix_only
def test_the_child_gets_none_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_OF_OURS", "1")
    with ReadingProcess() as fresh:
        fresh.read(DOCUMENTS / "lab_notes.txt")
        assert fresh._process
        environment = Path(f"/proc/{fresh._process.pid}/environ")
        if not environment.exists():
            pytest.skip("the system does not tell what another process was given")
        names = [each.split(b"=")[0] for each in environment.read_bytes().split(b"\0") if each]

    assert set(names) == {b"OMP_NUM_THREADS", b"OPENBLAS_NUM_THREADS", b"MKL_NUM_THREADS"}


@pytest.mark.parametrize("event", ["socket.connect", "subprocess.Popen", "os.exec"])
def test_a_reader_may_not_use_the_network_or_start_a_program(event: str):
    with pytest.raises(PermissionError, match="may not do this"):
        isolated._refuse(event, ())


@posix_only
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.open("w"),
        lambda path: path.open("r+"),
        lambda path: os.open(path.with_name("new"), os.O_CREAT | os.O_WRONLY),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("new")),
        lambda path: os.truncate(path, 0),
        lambda path: path.with_name("folder").mkdir(),
        lambda path: path.with_name("link").symlink_to(path),
        lambda path: path.chmod(0),
    ],
    ids=["write", "update", "create", "remove", "rename", "truncate", "folder", "link", "mode"],
)
def test_a_reader_may_not_change_a_file(change: Callable[[Path], object], tmp_path: Path):
    path = tmp_path / "note.txt"
    path.write_text("Some words.")
    child = os.fork()
    if child == 0:
        sys.addaudithook(isolated._refuse)
        try:
            change(path)
        except PermissionError as error:
            os._exit(0 if "a reader may not do this" in str(error) else 2)
        os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["note.txt"]
    assert path.read_text() == "Some words."


def test_stopping_leaves_no_process():
    with ReadingProcess() as process:
        process.read(DOCUMENTS / "lab_notes.txt")
        started = process._process
    assert started
    deadline = time.monotonic() + 5
    while started.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)

    assert started.returncode is not None
