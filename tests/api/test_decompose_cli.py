"""`decompose` of layers that the user chooses."""

import json
from pathlib import Path

from typer.testing import CliRunner

from api.cli import app


def test_only_the_chosen_layers_are_decomposed_and_the_target_is_kept(tmp_path: Path):
    settings = ["--set", 'matrices={"linear1": 3}', "--set", "steps=2", "--set", "restarts=1"]

    result = CliRunner().invoke(
        app, ["--db", str(tmp_path / "a.db"), "decompose", "tms_5-2", *settings, "--json"]
    )

    assert result.exit_code == 0, result.output
    view = json.loads(result.stdout)
    assert view["subcomponents"] == 3
    assert "alive/linear1" in view["metrics"]
    assert "alive/linear2" not in view["metrics"]
    (cached,) = (tmp_path / "a.artifacts" / "targets").iterdir()
    assert cached.name.startswith("tms_5-2-0-")
