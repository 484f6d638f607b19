from collections import Counter

import pytest

from decomposition.seeds import generator_for
from decomposition.targets.storyworld_grammar import (
    BRACKETS,
    FIRST_NAMES,
    NAMED,
    NAMED_OPENINGS,
    OPENINGS,
    PRONOUNS,
    SENTENCES,
    START,
    SURNAMES,
    TASKS,
    Dice,
    is_held_out_pair,
    vocabulary,
    write_story,
)

GENDER = {name: gender for gender in (0, 1) for name in FIRST_NAMES[gender]}


def _stories(n, is_test):
    dice = Dice(generator_for("stories", str(is_test)))
    return [write_story(dice, is_test) for _ in range(n)]


TRAINING, TEST = _stories(500, False), _stories(500, True)
EVERY = TRAINING + TEST


def test_the_same_generator_writes_the_same_story_and_another_one_another():
    first, again, other = (write_story(Dice(generator_for(seed)), False) for seed in (1, 1, 2))

    assert first == again
    assert first.words != other.words


def test_every_story_is_of_the_vocabulary_and_begins_with_its_start():
    known = vocabulary()

    assert known[0] == START
    assert len(known) == len(set(known))
    assert {word for story in EVERY for word in story.words} <= set(known)
    assert all(story.words[0] == START and START not in story.words[1:] for story in EVERY)


def test_all_pronouns_of_a_story_are_of_one_gender():
    for story in EVERY:
        used = set(story.words)
        genders = [g for g in (0, 1) if used & set(PRONOUNS[g].values())]
        assert len(genders) <= 1


def test_most_stories_have_people_of_the_other_gender_as_distractors():
    named = [story for story in EVERY if sum(word in GENDER for word in set(story.words)) == 2]
    mixed = [s for s in named if len({GENDER[word] for word in s.words if word in GENDER}) == 2]

    assert len(named) > 200
    assert 0.65 < len(mixed) / len(named) < 0.85


def test_every_quote_and_bracket_is_closed_by_its_own_mark_before_the_sentence_ends():
    # an emoticon follows a colon, everything else is a bracket
    n = 0
    for story in EVERY:
        expected = []
        for before, word in zip(["", *story.words], story.words, strict=False):
            if before == ":" and word in "()":
                continue
            if word in BRACKETS:
                expected.append(BRACKETS[word])
            elif word in BRACKETS.values():
                assert expected.pop() == word
                n += 1
        assert expected == []
    assert n > 200


def test_a_first_name_keeps_its_surname_through_a_story():
    repeated = 0
    for story in EVERY:
        surname = {}
        for name, after in zip(story.words, story.words[1:], strict=False):
            if name in GENDER:
                repeated += name in surname
                assert surname.setdefault(name, after) == after
                assert after in SURNAMES
    assert repeated > 300


def test_a_pair_of_names_is_in_test_stories_exactly_if_it_is_held_out():
    for stories, is_test in ((TRAINING, False), (TEST, True)):
        for story in stories:
            for name, after in zip(story.words, story.words[1:], strict=False):
                if name in GENDER:
                    gender = GENDER[name]
                    pair = FIRST_NAMES[gender].index(name), SURNAMES.index(after)
                    assert is_held_out_pair(gender, *pair) == is_test


def test_about_one_pair_of_names_in_eight_is_held_out():
    pairs = [is_held_out_pair(g, f, s) for g in (0, 1) for f in range(8) for s in range(12)]

    assert 1 / 16 < sum(pairs) / len(pairs) < 3 / 16


def test_a_probe_stands_where_its_word_is_accepted_and_among_the_choices():
    for story in EVERY:
        for probe in story.probes:
            word = story.words[probe.position]
            assert word in probe.accepted
            assert not probe.among or probe.accepted <= probe.among


@pytest.mark.parametrize("stories", [TRAINING, TEST], ids=["training", "test"])
def test_every_task_is_tested(stories):
    counted = Counter(probe.task for story in stories for probe in story.probes)

    assert set(counted) == set(TASKS)
    assert min(counted.values()) > 40


def test_held_out_templates_are_no_training_templates_and_know_no_other_word():
    for templates in (OPENINGS, NAMED_OPENINGS, NAMED, *SENTENCES.values()):
        held_out = {t.words for t in templates if t.is_held_out}
        training = {t.words for t in templates if not t.is_held_out}
        assert not held_out & training
    trained_words = {word for story in _stories(600, False) for word in story.words}
    assert trained_words == set(vocabulary())
