"""Search: words, and a plain remark when meaning could not be searched."""

from functools import cache

import pytest

from api.views import search
from api.views.search import get_ready, search_view
from kg.errors import ConfigError, ModelError


def test_a_query_finds_the_statement_with_its_words(session, library):
    found = search_view(session, "regular pentagon", None)

    assert found.query == "regular pentagon"
    assert found.hits[0].id == library.statements["pentagon"]
    assert [source.title for source in found.hits[0].sources] == ["Notes on superposition"]
    assert [hit.score for hit in found.hits] == sorted((h.score for h in found.hits), reverse=True)


def test_without_an_embedder_the_search_says_that_it_goes_by_words(session):
    assert "no embedder is configured" in search_view(session, "pentagon", None).notice


def test_an_embedder_that_cannot_be_opened_leaves_the_words(session, library, tmp_path):
    found = search_view(session, "pentagon", str(tmp_path))

    assert library.statements["pentagon"] in {hit.id for hit in found.hits}
    assert found.notice.startswith("searched by words alone: ")


def test_no_more_hits_than_asked_for(session):
    assert len(search_view(session, "features", None, limit=2).hits) == 2


def test_a_blank_query_is_refused(session):
    with pytest.raises(ConfigError, match="empty"):
        search_view(session, "  ", None)


def test_a_model_that_is_made_ready_is_there_at_the_first_search(monkeypatch):
    monkeypatch.setattr(search, "_opened", cache(search.open_embedder))

    get_ready("minilm")

    assert "_model" in vars(search._opened("minilm"))


def test_what_cannot_be_made_ready_is_left_to_the_search(tmp_path):
    get_ready(str(tmp_path))

    with pytest.raises(ModelError):
        search._opened(str(tmp_path))
