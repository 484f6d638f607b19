import subprocess
import sys

INTERRUPTED = """
import sys
from importlib.abc import MetaPathFinder

class CtrlC(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from api.entry import main
main()
"""


def test_an_interrupt_while_the_command_line_is_imported_shows_no_traceback():
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "interrupted: nothing was begun\n"


def test_the_command_line_is_run():
    ended = subprocess.run(
        [sys.executable, "-c", "from api.entry import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0
    assert "ingest" in ended.stdout
