import pytest
import torch

from decomposition.dictionaries import (
    Dictionary,
    DictionaryConfig,
    multiply_matched,
    quality,
    recovery,
    train_dictionary,
)
from decomposition.seeds import generator_for

N_TRUE, WIDTH = 24, 12
TRUE = torch.nn.functional.normalize(
    torch.randn(N_TRUE, WIDTH, generator=generator_for("planted")), dim=1
)
OUT = torch.nn.functional.normalize(
    torch.randn(N_TRUE, 10, generator=generator_for("planted out")), dim=1
)


def planted(n: int, generator: torch.Generator):
    """Two of 24 directions in 12 dimensions at a time; the output is of others, one for one."""
    chosen = torch.rand(n, N_TRUE, generator=generator).argsort(dim=1)[:, :2]
    f = torch.zeros(n, N_TRUE).scatter(1, chosen, 0.5 + torch.rand(n, 2, generator=generator))
    return f @ TRUE, f @ OUT


def autoencoder(n: int, generator: torch.Generator):
    x, _ = planted(n, generator)
    return x, x


CONFIGS = {
    "topk": DictionaryConfig(kind="topk", size=32, k=2),
    "relu": DictionaryConfig(kind="relu", size=32, sparsity=0.2),
}


@pytest.mark.parametrize("kind", ["topk", "relu"])
def test_an_autoencoder_recovers_a_planted_dictionary(kind: str) -> None:
    dictionary = train_dictionary(autoencoder, CONFIGS[kind])

    x, y = autoencoder(4000, generator_for("test"))
    found = quality(dictionary, x, y)
    fresh = Dictionary(WIDTH, WIDTH, CONFIGS[kind], generator_for("fresh"))
    assert recovery(TRUE, dictionary) > 0.9 > 0.75 > recovery(TRUE, fresh)
    assert found.explained > 0.8
    assert found.l0 < 5
    assert torch.allclose(dictionary.decoder.norm(dim=1), torch.ones(32), atol=1e-5)


def test_a_transcoder_recovers_what_a_layer_writes() -> None:
    dictionary = train_dictionary(planted, CONFIGS["topk"])

    found = quality(dictionary, *planted(4000, generator_for("test")))
    assert recovery(OUT, dictionary) > 0.9
    assert found.explained > 0.85
    assert found.l0 <= 2


def test_of_the_kind_topk_no_input_uses_more_than_k() -> None:
    dictionary = Dictionary(3, 3, DictionaryConfig(size=7, k=2), generator_for("k"))

    f = dictionary.encode(torch.randn(50, 3, generator=generator_for("x")))

    assert ((f > 0).sum(dim=1) <= 2).all()
    assert (f >= 0).all()
    called = dictionary.before(torch.eye(3)).relu()
    assert torch.equal(dictionary.encode(torch.eye(3)).amax(dim=1), called.amax(dim=1))


def test_the_same_seed_trains_the_same() -> None:
    config = CONFIGS["topk"].model_copy(update={"steps": 20})

    one, other = (train_dictionary(autoencoder, config) for _ in range(2))

    assert torch.equal(one.decoder, other.decoder)


def test_quality_is_counted_as_by_hand() -> None:
    dictionary = Dictionary(2, 2, DictionaryConfig(size=3, k=1), generator_for("hand"))
    with torch.no_grad():
        dictionary.encoder.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, -1]]))
        dictionary.decoder.copy_(torch.tensor([[1.0, 0], [0, 1], [-1, 0]]))
    x = torch.tensor([[2.0, 0], [0, 1], [0, 0]])

    found = quality(dictionary, x, x)

    assert found.alive == 2
    assert found.l0 == pytest.approx(2 / 3)
    assert found.explained == pytest.approx(1)


def test_a_direction_with_two_close_ones_is_split() -> None:
    small = torch.eye(3)
    large = torch.tensor([[1.0, 0.1, 0], [1, -0.1, 0], [0, 3, 0], [0.1, 0, 0.05]])

    assert multiply_matched(small, large).tolist() == [True, False, False]
