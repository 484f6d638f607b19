"""The views over communities that were found, labelled and embedded for real."""

import json

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from kg.clustering import METHODS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def real_web(clustered) -> TestClient:
    return TestClient(create_app(clustered, "minilm"))


def test_every_community_adds_up(real_web):
    tree = real_web.get("/api/communities").json()

    assert {item["method"] for item in tree} == set(METHODS)
    for item in tree:
        view = real_web.get(f"/api/communities/{item['id']}").json()
        rows = view["claims"] + view["findings"]
        mentions_by_source = sum(len(row["sources"]) for row in rows)
        children = [child["id"] for child in view["sub_communities"]]
        assert view["members"] == len(rows) == len({row["id"] for row in rows})
        assert sum(source["members"] for source in view["sources"]) == mentions_by_source
        assert {row["sub_community"] for row in rows} == (set(children) or {None})
        assert sum(child["members"] for child in view["sub_communities"]) in {0, len(rows)}
        assert view["label_model"] == "offline"
        assert view["label"] not in {"", view["id"]}
        assert children == [i["id"] for i in tree if i["parent"] == view["id"]]


def test_nothing_that_is_nested_is_called_a_bridge(real_web):
    tree = real_web.get("/api/communities").json()
    views = {item["id"]: real_web.get(f"/api/communities/{item['id']}").json() for item in tree}
    held = {
        name: {row["id"] for row in view["claims"] + view["findings"]}
        for name, view in views.items()
    }

    assert any(view["nested"] for view in views.values())
    for name, view in views.items():
        for bridge in view["bridges"]:
            assert bridge["run"] != view["run"]
            assert set(bridge["shared_ids"]) == held[name] & held[bridge["id"]]
            assert held[name] - held[bridge["id"]]
            assert held[bridge["id"]] - held[name]
            assert 0 < bridge["p_value"] <= bridge["q_value"] <= 1
        for nested in view["nested"]:
            one, other = held[name], held[nested["id"]]
            assert {"same": one == other, "contains": one > other, "within": one < other}[
                nested["relation"]
            ]


def test_every_community_has_a_page(real_web):
    for item in real_web.get("/api/communities").json():
        answer = real_web.get(f"/communities/{item['id']}")

        assert answer.status_code == 200
        assert answer.text.count('<a class="node ') == item["members"]


def test_a_search_goes_by_meaning_where_no_word_is_shared(real_web):
    found = real_web.get("/api/search", params={"q": "disentangling neurons"}).json()

    assert found["notice"] == ""
    assert "autoencoders" in json.dumps(found["hits"])
