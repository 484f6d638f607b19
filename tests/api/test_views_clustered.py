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


def test_every_bridge_is_seen_from_both_ends(real_web):
    tree = real_web.get("/api/communities").json()
    seen = {
        (item["id"], bridge["id"]): bridge
        for item in tree
        for bridge in real_web.get(f"/api/communities/{item['id']}/bridges").json()
    }

    assert seen
    for (here, there), bridge in seen.items():
        back = seen[there, here]
        assert bridge["shared_ids"] == back["shared_ids"]
        assert bridge["jaccard"] == back["jaccard"]
        assert bridge["p_value"] == pytest.approx(back["p_value"])
        assert 0 < bridge["p_value"] <= 1


def test_every_community_has_a_page(real_web):
    for item in real_web.get("/api/communities").json():
        answer = real_web.get(f"/communities/{item['id']}")

        assert answer.status_code == 200
        assert answer.text.count('<a class="node ') == item["members"]


def test_a_search_goes_by_meaning_where_no_word_is_shared(real_web):
    found = real_web.get("/api/search", params={"q": "disentangling neurons"}).json()

    assert found["notice"] == ""
    assert "autoencoders" in json.dumps(found["hits"])
