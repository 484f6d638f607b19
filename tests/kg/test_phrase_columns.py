"""Phrases of many texts at once are those that each text has by itself."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg import phrase_columns
from kg.phrase_columns import shared_phrases
from kg.phrases import phrases_of
from tests.kg.conftest import STATEMENTS

WORDS = st.sampled_from(
    ["The", "SAEs", "SAE's", "fine-tuned", "fine", "tuned", "models", "is", ",", "head", "heads."]
)
TEXTS = st.lists(st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=30), max_size=8)


@given(TEXTS)
def test_shared_phrases_are_those_that_texts_have_by_themselves(texts: list[str]):
    each = [set(phrases_of(text)) for text in texts]
    counts = Counter(name for names in each for name in names)
    shared = {name: count for name, count in counts.items() if count > 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrase_columns, "_TEXTS", 3)
        found = shared_phrases(texts)

    assert dict(zip(found.names, found.counts.tolist(), strict=True)) == shared
    entries = list(zip(found.rows.tolist(), found.phrases.tolist(), strict=True))
    assert entries == sorted(set(entries))
    assert {(row, found.names[phrase]) for row, phrase in entries} == {
        (row, name) for row, names in enumerate(each) for name in names & shared.keys()
    }


def test_real_statements_share_what_they_share_one_by_one():
    texts = [said.text for said in STATEMENTS]

    found = shared_phrases(texts)

    assert "induction head" in found.names
    assert found.counts.sum() == len(found.rows)
    for row, phrase in zip(found.rows.tolist(), found.phrases.tolist(), strict=True):
        assert found.names[phrase] in phrases_of(texts[row])
