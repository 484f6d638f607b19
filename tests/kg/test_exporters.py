"""Exports: complete, readable by networkx, and clear about what cannot be exported."""

import io
import json
from pathlib import Path

import networkx as nx
import pytest
from sqlalchemy import Engine

from kg.citations import CitationDraft, ReferenceDraft, add_citations, add_references, resolve
from kg.db import open_engine, reading, writing
from kg.errors import ConfigError, NotFoundError
from kg.exporters import EXPORTERS, export, graph_of, replacing
from kg.ids import content_id
from kg.labellers.offline import OfflineLabeller
from kg.labelling import label_run
from kg.relations import RelationDraft, add_relations
from kg.runs import recording
from kg.sources import section_id
from kg.tables import Evidence, Prediction, RunKind, Side, Source, Stance
from tests.kg.small_graph import NoConfig, store_clustering, store_statements


@pytest.fixture
def engine() -> Engine:
    return open_engine(None)


@pytest.fixture
def ids(engine: Engine) -> dict[str, str]:
    return store_statements(engine, notes={"toy": "From a PDF\x0c with \x00 leftovers & <tags>"})


@pytest.fixture
def hybrid(engine: Engine, ids: dict[str, str]) -> int:
    """Store the clustering that is exported, after an older one of its method and another."""
    names = ("ranks", "tied", "toy", "probe")
    ranks, tied, toy, probe = (ids[name] for name in names)
    store_clustering(engine, "leiden_hybrid", {"c0": [ranks, tied, toy, probe]})
    store_clustering(engine, "leiden_semantic", {"c0": [ranks, probe], "c1": [tied, toy]})
    tree = {"c0-c0": [ranks, tied], "c0-c1": [toy], "c1": [probe]}
    run = store_clustering(
        engine, "leiden_hybrid", tree, [(ranks, tied, 0.75), (tied, toy, 0.5), (toy, probe, 0.1)]
    )
    label_run(engine, run, OfflineLabeller())
    return run


def _refute(engine: Engine, statement: str) -> None:
    for number, stance in enumerate([Stance.REFUTES, Stance.REFUTES, Stance.INCONCLUSIVE]):
        with (
            recording(engine, RunKind.EXPERIMENT, "recovery", NoConfig()) as run,
            writing(engine) as session,
        ):
            session.add(
                Prediction(
                    id=f"prd{number}",
                    statement_id=statement,
                    experiment="recovery",
                    decomposition_run_id=run,
                    run_id=run,
                    side=Side.ABOVE,
                    threshold=0.9,
                    unit="share",
                    sentence="More than 0.9 are recovered.",
                    created_at="2026-01-01T00:00:00Z",
                )
            )
            session.flush()
            session.add(
                Evidence(
                    id=f"evd{number}",
                    statement_id=statement,
                    prediction_id=f"prd{number}",
                    run_id=run,
                    stance=stance,
                    reason="The interval lies below.",
                    value=0.2,
                    low=0.1,
                    high=0.3,
                    n=5,
                    unit="share",
                    created_at="2026-01-01T00:00:00Z",
                )
            )


def test_a_statement_is_a_node_with_all_that_is_known_of_it(
    engine: Engine, ids: dict[str, str], hybrid: int
):
    _refute(engine, ids["toy"])

    with reading(engine) as session:
        node = graph_of(session, hybrid).nodes[ids["toy"]]

    assert node == {
        "kind": "finding",
        "text": "On a toy model, TRD finds the tied ranks that were planted",
        "note": "From a PDF\x0c with \x00 leftovers & <tags>",
        "sources": ["Tied ranks"],
        "source_ids": [content_id("src", "Tied ranks")],
        "communities": [f"leiden_hybrid-run{hybrid}-c0", f"leiden_hybrid-run{hybrid}-c0-c1"],
        "community": f"leiden_hybrid-run{hybrid}-c0-c1",
        "community_label": "Toy model",
        "asserted": [],
        "reports": [],
        "bridges": [f"leiden_semantic-run{hybrid - 1}-c1"],
        "stances": ["refutes", "inconclusive"],
        "supports": 0,
        "refutes": 2,
        "inconclusive": 1,
    }


def test_an_edge_has_its_weight_and_its_layers(engine: Engine, ids: dict[str, str], hybrid: int):
    with reading(engine) as session:
        graph = graph_of(session, hybrid)

    assert graph.number_of_edges() == 3
    assert graph.edges[ids["tied"], ids["ranks"]] == {
        "weight": 0.75,
        "semantic": 0.75,
        "concepts": 0.0,
        "relations": 0.0,
        "same_source": 0.0,
    }


@pytest.mark.usefixtures("hybrid")
def test_what_was_asserted_is_exported_with_who_said_it(
    engine: Engine, ids: dict[str, str], tmp_path: Path
):
    drafts = [
        RelationDraft(head=ids["toy"], kind="supports", tail=ids["ranks"], reason="It shows it"),
        RelationDraft(head=ids["odd"], kind="cites", tail=ids["toy"]),
    ]
    with writing(engine) as session:
        add_relations(session, drafts)
    in_words = f"supports {ids['ranks']} (person)"

    with reading(engine) as session:
        export(session, "json", tmp_path / "graph.json")
        export(session, "graphml", tmp_path / "graph.graphml")

    # "odd" is not in this run, so neither is what it cites.
    as_json = _read("json", tmp_path / "graph.json")
    assert as_json.graph["asserted_relations"] == [
        {
            "kind": "supports",
            "head": ids["toy"],
            "tail": ids["ranks"],
            "by": "person",
            "reason": "It shows it",
        }
    ]
    assert as_json.nodes[ids["toy"]]["asserted"] == [in_words]
    assert _read("graphml", tmp_path / "graph.graphml").nodes[ids["toy"]]["asserted"] == in_words


def _cite(engine: Engine, citing: str, cited: str, quote: str) -> None:
    """Let one source refer to another twice, and cite it in a sentence."""
    place = section_id(content_id("src", citing), 0)
    entries = [
        ReferenceDraft(
            section_id=place,
            char_start=at,
            char_end=9,
            text="Doe. 2025",
            identifiers={"doi": "10.1/a"},
        )
        for at in range(2)
    ]
    draft = CitationDraft(
        section_id=place, char_start=0, char_end=9, quote=quote, references=[entries[0].id()]
    )
    with writing(engine) as session:
        session.get_one(Source, content_id("src", cited)).identifiers = {"doi": "10.1/a"}
        add_references(session, entries)
        add_citations(session, [draft], 1)
        resolve(session)


@pytest.mark.usefixtures("hybrid")
def test_which_source_cites_which_is_exported(engine: Engine, ids: dict[str, str], tmp_path: Path):
    quote = (
        "Doe et al. find tied ranks planted in a toy; our linear probe reads the tense of a verb."
    )
    _cite(engine, "Field notes", "Tied ranks", quote)

    with reading(engine) as session:
        export(session, "json", tmp_path / "graph.json")
        export(session, "graphml", tmp_path / "graph.graphml")

    graph = _read("json", tmp_path / "graph.json")
    notes, ranks = (content_id("src", title) for title in ("Field notes", "Tied ranks"))
    assert graph.graph["citations"] == [{"citing": notes, "cited": ranks, "found_by": "doi"}]
    assert {"id": notes, "title": "Field notes"} in graph.graph["sources"]
    assert graph.graph["reported_relations"] == [
        {"head": ids["probe"], "tail": ids["toy"], "quote": quote}
    ]
    flat = _read("graphml", tmp_path / "graph.graphml")
    assert flat.nodes[ids["probe"]]["reports"] == ids["toy"]
    assert flat.nodes[ids["probe"]]["source_ids"] == notes


def test_only_sources_of_the_exported_statements_are_listed(engine: Engine, ids: dict[str, str]):
    run = store_clustering(engine, "leiden_semantic", {"c0": [ids["toy"], ids["tied"]]})
    _cite(engine, "Field notes", "Tied ranks", "Doe et al. tie ranks.")

    with reading(engine) as session:
        graph = graph_of(session, run).graph

    assert [each["title"] for each in graph["sources"]] == ["Tied ranks"]
    assert graph["citations"] == []


def test_the_communities_of_all_active_runs_are_listed_once(engine: Engine, hybrid: int):
    with reading(engine) as session:
        communities = graph_of(session, hybrid).graph["communities"]

    assert [(row["run"], row["level"], row["members"]) for row in communities] == [
        (hybrid, 0, 3),
        (hybrid, 0, 1),
        (hybrid, 1, 2),
        (hybrid, 1, 1),
        (hybrid - 1, 0, 2),
        (hybrid - 1, 0, 2),
    ]
    assert communities[0]["label"].startswith("Tied ranks")
    assert communities[2]["parent"] == communities[0]["id"]
    assert communities[4]["label"] == ""


@pytest.mark.parametrize("name", EXPORTERS)
def test_every_format_keeps_all_nodes_and_edges(
    engine: Engine, hybrid: int, tmp_path: Path, name: str
):
    path = tmp_path / "graph"
    with reading(engine) as session:
        export(session, name, path)
        graph = graph_of(session, hybrid)

    again = _read(name, path)

    assert set(again.nodes) == set(graph.nodes)
    assert {frozenset(edge) for edge in again.edges} == {frozenset(edge) for edge in graph.edges}
    assert {data["weight"] for *_, data in again.edges(data=True)} == {0.75, 0.5, 0.1}
    assert again.graph["run"] == hybrid
    assert EXPORTERS[name].name == name
    assert list(tmp_path.iterdir()) == [path]


def _read(name: str, path: Path) -> nx.Graph:
    if name == "graphml":
        return nx.read_graphml(path)
    return nx.node_link_graph(json.loads(path.read_text(encoding="utf-8")), edges="edges")


def test_graphml_has_scalars_only_and_no_character_that_xml_forbids(
    engine: Engine, ids: dict[str, str], hybrid: int, tmp_path: Path
):
    with reading(engine) as session:
        export(session, "graphml", tmp_path / "graph.graphml", "leiden_hybrid")

    node = nx.read_graphml(tmp_path / "graph.graphml").nodes[ids["toy"]]
    assert node["note"] == "From a PDF with  leftovers & <tags>"
    assert node["communities"] == (f"leiden_hybrid-run{hybrid}-c0; leiden_hybrid-run{hybrid}-c0-c1")
    assert node["refutes"] == 0
    assert {type(value) for value in node.values()} <= {str, int, float}


def test_json_is_one_document_with_its_lists(engine: Engine, ids: dict[str, str], hybrid: int):
    stream = io.StringIO()
    with reading(engine) as session:
        export(session, "json", stream)

    document = json.loads(stream.getvalue())
    nodes = {node["id"]: node for node in document["nodes"]}
    assert len(nodes[ids["toy"]]["communities"]) == 2
    assert {(edge["source"], edge["target"]) for edge in document["edges"]} <= {
        (one, other) for one in nodes for other in nodes
    }
    assert document["graph"]["run"] == hybrid


def test_another_method_can_be_named(engine: Engine, hybrid: int):
    stream = io.StringIO()
    with reading(engine) as session:
        export(session, "json", stream, "leiden_semantic")

    assert json.loads(stream.getvalue())["graph"]["run"] == hybrid - 1


def test_a_clustering_of_nothing_gives_an_empty_document(engine: Engine, tmp_path: Path):
    store_clustering(engine, "leiden_semantic", {})

    for name in EXPORTERS:
        with reading(engine) as session:
            export(session, name, tmp_path / name)
        assert _read(name, tmp_path / name).number_of_nodes() == 0


@pytest.mark.parametrize("folder", ["/", ".", "{tmp_path}"])
def test_a_folder_is_not_written_over(folder: str, tmp_path: Path):
    path = Path(folder.format(tmp_path=tmp_path))

    with pytest.raises(IsADirectoryError, match="name a file"), replacing(path):
        pass

    assert list(tmp_path.parent.glob(".*.partial")) == []


def test_an_unknown_format_is_refused(engine: Engine, hybrid: int):
    with reading(engine) as session, pytest.raises(ConfigError, match="graphml, json"):
        export(session, "gexf", io.StringIO())
    assert hybrid


def test_a_method_that_never_ran_is_refused(engine: Engine, hybrid: int):
    with reading(engine) as session, pytest.raises(ConfigError, match=r"by 'louvain' yet.*leiden"):
        export(session, "json", io.StringIO(), "louvain")
    assert hybrid


def test_without_any_clustering_the_message_says_what_to_run(engine: Engine):
    with reading(engine) as session, pytest.raises(ConfigError, match="claimgraph cluster"):
        export(session, "json", io.StringIO())


def test_only_a_clustering_that_succeeded_has_a_graph(engine: Engine, ids: dict[str, str]):
    assert ids
    with (
        pytest.raises(RuntimeError),
        recording(engine, RunKind.CLUSTERING, "m", NoConfig()) as failed,
    ):
        raise RuntimeError

    with reading(engine) as session:
        with pytest.raises(ConfigError, match="a run of ingestion"):
            graph_of(session, 1)
        with pytest.raises(ConfigError, match="did not succeed"):
            graph_of(session, failed)
        with pytest.raises(NotFoundError):
            graph_of(session, 99)


def test_a_file_that_cannot_be_written_is_named(engine: Engine, hybrid: int, tmp_path: Path):
    with reading(engine) as session, pytest.raises(ConfigError, match="absent"):
        export(session, "json", tmp_path / "absent" / "graph.json")
    assert hybrid


def test_an_export_that_fails_leaves_the_old_file(
    engine: Engine, hybrid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "graph.json"
    path.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EXPORTERS["json"], "write", fail)
    with reading(engine) as session, pytest.raises(KeyboardInterrupt):
        export(session, "json", path)

    assert hybrid
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
