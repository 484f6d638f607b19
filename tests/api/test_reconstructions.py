"""The errors of a decomposition under each kind of masks, as they are shown."""

import pytest

from api.reconstructions import WIDTH, reconstructions

TOY = {
    "mmcs": 0.99,
    "mmcs_random": 0.98,
    "identity_error": 2.0,
    "dense_error": 1.0,
    "reconstruction_off": 0.01,
    "reconstruction_importance": 0.0001,
    "pgd_reconstruction": 0.001,
    "reconstruction_unmasked": 1e-9,
}


def test_errors_stand_by_size_on_a_logarithmic_scale():
    found = reconstructions(TOY)

    assert found is not None
    assert [(row.masks, row.width) for row in found.rows] == [
        ("everything kept", 0),
        ("each kept by its importance", WIDTH / 2),
        ("the worst that an adversary finds in 20 steps", WIDTH * 0.75),
        ("everything ablated", WIDTH),
    ]


def test_what_is_known_of_mechanisms_stands_beside_what_chance_reaches():
    found = reconstructions(TOY)

    assert found is not None
    cosine, errors = found.known
    assert "0.9900 (of random directions 0.9800)" in cosine
    assert errors.endswith(": 3")


def test_every_adversary_of_a_language_model_has_its_own_row():
    found = reconstructions({"kl_off": 3.6, "pgd_20": 0.08, "pgd_320": 0.5})

    assert found is not None
    assert [row.error for row in found.rows] == [0.08, 0.5, 3.6]
    assert ("20 steps" in found.rows[0].masks, "320 steps" in found.rows[1].masks) == (True, True)


@pytest.mark.parametrize(
    ("metrics", "unit"),
    [
        ({"reconstruction_off": 1.0}, "mean squared error"),
        ({"reconstruction_off": 1.0, "ce_off": 1.0}, "KL divergence, nats a position"),
        ({"kl_off": 1.0}, "KL divergence, nats a position"),
    ],
)
def test_the_unit_is_that_of_the_output(metrics: dict[str, float], unit: str):
    found = reconstructions(metrics)

    assert found is not None
    assert found.unit == unit


def test_errors_of_nothing_have_no_bars():
    found = reconstructions({"reconstruction_off": 0.0, "reconstruction_unmasked": 0.0})

    assert found is not None
    assert [row.width for row in found.rows] == [0, 0]


def test_a_decomposition_without_errors_shows_none():
    assert reconstructions({"alive": 3.0}) is None
