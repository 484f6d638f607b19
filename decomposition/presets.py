"""Configurations that follow the publications to the letter, beside today's better defaults.

`paper_config` gives what Bushnaq, Braun & Sharkey (2025), Stochastic Parameter Decomposition,
arXiv:2506.20790, did on the toy models: one start of tens of thousands of steps, masks drawn anew
for every loss, no remainder, no clipping, importances that leak in value below zero, all rows run.
For a language model it gives the setting of Goodfire (2026), Interpreting Language Model
Parameters: p annealed from 2 to 0.4, frequency minimality, random subsets, a persistent adversary
with a source for each row, gradients of U and V clipped at 0.01 and those of the importance
networks not at all, all importances told by one transformer that looks both ways, and a random
start.

What is a matter of size is the target's own: the number of subcomponents, the width of the networks
that tell importances, the depth of the transformer, and on how many inputs the end is measured. A
model of the user's own gets as many subcomponents for a rank as the publication's had in all.
Targets that neither publication has are given the losses and rates of the second.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from decomposition.adversary import AdversaryConfig
from decomposition.config import DecompositionConfig, config_of
from decomposition.errors import ConfigurationError
from decomposition.targets.pretrained import PREFIX

_SPD: dict[str, Any] = {
    "restarts": 1,
    "prune": False,
    "consolidation_steps": 0,
    "unmix": False,
    "sparsity": "power",
    "minimality_end": None,
    "early_stop": None,
    "merge_zero_rows": False,
    "schedule": "cosine",
    "clip_norm": None,
    "stochastic": 1.0,
    "layerwise": 1.0,
    "faithfulness": 1.0,
    "mask_remainder": False,
    "draw_masks_once": False,
    "leak": "value",
    "warm_up_steps": 0,
    "learning_rate": 0.001,
    "batch_size": 4096,
    "steps": 40_000,
}
"""What all toy models of the paper share."""

_OF_RESIDUAL: dict[str, Any] = {"batch_size": 2048, "minimality": 1e-5, "minimality_power": 2.0}

_SPD_OF: dict[str, dict[str, Any]] = {
    "tms_5-2": {"minimality": 0.003},
    "tms_5-2-id": {"minimality": 0.003},
    "tms_40-10": {"minimality": 0.0001, "minimality_power": 2.0},
    "tms_40-10-id": {"minimality": 0.0001, "minimality_power": 2.0},
    "resid_mlp1": _OF_RESIDUAL
    | {"n_subcomponents": 100, "learning_rate": 0.002, "schedule": "constant", "steps": 30_000},
    "resid_mlp2": _OF_RESIDUAL | {"n_subcomponents": 400, "schedule": "constant", "steps": 50_000},
    "resid_mlp3": _OF_RESIDUAL
    | {"n_subcomponents": 500, "minimality": 0.5e-5, "n_hidden": 128, "steps": 200_000},
}

_VPD: dict[str, Any] = {
    "restarts": 1,
    "prune": False,
    "consolidation_steps": 0,
    "unmix": False,
    "minimality_end": None,
    "early_stop": None,
    "merge_zero_rows": False,
    "batch_size": 64,
    "steps": 400_000,
    "learning_rate": 5e-5,
    "schedule": "cosine",
    "learning_rate_end": 0.1,
    "clip_norm": 0.01,
    "importance_clip_norm": 1e9,
    "precision": "bfloat16",
    "faithfulness": 1e7,
    "stochastic": 0.0,
    "layerwise": 0.0,
    "subset": 0.5,
    "adversarial": 0.5,
    "adversary": AdversaryConfig(kind="persistent", steps=2, step_size=0.01, scope="row"),
    "minimality": 2e-4,
    "frequency": 1e-4,
    "frequency_reference": 32_768.0,
    "minimality_power": 2.0,
    "minimality_power_end": 0.4,
    "warm_up_steps": 400,
    "warm_up_learning_rate": 0.001,
    "warm_up_weight_decay": 0.0,
}
"""Of the 67-million-parameter language model."""

_VPD_START: dict[str, Any] = {
    "importance": "shared_transformer",
    "importance_causal": False,
    "initialisation": "random",
}
"""How its training starts, and by what importances are told."""

_SIZES = ("n_subcomponents", "n_hidden", "n_objective")

_PER_RANK = 9728 / 4608
"""C in units of the rank, over the six matrices of a layer of that model."""


def changed(config: DecompositionConfig, changes: Mapping[str, Any]) -> DecompositionConfig:
    """Return a configuration with some settings changed.

    Raises:
        ConfigurationError: There is no such setting, or not with this value.
    """
    known = DecompositionConfig.model_fields
    for name in changes:
        if name not in known:
            raise ConfigurationError(f"there is no setting {name!r}; there are: {', '.join(known)}")
    try:
        return DecompositionConfig.model_validate(
            config.model_dump() | {"device": config.device} | dict(changes)
        )
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join([".".join(map(str, found["loc"])), found["msg"]]).removeprefix(": ")
            for found in error.errors()
        )
        raise ConfigurationError(f"this configuration is not possible: {wrong}") from error


def paper_config(target: str) -> DecompositionConfig:
    """Return the configuration of the publication for a target, by the target's name."""
    own = config_of(target)
    if target in _SPD_OF:
        return own.model_copy(update=_SPD | _SPD_OF[target])
    is_of_user = target.startswith(PREFIX)
    if not is_of_user and target != "storyworld":
        return own.model_copy(update=_VPD)
    sizes: dict[str, Any] = {name: getattr(own, name) for name in _SIZES}
    if is_of_user:
        sizes["subcomponents_per_rank"] = _PER_RANK
    return DecompositionConfig.model_validate(sizes | _VPD | _VPD_START)
