"""The scale of the evidence table: one scale for value, controls and threshold."""

from api.intervals import WIDTH, interval_rows
from api.views.evidence import evidence_items


def test_measurement_and_controls_lie_on_one_scale_in_the_order_of_their_values(session, library):
    (entry,) = evidence_items(session, library.statements["removal"])

    measured, control = interval_rows(entry)

    # 0.25 to 0.36 for the control, the threshold 0.9, and 0.95 to 0.99 measured.
    assert [measured.is_control, control.is_control] == [False, True]
    assert measured.x_threshold == control.x_threshold
    places = [
        control.x_low,
        control.x,
        control.x_high,
        measured.x_threshold,
        measured.x_low,
        measured.x,
        measured.x_high,
    ]
    assert places == sorted(places)
    assert 0 < places[0] < places[-1] < WIDTH


def test_a_threshold_far_from_every_value_is_on_the_scale(session, library):
    (entry,) = evidence_items(session, library.statements["removal"])

    for threshold in (-7.0, 7.0):
        far = entry.prediction.model_copy(update={"threshold": threshold})
        rows = interval_rows(entry.model_copy(update={"prediction": far}))

        assert all(0 < row.x_threshold < WIDTH for row in rows)
        assert all((row.x_threshold < row.x) == (threshold < 0) for row in rows)


def test_a_scale_without_any_extent_has_a_place_for_its_one_value(session, library):
    (entry,) = evidence_items(session, library.statements["removal"])
    same = entry.measured.model_copy(update={"value": 0.9, "low": 0.9, "high": 0.9})

    (row,) = interval_rows(entry.model_copy(update={"measured": same, "controls": []}))

    assert 0 < row.x == row.x_low == row.x_high == row.x_threshold < WIDTH
