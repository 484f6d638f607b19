"""What somebody measured elsewhere, read from a file."""

import json

import pytest
from scipy.stats import ttest_1samp

from decomposition.errors import OutcomeError
from decomposition.outcomes import as_measured, interval_of, read_outcome

CONTROL = {"name": "random heads", "value": 0.1, "low": 0.0, "high": 0.2, "n": 9}
WHOLE = {"value": 0.7, "low": 0.6, "high": 0.8, "n": 12, "controls": [CONTROL]}


def _read(fields: dict) -> object:
    return read_outcome(json.dumps(fields).encode(), "outcome.json")


def test_a_mean_with_its_interval_is_taken_as_it_stands():
    measured = as_measured(_read(WHOLE | {"details": {"accuracy": 0.9}}), "patching", "share")

    assert (measured.value, measured.low, measured.high, measured.n) == (0.7, 0.6, 0.8, 12)
    assert (measured.control.name, measured.control.high) == ("random heads", 0.2)
    assert measured.details == {"accuracy": 0.9}


def test_values_get_students_interval():
    values = [0.7, 0.75, 0.66, 0.8, 0.71]
    peer = ttest_1samp(values, 0).confidence_interval(0.95)

    mean, low, high, n = interval_of(values)

    assert (mean, n) == (pytest.approx(0.724), 5)
    assert (low, high) == (pytest.approx(peer.low), pytest.approx(peer.high))


def test_shares_get_wilsons_interval_which_is_not_empty_where_all_agree():
    # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
    mean, low, high, n = interval_of([1.0] * 81 + [0.0] * 182)
    assert (mean, n) == (pytest.approx(81 / 263), 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)

    mean, low, high, _ = interval_of([1.0] * 10)
    assert (mean, high) == (1.0, 1.0)
    assert low == pytest.approx(0.7225, abs=1e-4)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (WHOLE | {"controls": []}, "controls"),
        (WHOLE | {"low": 0.75}, "not within 0.75 to 0.8"),
        (WHOLE | {"n": 0}, "n:"),
        (WHOLE | {"values": [0.1, 0.2]}, "either values, or value"),
        ({"controls": [CONTROL], "value": 0.7}, "say value, low, high and n, or values"),
        ({"controls": [CONTROL], "values": [0.7]}, "values"),
        (WHOLE | {"stance": "supports"}, "stance"),
        (WHOLE | {"controls": [CONTROL | {"name": ""}]}, "controls.0.name"),
        (WHOLE | {"value": float("nan")}, "value"),
        ([1, 2], "the object"),
    ],
)
def test_a_file_that_does_not_say_what_was_measured_is_refused_by_field(fields, named):
    with pytest.raises(OutcomeError, match=r"outcome\.json does not say") as refusal:
        _read(fields)

    assert named in str(refusal.value)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"value = 0.7"])
def test_what_is_no_json_is_refused_by_name(text):
    with pytest.raises(OutcomeError, match=r"outcome\.json is no JSON"):
        read_outcome(text, "outcome.json")
