"""The offline labeller: names from the members' own words, and nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kg.errors import ConfigError
from kg.labellers import LABELLERS, open_labeller
from kg.labellers.offline import OfflineLabeller, shortened
from kg.labellers.task import Frequencies, LabelDraft, LabellingTask, Member
from kg.language_model import LanguageModel
from kg.phrases import phrases_of
from kg.tables import StatementKind
from tests.kg.small_graph import SAID

WORDS = """VPD SAE via sparse vector parameter probe decomposition value of finds the deep (VPD)
attention-based , . analysis path Vector"""
TRD = ("ranks", "tied", "toy")
GLOSSARY = {"TRD": {"Tied Rank Decomposition"}}


def _member(name: str, centrality: float = 0.0) -> Member:
    kind, text = SAID[name]
    return Member(name, kind, text, centrality=centrality)


def _frequencies(texts: Sequence[str]) -> Frequencies:
    return Frequencies(len(texts), Counter(key for text in texts for key in phrases_of(text)))


def _task(
    members: Sequence[Member],
    glossary: dict[str, set[str]] | None = None,
    taken: Sequence[str] = (),
) -> LabellingTask:
    everything = _frequencies([text for _, text in SAID.values()])
    return LabellingTask(
        community_id="c0",
        members=tuple(members),
        run=everything,
        parent=everything,
        glossary=glossary or {},
        taken=frozenset(name.casefold() for name in taken),
    )


def test_a_community_is_named_by_what_its_members_share():
    draft = OfflineLabeller().label(_task([_member(name) for name in TRD]))

    assert draft.label == "Tied ranks & TRD"


def test_the_description_is_what_the_most_central_members_say():
    members = [_member("ranks", 0.2), _member("tied", 0.3), _member("toy", 0.9)]

    draft = OfflineLabeller().label(_task(members))

    assert draft.description == (
        "On a toy model, TRD finds the tied ranks that were planted. "
        "Ablating one of the tied ranks leaves the other tied ranks of TRD unchanged."
    )


def test_the_label_rests_on_the_members_that_have_its_phrases_and_on_those_it_quotes():
    others = [Member("odd", StatementKind.CLAIM, "Nobody counts ranks by hand")]

    draft = OfflineLabeller().label(_task([_member(name) for name in TRD] + others))

    assert draft.support == tuple(sorted(TRD))


def test_an_acronym_is_expanded_once_and_as_a_source_spells_it_out():
    draft = OfflineLabeller().label(_task([_member(name) for name in TRD], GLOSSARY))

    assert draft.description.startswith("TRD (Tied Rank Decomposition) splits a weight matrix")
    assert draft.description.count("Tied Rank Decomposition") == 1


def test_an_acronym_that_sources_spell_out_in_two_ways_is_not_expanded():
    ambiguous = {"TRD": {"Tied Rank Decomposition", "Truncated Rank Descent"}}

    draft = OfflineLabeller().label(_task([_member(name) for name in TRD], ambiguous))

    assert draft.description.startswith("TRD splits a weight matrix")


def test_two_spellings_of_one_expansion_are_not_two_ways():
    spellings = {"TRD": {"Tied Rank Decomposition"}, "TRDs": {"tied-rank decompositions"}}

    draft = OfflineLabeller().label(_task([_member(name) for name in TRD], spellings))

    assert "TRD (Tied Rank Decomposition)" in draft.description


def test_a_name_that_is_taken_is_not_given_again():
    given: list[str] = []

    for _ in range(30):
        task = _task([_member(name) for name in TRD], taken=given)
        given.append(OfflineLabeller().label(task).label)

    assert len({name.casefold() for name in given}) == 30


def _named(texts: Sequence[str], **counts: Mapping[str, int]) -> str:
    """Return the name of a community of these claims among a hundred statements."""
    members = tuple(Member(str(at), StatementKind.CLAIM, text) for at, text in enumerate(texts))
    task = LabellingTask(
        community_id="c0",
        members=members,
        run=Frequencies(100, counts.get("run", {})),
        parent=Frequencies(50, counts.get("parent", {})),
        glossary={},
    )
    return OfflineLabeller().label(task).label


def test_what_siblings_say_as_often_does_not_name_a_community():
    texts = ["Amber probes and zinc probing heads", "Zinc probing heads near amber probes"]

    assert _named(texts).startswith("Zinc probing heads")
    assert _named(texts, parent={"zinc probing head": 40}).startswith("Amber probes")


def test_what_the_whole_run_says_does_not_name_a_community():
    texts = ["Amber probes and zinc heads", "Zinc heads near amber probes"]

    assert _named(texts) == "Amber probes & zinc heads"
    assert _named(texts, run={"amber probe": 60}) == "Zinc heads"


def test_what_more_members_say_comes_first():
    texts = ["Amber probes", "Amber probes of zinc heads", "Zinc heads", "Zinc heads"]

    assert _named(texts) == "Zinc heads & amber probes"


def test_the_second_phrase_speaks_for_other_members():
    texts = [
        "Zinc heads, iron maps",
        "Zinc heads, iron maps",
        "Zinc heads, iron maps, amber probes",
    ]

    assert _named([*texts, "Amber probes"]) == "Iron maps & amber probes"


def test_a_word_is_not_said_twice():
    texts = ["Zinc heads", "Zinc heads", "Iron heads", "Iron heads", "Zinc heads"]

    assert _named(texts) == "Zinc heads"


def test_a_phrase_ends_with_a_noun():
    texts = ["Sparse interpretable features of cats", "Sparse interpretable circuits of dogs"]

    assert _named(texts) == "Sparse interpretable features"


def test_a_single_statement_is_named_by_its_key_phrase():
    draft = OfflineLabeller().label(_task([_member("toy")]))

    assert draft == LabelDraft(
        label="Toy model",
        description="On a toy model, TRD finds the tied ranks that were planted.",
        support=("toy",),
    )


def test_a_key_phrase_keeps_its_noun():
    member = Member("1", StatementKind.CLAIM, "On graph tracing information flow")

    draft = OfflineLabeller().label(_task([member]))

    assert draft.label == "Tracing information flow"


def test_members_without_a_common_phrase_are_named_by_the_most_central_one():
    draft = OfflineLabeller().label(_task([_member("even", 0.5), _member("odd", 0.1)]))

    assert draft.label == "Kitchen thermometer"
    assert draft.description.startswith("The kitchen thermometer ran two degrees warm.")


def test_a_capital_from_the_beginning_of_a_sentence_is_not_kept():
    texts = ["Tied paths show a crossing", "Tied paths of GPT-2 show another", "A crossing"]

    assert (
        _named(["Zinc heads", *texts, "Zinc heads", "Zinc heads"])
        == "Zinc heads, tied paths & crossing"
    )


def test_a_capital_from_inside_a_sentence_is_kept():
    texts = ["The Toy Model learns", "Toy Model runs are short", "A toy Model", "One Toy Model"]
    members = [Member(str(at), StatementKind.CLAIM, text) for at, text in enumerate(texts)]

    draft = OfflineLabeller().label(_task(members))

    assert draft.label == "Toy Model"


def test_a_heading_that_a_note_quotes_says_nothing_of_capitals():
    shared = [
        Member("1", StatementKind.CLAIM, "Nobody likes amber heads", "Stated under “Zinc Probes”."),
        Member("2", StatementKind.CLAIM, "We trust zinc probes", "Stated under “Zinc Probes”."),
    ]

    draft = OfflineLabeller().label(_task(shared))

    assert draft.label == "Zinc probes"


def test_a_phrase_of_the_notes_counts_half():
    shared = [
        Member("1", StatementKind.CLAIM, "Nobody likes zinc probes", "On amber heads"),
        Member("2", StatementKind.CLAIM, "Nobody trusts zinc probes with amber heads"),
    ]

    draft = OfflineLabeller().label(_task(shared))

    assert draft.label == "Zinc probes & amber heads"


def test_what_only_notes_say_does_not_name_a_community():
    shared = [
        Member("1", StatementKind.CLAIM, "Nobody likes zinc probes", "Under Closing Thoughts"),
        Member("2", StatementKind.CLAIM, "Iron maps are rare", "Under Closing Thoughts"),
    ]

    draft = OfflineLabeller().label(_task(shared))

    assert draft.label == "Zinc probes"


@pytest.mark.parametrize(
    "text",
    ["🙂", "It is so.", "→", "这是一个完整的句子没有空格", "a" * 500, "1 + 1 = 2", r"\alpha_{ij}"],
)
def test_a_statement_without_phrases_still_gets_a_name(text: str):
    draft = OfflineLabeller().label(_task([Member("a", StatementKind.CLAIM, text)]))

    assert 0 < len(draft.label) <= 120


@given(
    st.lists(
        st.lists(
            st.sampled_from(WORDS.split()),
            min_size=1,
            max_size=9,
        ).map(" ".join),
        min_size=1,
        max_size=5,
    )
)
def test_the_offline_labeller_always_passes_the_check(texts: list[str]):
    members = [Member(str(at), StatementKind.CLAIM, text) for at, text in enumerate(texts)]
    task = _task(members, {"SAE": {"sparse autoencoder"}})

    draft = OfflineLabeller().label(task)

    assert task.grounding.problems(draft.label) == []
    assert task.grounding.problems(draft.description) == []


def test_the_order_of_the_members_makes_no_difference():
    forwards = [_member(name) for name in SAID]

    one = OfflineLabeller().label(_task(forwards))
    other = OfflineLabeller().label(_task(forwards[::-1]))

    assert one == other


def test_a_long_statement_is_cut_between_words():
    assert shortened("Sparse features, of course, are easier to name", 20) == "Sparse features, of…"
    assert shortened("Sparse features of", 18) == "Sparse features of"
    assert shortened("Sparse features, of", 17) == "Sparse features…"


@pytest.mark.parametrize("label", ["", "   ", "two\nlines", "x" * 121])
def test_a_name_is_one_line_and_not_an_essay(label: str):
    with pytest.raises(ValidationError):
        LabelDraft(label=label, description="")


def test_every_labeller_answers_to_the_name_of_who_writes():
    model = LanguageModel("openai:tiny", provider=None)

    names = {name: open_labeller(name, model).name for name in LABELLERS}

    assert names == {"offline": "offline", "llm": "openai:tiny"}


def test_a_labeller_that_there_is_not_and_one_that_lacks_its_model_are_refused():
    with pytest.raises(ConfigError, match="offline, llm"):
        open_labeller("oracle")
    with pytest.raises(ConfigError, match="--model"):
        open_labeller("llm")
