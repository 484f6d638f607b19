"""What "it" and "this method" stand for, on sentences labelled by hand."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from ingest.documents import Document, Section
from ingest.extractors.offline import OfflineExtractor
from ingest.extractors.referents import self_contained

CASES = Path(__file__).parent.parent / "data" / "referents.jsonl"


class Counts(NamedTuple):
    given: int
    right: int
    wanted: int


def _bare(phrase: str) -> str:
    return re.sub(r"^(?:the|a|an|our) ", "", phrase.casefold())


def _counts(part: str) -> Counts:
    given = right = wanted = 0
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["part"] != part:
            continue
        found = re.search(r"\[(.*?)\]", self_contained(case["text"], case["before"]))
        wanted += bool(case["means"])
        given += found is not None
        right += found is not None and _bare(found[1]) == _bare(case["means"])
    return Counts(given, right, wanted)


@pytest.mark.parametrize("part", ["development", "held-out"])
def test_nine_of_ten_referents_are_right_and_most_plain_ones_are_found(part: str):
    counts = _counts(part)

    assert counts.right >= 0.9 * counts.given
    assert counts.right >= 0.6 * counts.wanted


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("The probe reads layer 3.", "It is possible that layer 4 is better."),
        ("The probe reads layer 3.", "This shows that age is encoded."),
        ("The probe and the head agree.", "They differ on names."),
        ("These probes are weak.", "They miss most features."),
        ("Is the probe weak?", "It misses most features."),
        ("", "It misses most features."),
        ("The literature historically conflates two failures.", "They look different."),
        ("The encoder disentangles the factors of variation.", "They are known."),
        ("The gate saturates all units.", "They look alike."),
        ("The news surprised everyone.", "It is more robust than others."),
        ("Prior work conflates features.", "It is robust."),
        ("The criteria are strict.", "It is robust."),
        ("Researchers conflate sparse features.", "These features are rare."),
    ],
)
def test_nothing_is_said_where_it_is_in_doubt(before: str, text: str):
    assert self_contained(text, before) == text


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        ("The criteria are strict.", "They miss features.", "They [the criteria] miss features."),
        ("The series converges.", "It is bounded.", "It [the series] is bounded."),
        (
            "We conflate sparse features and dense ones.",
            "These features are rare.",
            "These features [sparse features] are rare.",
        ),
    ],
)
def test_a_referent_has_its_number_and_no_verb(before: str, text: str, expected: str):
    assert self_contained(text, before) == expected


def test_the_quote_stays_verbatim_and_another_paragraph_says_nothing():
    probe = "The linear probe was trained on 400 prompts."
    found = "It recovers 92% of the labels on average, more than any other method."
    section = Section("Results", 1, f"{probe} {found}\n\n{found.replace('92', '91')}")
    document = Document(
        name="a.md", title="Probes", format="markdown", sha256="0", sections=(section,)
    )

    drafts = {draft.quote: draft.text for draft in OfflineExtractor().extract(document)}

    assert drafts[found] == found.replace("It", "It [the linear probe]", 1)
    assert drafts[found.replace("92", "91")] == found.replace("92", "91")
