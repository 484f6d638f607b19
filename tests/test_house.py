"""House rules: imports stay light, docs keep up, nothing is done at import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import app
from api.reference import command_reference

ROOT = Path(__file__).parents[1]


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["api.cli", "api.app", "kg.clustering", "ingest.pipeline"])
def test_importing_the_command_line_and_the_server_does_not_import_torch(module: str):
    heavy = "{'torch', 'sentence_transformers', 'transformers'}"

    loaded = _python(f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))")

    assert loaded == "[]"


def test_the_command_line_starts_without_what_only_some_commands_need():
    heavy = "{'numpy', 'scipy', 'igraph', 'fastapi', 'alembic', 'uvicorn', 'lxml'}"

    loaded = _python(f"import sys, api.cli; print(sorted({heavy} & set(sys.modules)))")

    assert loaded == "[]"


def test_importing_leaves_nothing_in_the_current_folder(tmp_path: Path):
    here = tmp_path / "here"
    here.mkdir()

    subprocess.run(
        [sys.executable, "-c", "import api.cli, api.app, kg.clustering, decomposition.evidence"],
        cwd=here,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        check=True,
    )

    assert list(here.iterdir()) == []


def test_the_reference_of_commands_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == command_reference(app)


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "README.md"])
def test_every_file_that_a_page_names_exists(page: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:kg|ingest|decomposition|api|docs)/[\w/]+\.\w+)", text))
    linked = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link}

    missing = [name for name in sorted(named | linked) if not (ROOT / name).exists()]

    assert named | linked
    assert missing == []


@pytest.mark.parametrize("package", ["kg", "ingest", "decomposition", "api"])
def test_the_code_map_names_exactly_the_modules_there_are(package: str):
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (entry,) = re.findall(rf"^\*\*`{package}/`\*\* (.*?)^\*\*", text, re.MULTILINE | re.DOTALL)
    modules = {path.stem for path in (ROOT / package).glob("[!_]*.py")}
    folders = {f"{path.name}/" for path in (ROOT / package).glob("[!_]*/")}

    assert set(re.findall(r"`(\w+/?)`", entry)) == modules | folders


@pytest.mark.parametrize("package", ["kg", "ingest", "decomposition", "api"])
def test_every_module_says_why_it_exists(package: str):
    silent = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.stat().st_size and not path.read_text(encoding="utf-8").startswith(('"""', 'r"""'))
    ]

    assert silent == []
