"""A file is read in a process of its own, and whatever becomes of that is an error at most."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.readers import read
from ingest.readers.isolated import _BOOTSTRAP, read_isolated
from kg.errors import DocumentError

DOCUMENTS = Path(__file__).parents[1] / "data" / "documents"
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs the resource module")


@pytest.mark.parametrize("name", ["probe_note.md", "circuit_article.html", "statements.jsonl"])
def test_the_child_reads_what_this_process_would(name: str):
    assert read_isolated(DOCUMENTS / name) == read(DOCUMENTS / name)


def test_a_refusal_comes_through_word_for_word(tmp_path: Path):
    path = tmp_path / "broken.jsonl"
    path.write_text("{")
    with pytest.raises(DocumentError) as here:
        read(path)

    with pytest.raises(DocumentError) as there:
        read_isolated(path)

    assert str(there.value) == str(here.value)


def test_reading_that_takes_too_long_is_stopped():
    with pytest.raises(DocumentError, match=r"probe_note\.md: reading took longer than 0\.01 s"):
        read_isolated(DOCUMENTS / "probe_note.md", timeout_s=0.01)


@posix_only
def test_reading_that_takes_too_much_memory_is_stopped(tmp_path: Path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"word " * 3_900_000)

    with pytest.raises(DocumentError, match=r"long\.txt: .*more than 60 MB of memory"):
        read_isolated(path, memory_mb=60)


@posix_only
def test_reading_that_takes_too_much_computing_is_stopped(tmp_path: Path):
    path = tmp_path / "attributes.html"
    path.write_text("<p " + " ".join(f"a{n}=1" for n in range(400_000)) + ">Text.</p>")

    with pytest.raises(DocumentError, match=r"took longer than 1 s"):
        read_isolated(path, timeout_s=1)


@posix_only
def test_a_child_that_nobody_waits_for_stops_by_itself(tmp_path: Path):
    path = tmp_path / "attributes.html"
    path.write_text("<p " + " ".join(f"a{n}=1" for n in range(400_000)) + ">Text.</p>")
    request = {
        "path": str(path),
        "sidecars": [],
        "sys_path": sys.path,
        "cpu_seconds": 1,
        "memory_bytes": 2**31,
    }

    child = subprocess.run(
        [sys.executable, "-I", "-c", _BOOTSTRAP], input=json.dumps(request).encode(), check=False
    )

    assert child.returncode in {-signal.SIGXCPU, -signal.SIGKILL}


def test_a_relative_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "note.txt").write_text("Some words.")
    monkeypatch.chdir(tmp_path)

    assert read_isolated(Path("note.txt"))[0].sections[0].text == "Some words."


@posix_only
def test_the_child_gets_none_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    seen = []
    run = subprocess.run

    def spy(*arguments: object, **options: object) -> object:
        seen.append(options["env"])
        return run(*arguments, **options)

    monkeypatch.setattr(subprocess, "run", spy)
    read_isolated(DOCUMENTS / "lab_notes.txt")

    assert seen == [{}]
