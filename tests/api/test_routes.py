"""REST: addresses, problems, bounds, hosts and headers."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.headers import HEADERS
from api.views.communities import community_view
from kg.db import open_engine

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/overview",
        "/api/communities",
        "/api/communities?method=leiden_concepts",
        "/api/communities?run=2",
        "/api/communities/leiden_semantic-run3-c0",
        "/api/changes",
        "/api/compare?before=2&after=4",
        "/api/communities/leiden_semantic-run3-c0/bridges?all_runs=true",
        "/api/bridges?limit=3",
        "/api/seams?limit=3",
        "/api/communities/leiden_semantic-run3-c0-c0/seams",
        "/api/statements/{together}",
        "/api/statements/{together}/evidence",
        "/api/sources?limit=1&offset=2",
        "/api/sources/{reply}?limit=2&offset=1",
        "/api/sources/{reply}/text?first=1",
        "/api/sources/{reply}/candidates?limit=3",
        "/api/search?q=superposition",
        "/api/runs",
        "/api/runs/6",
    ],
)
def test_every_address_answers(web, library, path):
    answer = web.get(path.format(**library.statements, **library.sources))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_an_address_answers_with_the_view_itself(web, session):
    answer = web.get("/api/communities/leiden_semantic-run3-c0")

    view = community_view(session, "leiden_semantic-run3-c0")
    assert answer.json() == json.loads(view.model_dump_json())


def test_one_piece_of_evidence_has_an_address(web, library):
    ledger = web.get(f"/api/statements/{library.statements['removal']}/evidence").json()

    entry = ledger["evidence"][0]
    assert web.get(f"/api/evidence/{entry['id']}").json() == entry


def test_all_evidence_is_a_list_that_goes_on(web, library):
    first = web.get("/api/evidence?limit=1")
    rest = web.get(first.links["next"]["url"])
    refuted = web.get("/api/evidence?stance=refutes").json()

    assert first.headers["x-total-count"] == "2"
    ids = [ledger["statement"]["id"] for ledger in first.json() + rest.json()]
    assert set(ids) == {library.statements["removal"], library.statements["together"]}
    assert [ledger["statement"]["id"] for ledger in refuted] == [library.statements["together"]]
    assert web.get("/api/evidence?stance=perhaps").status_code == 422


def test_a_list_says_how_long_it_is_and_where_it_goes_on(web):
    first = web.get("/api/sources?limit=2")
    rest = web.get(first.links["next"]["url"])

    assert first.headers["x-total-count"] == rest.headers["x-total-count"] == "3"
    assert [item["name"] for item in first.json() + rest.json()] == [
        "reply.pdf",
        "notes.md",
        "list.txt",
    ]
    assert "next" not in rest.links


def test_the_statements_of_a_source_are_a_list_that_goes_on(web, library):
    source = library.sources["reply"]
    first = web.get(f"/api/sources/{source}?limit=4")
    rest = web.get(first.links["next"]["url"])

    assert first.headers["x-total-count"] == "5"
    assert [len(each.json()["statements"]) for each in (first, rest)] == [4, 1]
    assert "next" not in rest.links


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/api/communities/nowhere", 404, "notfound"),
        ("/api/statements/stm_none", 404, "notfound"),
        ("/api/sources/src_none", 404, "notfound"),
        ("/api/evidence/evd_none", 404, "notfound"),
        ("/api/runs/99", 404, "notfound"),
        ("/api/communities?method=louvain", 400, "config"),
        ("/api/search?q=%20", 400, "config"),
        ("/api/search", 422, "invalid"),
        ("/api/search?q=x&limit=201", 422, "invalid"),
        ("/api/sources?limit=0", 422, "invalid"),
        ("/api/sources?offset=-1", 422, "invalid"),
        ("/api/runs/99999999999999999999", 422, "invalid"),
        ("/api/runs/one", 422, "invalid"),
        ("/api/nothing/here", 404, "http"),
        ("/api", 404, "http"),
    ],
)
def test_what_cannot_be_answered_is_a_problem(web, path, status, kind):
    answer = web.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, f"urn:claimgraph:{kind}")
    assert problem["title"]
    assert problem["detail"]


def test_nothing_can_be_written(web):
    answer = web.post("/api/communities", json={})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "commands write" in answer.json()["detail"]
    assert answer.headers["content-type"] == PROBLEM


def test_any_text_is_a_query(web):
    for query in ['"', "AND OR NOT", "a*b^2:(c", "\x00", "'; DROP TABLE statement; --", "…"]:
        assert web.get("/api/search", params={"q": query}).status_code == 200


def test_a_database_that_fails_is_a_503(tmp_path):
    engine = open_engine(tmp_path / "broken.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE mention"))
        connection.execute(text("DROP TABLE source"))

    answer = TestClient(create_app(engine)).get("/api/sources")

    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert "no such table" in answer.json()["detail"]


def test_a_mistake_of_ours_is_a_500_that_tells_nothing(library, monkeypatch):
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("api.routes.run_view", fail)
    web = TestClient(create_app(library.engine), raise_server_exceptions=False)

    answer = web.get("/api/runs/1")

    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"])
def test_names_of_this_machine_are_answered(web, host):
    assert web.get("/api/overview", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["example.org", "localhost.example.org", "127.0.0.1.example.org:80", "", "[::2]"]
)
def test_foreign_names_are_refused(web, host):
    answer = web.get("/api/overview", headers={"host": host})

    assert (answer.status_code, answer.headers["content-type"]) == (421, PROBLEM)
    assert "counts" not in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/api/overview", "/nothing", "/static/style.css", "/static/graph.js"]
)
def test_every_answer_carries_the_strict_headers(web, path):
    answer = web.get(path)

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", "script-src 'self'"]
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/api/overview", "/api/statements/stm_gone", "/nowhere"])
def test_the_head_of_an_answer_can_be_had_alone(web, path: str):
    whole, head = web.get(path), web.head(path)

    assert head.status_code == whole.status_code
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.content == b""


def test_every_argument_of_every_address_is_described(web):
    paths = web.get("/api/openapi.json").json()["paths"]

    silent = [
        (path, argument["name"])
        for path, methods in paths.items()
        for argument in methods["get"].get("parameters", [])
        if not argument.get("description")
    ]

    assert silent == []


def test_the_openapi_document_is_as_reviewed(web, assert_golden: Callable[[str, str], None]):
    document = web.get("/api/openapi.json").json()

    del document["info"]["version"]
    assert_golden("openapi.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def test_importing_the_application_does_not_import_torch():
    code = (
        "import sys, api.app; "
        "print(*sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
