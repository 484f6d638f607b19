"""The command line, from a folder of notes to evidence: exit codes, streams and documents."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from sqlmodel import func, select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from api.options import model_config
from kg.db import open_engine, reading
from kg.runs import close_abandoned
from kg.tables import Community, Embedding, Graph, Label, Membership, Run, RunStatus
from tests.kg.model_server import says, serving

ROOT = Path(__file__).parents[2]
METHODS = ["leiden_semantic", "leiden_concepts", "leiden_relations", "leiden_hybrid_concepts"]


def _run(database: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--db", str(database), *arguments])


def _json(database: Path, *arguments: str) -> Any:
    result = _run(database, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the examples, clustered by every method."""
    database = tmp_path_factory.mktemp("library") / "library.db"
    assert _run(database, "ingest", str(ROOT / "examples")).exit_code == 0
    for method in METHODS:
        assert _run(database, "cluster", "--method", method).exit_code == 0
    return database


@pytest.fixture(scope="module")
def communities(library: Path) -> list[dict[str, Any]]:
    return _json(library, "communities")


def test_every_example_is_taken(library: Path):
    sources = _json(library, "sources")

    assert len(sources) == len(list((ROOT / "examples").iterdir()))
    assert all(source["claims"] + source["findings"] >= 5 for source in sources)


def test_a_sentence_that_was_not_kept_is_listed_kept_and_found(tmp_path: Path):
    database, note = tmp_path / "a.db", tmp_path / "note.md"
    found = "We find that ablating head {0} of the second layer lowers the accuracy by {0} %."
    note.write_text(f"# Heads\n\n{found.format(11)} {found.format(12)}\n", encoding="utf-8")
    ingested = _json(database, "ingest", str(note), "--set", "max_statements=1")
    (source,) = ingested["sources"]
    listed = _json(database, "candidates", source["id"])
    (candidate,) = listed["candidates"]

    web = TestClient(create_app(open_engine(database)))
    page = web.get(f"/sources/{source['id']}").text
    kept = _json(database, "keep", candidate["id"])

    assert source["candidates"] == listed["total"] == 1
    assert web.get(f"/api/sources/{source['id']}/candidates").json()["total"] == 0
    assert candidate["id"] in page
    assert candidate["text"] in page
    assert [each["text"] for each in kept["statements"]] == [candidate["text"]]
    assert candidate["quote"] in _run(database, "source", source["id"]).stdout
    assert "has no candidates" in _run(database, "candidates", source["id"]).stdout
    assert _run(database, "keep", candidate["id"]).exit_code == 1
    assert _run(database, "ingest", str(note), "--set", "max_statements").exit_code == 1


def test_ingesting_again_reports_that_nothing_changed(library: Path):
    report = _json(library, "ingest", str(ROOT / "examples"))

    assert [source["is_new"] for source in report["sources"]] == [False] * len(report["sources"])
    assert {"id", "title", "format", "claims", "findings", "refused"} <= set(report["sources"][0])


def test_the_option_may_stand_before_or_after_the_command(library: Path):
    before = _json(library, "sources")
    after = CliRunner().invoke(app, ["sources", "--db", str(library), "--json"])

    assert json.loads(after.stdout) == before


def test_a_statement_made_in_two_documents_is_one_with_two_mentions(library: Path):
    words = "Stochastic Parameter Decomposition recovers the ground-truth mechanisms"
    (hit, *_) = _json(library, "search", words)["hits"]

    mentions = _json(library, "statement", hit["id"])["mentions"]

    assert len({mention["source"]["id"] for mention in mentions}) == 2


@pytest.mark.parametrize("method", METHODS)
def test_children_partition_their_parents(communities: list[dict[str, Any]], method: str):
    mine = [community for community in communities if community["method"] == method]
    parents = {community["parent"] for community in mine} - {None}
    members = {community["id"]: community["members"] for community in mine}

    sums = {
        parent: sum(each["members"] for each in mine if each["parent"] == parent)
        for parent in parents
    }

    assert sums == {parent: members[parent] for parent in parents}
    assert all(each["level"] == each["id"].count("-c") - 1 for each in mine)


def test_a_community_adds_up(library: Path, communities: list[dict[str, Any]]):
    largest = max(communities, key=lambda community: community["members"])

    view = _json(library, "community", largest["id"])

    statements = view["claims"] + view["findings"]
    ids = {statement["id"] for statement in statements}
    assert len(ids) == view["members"] == largest["members"]
    assert sum(source["members"] for source in view["sources"]) == sum(
        len(statement["sources"]) for statement in statements
    )
    assert {edge["source"] for edge in view["edges"]} <= ids
    assert view["status"] == "active"
    assert view["label_model"] == "offline"


def test_bridges_cross_and_never_lead_to_parents_or_sub_communities(
    library: Path, communities: list[dict[str, Any]]
):
    large = [community for community in communities if community["members"] >= 8]
    members = {
        each["id"]: {
            row["id"]
            for kind in ("claims", "findings")
            for row in _json(library, "community", each["id"])[kind]
        }
        for each in communities
    }

    bridges = {each["id"]: _json(library, "bridges", each["id"]) for each in large}

    assert sum(bridge["significant"] for found in bridges.values() for bridge in found) > 10
    for name, found in bridges.items():
        run = name.partition("-c")[0]
        assert not [bridge for bridge in found if bridge["id"].startswith(f"{run}-")]
        for bridge in found:
            assert bridge["relation"] == "lateral"
            assert set(bridge["shared_ids"]) == members[name] & members[bridge["id"]]
            assert 0 < bridge["shared"] == len(bridge["shared_ids"])
            assert bridge["shared"] < min(len(members[name]), len(members[bridge["id"]]))
            assert bridge["why"].endswith(".")


def test_the_same_seed_gives_the_same_partition(library: Path):
    first = _json(library, "cluster", "--method", "leiden_concepts", "--seed", "3")
    second = _json(library, "cluster", "--method", "leiden_concepts", "--seed", "3")

    assert first["modularity"] == second["modularity"]
    assert _partition(library, first["run"]) == _partition(library, second["run"])


def _partition(library: Path, run: int) -> dict[str, str]:
    with reading(open_engine(library)) as session:
        rows = session.exec(select(Membership).where(Membership.run_id == run))
        return {row.statement_id: row.community_id.partition(f"run{run}")[2] for row in rows}


def test_the_export_opens_in_networkx(library: Path, tmp_path: Path):
    path = tmp_path / "graph.graphml"

    result = _run(library, "export", "--format", "graphml", "--output", str(path))

    graph = nx.read_graphml(path)
    document = json.loads(_run(library, "export", "--format", "json").stdout)
    assert result.exit_code == 0
    assert graph.number_of_nodes() == len(document["nodes"]) > 100


@pytest.mark.parametrize(
    "arguments",
    [
        ["community", "leiden_semantic-run99-c0"],
        ["bridges", "nonsense"],
        ["statement", "stm_absent"],
        ["source", "src_absent"],
        ["evidence", "stm_absent"],
        ["communities", "--method", "louvain"],
        ["cluster", "--method", "louvain"],
        ["search", "   "],
        ["decompose", "gpt-9"],
        ["decompose", "tms_5-2", "--set", "stpes=3"],
        ["decompose", "tms_5-2", "--set", "n_subcomponents=0"],
        ["decompose", "tms_5-2", "--set", "steps"],
        ["decompose", "tms_5-2", "--set", "seed=1"],
        ["decompose", "tms_5-2", "--device", "cuda:99"],
        ["test", "stm_absent", "--experiment", "recovery", "--run", "99"],
        ["ingest", "no/such/file.md"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said_on_standard_error_with_exit_code_1(
    library: Path, arguments: list[str]
):
    result = _run(library, *arguments)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_reading_a_database_that_is_not_there_creates_none(tmp_path: Path):
    result = _run(tmp_path / "absent.db", "sources")

    assert result.exit_code == 1
    assert "claimgraph ingest" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_an_answer_to_everything(tmp_path: Path):
    database = tmp_path / "empty.db"
    open_engine(database)

    clustered = _json(database, "cluster", "--method", "leiden_semantic")

    assert clustered["statements"] == clustered["communities"] == 0
    assert _json(database, "communities") == []
    assert _json(database, "sources") == []
    assert _json(database, "search", "anything")["hits"] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("corrupt.pdf", b"%PDF-1.7\nbroken", "corrupt.pdf"),
        ("empty.md", b"", "empty"),
        ("large.txt", b"word " * 10_000_000, "large.txt"),
        ("binary.md", b"# Title\n\x00\x01\x02" * 20, "binary.md"),
        ("broken.jsonl", b'{"kind": "claim", "text": "a", "source": {"title": "t"}}\n{', "line 2"),
    ],
)
def test_a_bad_file_is_named_and_nothing_of_it_is_stored(
    tmp_path: Path, name: str, content: bytes, words: str
):
    path = tmp_path / name
    path.write_bytes(content)
    database = tmp_path / "a.db"

    result = _run(database, "ingest", str(path), "--json")

    assert result.exit_code == 1
    assert name in result.stderr
    assert words in result.stderr
    assert json.loads(result.stdout)["sources"] == []
    assert _json(database, "sources") == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_a_clustering_leaves_the_database_as_it_was(tmp_path: Path, stop: signal.Signals):
    database = tmp_path / "a.db"
    _run(database, "ingest", str(ROOT / "examples"))
    engine = open_engine(database)
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "cluster", "--db", str(database)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    _wait_for_a_run(database, "clustering", "embedding")

    process.send_signal(stop)
    process.wait(timeout=60)

    close_abandoned(engine)
    with reading(engine) as session:
        left = [
            session.exec(select(func.count()).select_from(table)).one()
            for table in (Community, Membership, Graph, Label, Embedding)
        ]
        statuses = set(session.exec(select(Run.status).where(Run.kind != "ingestion")))
    assert process.returncode != 0
    assert left == [0] * 5
    assert statuses == {RunStatus.FAILED}


def _wait_for_a_run(database: Path, *kinds: str) -> None:
    engine = open_engine(database)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with reading(engine) as session:
            if session.exec(select(Run).where(Run.kind.in_(kinds))).first():
                return
        time.sleep(0.01)
    raise AssertionError("the run did not begin")


def test_a_relation_is_asserted_shown_and_taken_back(library: Path, tmp_path: Path):
    one, other, *_ = (hit["id"] for hit in _json(library, "search", "decomposition")["hits"])

    added = _json(library, "relate", one, "supports", other, "--reason", "It says how")
    again = _json(library, "relate", one, "supports", other, "--by", "reader-1")
    shown = _json(library, "statement", other)["relations"]
    in_words = _run(library, "statement", other).stdout
    (tmp_path / "relations.jsonl").write_text(
        json.dumps({"head": one, "kind": "supports", "tail": other}), encoding="utf-8"
    )
    removed = _run(library, "relate", "--file", str(tmp_path / "relations.jsonl"), "--remove")

    assert [added["relations"][0]["change"], again["relations"][0]["change"]] == [
        "added",
        "unchanged",
    ]
    (relation,) = shown
    assert (relation["words"], relation["other"]["id"]) == ("is supported by", one)
    assert (relation["method"], relation["reason"]) == ("person", "It says how")
    assert "Relations (1): asserted, not measured" in in_words
    assert "asserted by a person" in in_words
    assert removed.exit_code == 0
    assert "removed" in removed.stdout
    assert _json(library, "statement", other)["relations"] == []


def test_a_file_of_relations_is_stored_whole_or_not_at_all(library: Path, tmp_path: Path):
    one, other, *_ = (hit["id"] for hit in _json(library, "search", "decomposition")["hits"])
    path = tmp_path / "relations.jsonl"
    lines = [{"head": one, "kind": "cites", "tail": tail} for tail in (other, "stm_nobody")]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    refused = _run(library, "relate", "--file", str(path))

    assert refused.exit_code == 1
    assert "line 2" in refused.stderr
    assert "stm_nobody" in refused.stderr
    assert _json(library, "statement", one)["relations"] == []


@pytest.mark.parametrize(
    "arguments", [[], ["stm_a", "cites"], ["stm_a", "likes", "stm_b"], ["stm_a", "--file", "x"]]
)
def test_relate_says_what_it_takes(library: Path, arguments: list[str]):
    assert _run(library, "relate", *arguments).exit_code == 2


def test_siblings_and_parents_are_told_apart_by_their_names(communities: list[dict[str, Any]]):
    label = {community["id"]: community["label"].casefold() for community in communities}
    families: dict[tuple[int, str | None], list[str]] = {}
    for community in communities:
        families.setdefault((community["run"], community["parent"]), []).append(community["id"])

    for (_, parent), siblings in families.items():
        names = [label[sibling] for sibling in siblings] + ([label[parent]] if parent else [])
        assert len(set(names)) == len(names), names
    assert len(families) > 5


def test_communities_are_named_anew_without_clustering_again(library: Path):
    runs = len(_json(library, "runs"))
    mine = _json(library, "communities", "--method", "leiden_concepts")

    report = _json(library, "label", "--method", "leiden_concepts")

    assert report["clustering_run"] == mine[0]["run"]
    assert report["communities"] == len(mine)
    assert (report["labeller"], report["refused"], report["requests"]) == ("offline", 0, 0)
    assert len(_json(library, "runs")) == runs + 1


REPLY = {
    "label": "Virtually Planned Decomposition",
    "description": "It decomposes.",
    "support": ["m1"],
}


def test_a_language_model_is_asked_where_the_settings_say_and_its_answers_are_kept(
    library: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("pydantic_ai")
    asked = ["label", "--method", "leiden_concepts", "--labeller", "llm", "--model", "openai:tiny"]
    with serving(says(REPLY)) as server:
        monkeypatch.setenv("CLAIMGRAPH_MODEL_URL", server.url)
        monkeypatch.setenv("CLAIMGRAPH_MODEL_KEY", "sesame")
        first = _json(library, *asked)
        second = _json(library, *asked, "--budget", "0")

    assert server.keys[0] == "Bearer sesame"
    assert first["requests"] == len(server.asked)
    assert second["requests"] == 0
    assert first["refused"] == second["refused"] == first["communities"]
    community = next(
        each["id"] for each in _json(library, "communities") if each["method"] == "leiden_concepts"
    )
    view = _json(library, "community", community)
    assert view["label_model"] == "offline"
    assert any("Virtually" in reason for reason in view["label_refusals"])


def test_the_environment_says_how_a_language_model_is_asked(monkeypatch: pytest.MonkeyPatch):
    for name, value in [("TOOL_CALLS", "1"), ("TIMEOUT", "300"), ("MAX_TOKENS", "4000")]:
        monkeypatch.setenv(f"CLAIMGRAPH_MODEL_{name}", value)

    config = model_config("openai:tiny")

    assert config is not None
    assert (config.tool_calls, config.timeout, config.max_tokens) == (True, 300, 4000)


def test_a_setting_that_is_none_is_named_with_what_it_is(
    library: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CLAIMGRAPH_MODEL_TIMEOUT", "soon")

    refused = _run(library, "label", "--labeller", "llm", "--model", "openai:tiny")

    assert refused.exit_code == 1
    assert "CLAIMGRAPH_MODEL_TIMEOUT is 'soon': " in refused.stderr


@pytest.mark.parametrize(
    ("options", "says_what"),
    [
        (["--labeller", "llm"], "--model"),
        (["--labeller", "llm", "--model", "haiku"], "provider:model"),
        (["--labeller", "oracle"], "offline, llm"),
        (["--run", "999"], "999"),
        (["--method", "leiden_tea"], "leiden_tea"),
    ],
)
def test_a_labelling_that_cannot_be_done_says_what_is_missing(
    library: Path, options: list[str], says_what: str
):
    refused = _run(library, "label", *options)

    assert refused.exit_code == 1
    assert says_what in refused.stderr


def test_neighbours_of_a_statement_stand_under_the_method_whose_graph_ties_them(library: Path):
    found = _json(library, "search", "heads", "--limit", "1")["hits"][0]["id"]
    tied = _json(library, "statement", found)["neighbours"]

    printed = _run(library, "statement", found).stdout.partition("\nNeighbours\n")[2]
    lines = printed.partition("\nEvidence")[0].splitlines()

    methods = sorted({each["method"] for each in tied})
    assert [line.strip() for line in lines if line.strip() in METHODS] == methods
    assert sum(" stm_" in line for line in lines) == len(tied)
