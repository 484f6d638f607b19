import pytest
import torch
from pydantic import ValidationError

from decomposition.seeds import generator_for
from decomposition.targets.transformer import (
    FitConfig,
    Transformer,
    TransformerConfig,
    fit,
    next_token_loss,
)

SMALL = TransformerConfig(n_vocabulary=7, n_positions=6, n_heads=2, d_model=8, d_mlp=16)
TOKENS = torch.randint(7, (3, 6), generator=generator_for("tokens"))


def test_a_token_changes_only_what_is_said_after_it():
    model = Transformer(SMALL, generator_for("model"))
    changed = TOKENS.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 7

    before, after = model(TOKENS), model(changed)

    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(dim=-1).all()


def test_the_order_of_earlier_tokens_counts():
    model = Transformer(SMALL, generator_for("model"))
    swapped = TOKENS[:, [1, 0, 2, 3, 4, 5]]

    assert not torch.allclose(model(TOKENS)[:, 5], model(swapped)[:, 5])


def test_tied_embeddings_are_one_parameter():
    tied = SMALL.model_copy(update={"is_tied": True})
    model, untied = (Transformer(config, generator_for("model")) for config in (tied, SMALL))

    def size(of):
        return sum(parameter.numel() for parameter in of.parameters())

    assert model.unembed.weight is model.embed.weight
    assert size(untied) - size(model) == 7 * 8


def test_without_neurons_there_are_only_attention_layers():
    model = Transformer(SMALL.model_copy(update={"d_mlp": 0}), generator_for("model"))

    assert not [name for name, _ in model.named_modules() if "mlp" in name]
    assert model(TOKENS).shape == (3, 6, 7)


def test_heads_have_to_share_the_dimensions_evenly():
    with pytest.raises(ValidationError, match="3 heads cannot share 8 dimensions"):
        TransformerConfig(n_vocabulary=7, n_positions=6, n_heads=3, d_model=8)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary():
    loss = next_token_loss(torch.zeros(3, 6, 7), TOKENS)

    assert loss.item() == pytest.approx(torch.tensor(7.0).log().item())


def test_training_learns_to_count_freezes_the_model_and_is_repeatable():
    def trained():
        generator = generator_for("fit")
        model = Transformer(SMALL, generator)

        def draw(n):
            return (torch.randint(7, (n, 1), generator=generator) + torch.arange(6)) % 7

        fit(model, draw, FitConfig(steps=60, batch_size=16, learning_rate=0.02))
        return model

    model, again = trained(), trained()
    tokens = (torch.arange(7)[:, None] + torch.arange(6)) % 7

    assert torch.equal(model(tokens)[:, :-1].argmax(dim=-1), tokens[:, 1:])
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(model(tokens), again(tokens))
