"""What can befall a command: a full disk, numbers beyond all bounds, names that are none."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

ROOT = Path(__file__).parents[2]
NOTE = "# On heads\n\nWe find that the heads of layer {} move names in 91% of all cases.\n"
BEYOND = str(2**63)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    (folder / "note.md").write_text(NOTE.format(1), encoding="utf-8")
    database = folder / "library.db"
    ran = CliRunner().invoke(app, ["ingest", str(folder / "note.md"), "--db", str(database)])
    assert ran.exit_code == 0, ran.output
    return database


@pytest.mark.parametrize("command", ["update", "label", "export", "seams", "changes", "map"])
def test_a_method_that_is_none_is_refused_with_those_that_are(library: Path, command: str):
    result = CliRunner().invoke(app, [command, "--method", "louvain", "--db", str(library)])

    assert result.exit_code == 1
    assert "there is no method louvain: the methods are leiden_concepts" in result.stderr


def test_on_a_full_disk_a_command_says_so_and_goes_on_when_there_is_room(tmp_path: Path):
    papers = tmp_path / "papers"
    papers.mkdir()
    for n in range(8):
        (papers / f"{n}.md").write_text(NOTE.format(n) * 100, encoding="utf-8")
    ingest = [sys.executable, "-m", "api.cli", "ingest", str(papers), "--jobs", "1"]
    ingest += ["--db", str(tmp_path / "a.db")]

    def run(limit: str) -> subprocess.CompletedProcess[str]:
        limited = ["bash", "-c", f'ulimit -f {limit}; exec "$@"', "bash", *ingest]  # 1,024 bytes
        return subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, check=False)

    full, roomy = run("400"), run("unlimited")

    assert full.returncode == 1
    assert "error: the database failed" in full.stderr
    assert "full" in full.stderr
    assert "Traceback" not in full.stderr
    assert roomy.returncode == 0, roomy.stderr
    assert len(roomy.stdout.splitlines()) == 8 + 1


@pytest.mark.parametrize(
    ("arguments", "what_to_do"),
    [
        (["statement", "stm_none"], "`claimgraph search WORDS`"),
        (["community", "c0"], "`claimgraph communities`"),
        (["source", "src_none"], "`claimgraph sources`"),
        (["remove", "src_none"], "`claimgraph sources`"),
        (["communities", "--run", "99"], "`claimgraph runs`"),
        (["withdraw", "evd_none", "--because", "Wrong."], "`claimgraph evidence`"),
    ],
)
def test_who_names_what_is_not_there_learns_where_the_names_are(
    library: Path, arguments: list[str], what_to_do: str
):
    result = CliRunner().invoke(app, [*arguments, "--db", str(library)])

    assert what_to_do in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["communities", "--run", BEYOND],
        ["map", "--run", BEYOND],
        ["compare", "1", BEYOND],
        ["decomposition", BEYOND],
        ["harvest", BEYOND],
        ["attribute", BEYOND],
        ["components", BEYOND],
        ["dictionaries", BEYOND],
        ["export-decomposition", BEYOND, "nowhere"],
        ["undo", BEYOND],
        ["ingest", "a" * 5000],
    ],
)
def test_what_is_not_there_or_no_file_is_refused(library: Path, arguments: list[str]):
    result = CliRunner().invoke(app, [*arguments, "--db", str(library)])

    assert result.exit_code == 1, result.exception
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["relate", "stm_a", "supports", "stm_b"],
        ["merge", "stm_a", "stm_b"],
        ["split", "stm_a"],
        ["undo"],
        ["withdraw", "evd_a", "--because", "it was wrong"],
    ],
)
@pytest.mark.parametrize("nobody", ["", " "])
def test_nobody_can_decide_without_a_name(library: Path, arguments: list[str], nobody: str):
    result = CliRunner().invoke(app, [*arguments, "--by", nobody, "--db", str(library)])

    assert result.exit_code == 2, result.exception
    assert "a name, please" in result.stderr


@pytest.mark.parametrize("command", ["statement", "source", "community"])
def test_bytes_that_are_no_text_are_refused(library: Path, command: str):
    result = CliRunner().invoke(app, [command, "caf\udce9", "--db", str(library)])

    assert result.exit_code == 2, result.exception
    assert "not text in UTF-8" in result.stderr


def test_a_server_ends_quietly_and_says_which_port_is_taken(library: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    serve = [sys.executable, "-m", "api.cli", "serve", "--port", port, "--db", str(library)]
    server = subprocess.Popen(serve, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        assert server.stderr.readline().startswith("claimgraph on http://127.0.0.1:")

        second = CliRunner().invoke(app, serve[3:])
    finally:
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=30)

    assert second.exit_code == 1
    assert "name another with --port" in second.stderr
    assert (server.returncode, said) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["cluster", "--seed", BEYOND],
        ["cluster", "--resolution", "inf"],
        ["harvest", "1", "--seed", BEYOND],
        ["attribute", "1", "--seed", BEYOND],
        ["attribute", "1", "--sample", BEYOND],
        ["components", "1", "--alpha", "inf"],
        ["components", "1", "--resolution", "inf"],
    ],
)
def test_a_setting_is_one_that_a_run_can_keep(library: Path, arguments: list[str]):
    result = CliRunner().invoke(app, [*arguments, "--db", str(library)])

    assert result.exit_code == 2, result.exception


def test_a_folder_is_no_database(tmp_path: Path):
    result = CliRunner().invoke(app, ["runs", "--db", str(tmp_path)])

    assert result.exit_code == 1
    assert "is a folder: name a file in it" in result.stderr
