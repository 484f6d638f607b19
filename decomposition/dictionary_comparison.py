"""Whether a larger dictionary has more latents, and a larger decomposition more subcomponents.

On the outputs of one matrix of a target: sparse autoencoders and transcoders of several sizes, and
decompositions of the target with as many subcomponents allotted. A method that finds what is
there uses the same number whatever it is allotted; one that splits features uses more. Of each
the *slope* says how many more are alive for each more that is allotted (least squares), and
*split* the share of one's living directions that have several matches (cosine above 0.5) among
the next larger one's; of subcomponents and transcoders directions are rank-one matrices.
"""

from itertools import pairwise

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from decomposition.dictionaries import (
    Dictionary,
    DictionaryConfig,
    Draw,
    multiply_matched,
    quality,
    train_dictionary,
)
from decomposition.errors import ExperimentError
from decomposition.harvest import HarvestConfig, census
from decomposition.reports import AnalysisConfig, DictionaryComparison, SizedDictionary
from decomposition.seeds import generator_for
from decomposition.subcomponents import rank_one_matrices
from decomposition.training import Decomposition, decompose

KINDS = ("autoencoder topk", "autoencoder relu", "transcoder topk")


class ComparisonConfig(AnalysisConfig):
    """What is compared, and in which sizes."""

    matrix: str | None = None
    """Whose outputs are written as sums of latents; None takes the first."""

    sizes: list[int] = Field(default=[10, 20, 40, 80], min_length=2)
    dictionary: DictionaryConfig = DictionaryConfig()
    decompose: bool = False
    """Whether the target is decomposed anew in every size, from one start; else only the
    decomposition that there is stands beside them."""

    n: int = Field(default=8192, ge=1)
    """Inputs that alive latents are counted on."""


def compare_dictionaries(
    decomposition: Decomposition, config: ComparisonConfig
) -> DictionaryComparison:
    """Train dictionaries in several sizes on one matrix, and compare how many latents live.

    Raises:
        ExperimentError: There is no such matrix.
    """
    matrix = config.matrix or next(iter(decomposition.model.layers))
    if matrix not in decomposition.model.layers:
        known = ", ".join(decomposition.model.layers)
        raise ExperimentError(f"{matrix!r} was not decomposed; those that were: {known}")
    found: list[tuple[SizedDictionary, Tensor]] = []
    for kind in KINDS:
        found += _dictionaries(decomposition, matrix, kind, config)
    found += _decompositions(decomposition, matrix, config)
    by_kind: dict[str, list[tuple[SizedDictionary, Tensor]]] = {}
    for row, directions in found:
        by_kind.setdefault(row.kind, []).append((row, directions))
    return DictionaryComparison(
        matrix=matrix,
        known=_known(decomposition, matrix),
        rows=[row for rows in by_kind.values() for row in _with_splits(rows)],
        slopes={
            kind: float(np.polyfit([r.size for r, _ in rows], [r.alive for r, _ in rows], 1)[0])
            for kind, rows in by_kind.items()
            if len(rows) > 1
        },
    )


def _dictionaries(
    decomposition: Decomposition, matrix: str, kind: str, config: ComparisonConfig
) -> list[tuple[SizedDictionary, Tensor]]:
    name, activation = kind.split()
    draw = _drawing(decomposition, matrix, is_transcoder=name == "transcoder")
    x, y = draw(config.n, generator_for("comparison", config.seed))
    found = []
    for size in sorted(config.sizes):
        asked = config.dictionary.model_copy(
            update={"kind": activation, "size": size, "seed": config.seed}
        )
        dictionary = train_dictionary(draw, asked)
        good = quality(dictionary, x, y)
        alive = (dictionary.encode(x) > 0).any(dim=0)
        row = SizedDictionary(
            kind=kind, size=size, alive=good.alive, l0=good.l0, explained=good.explained, split=None
        )
        found.append((row, _directions(dictionary, alive, is_transcoder=name == "transcoder")))
    return found


def _directions(dictionary: Dictionary, alive: Tensor, *, is_transcoder: bool) -> Tensor:
    """Return the living latents' directions; of a transcoder what they read and write."""
    written = dictionary.decoder[alive]
    if not is_transcoder:
        return written
    return torch.einsum("co,ci->coi", written, dictionary.encoder[alive]).flatten(1)


def _decompositions(
    decomposition: Decomposition, matrix: str, config: ComparisonConfig
) -> list[tuple[SizedDictionary, Tensor]]:
    found = [decomposition]
    if config.decompose:
        found = [
            decompose(
                decomposition.target,
                decomposition.config.model_copy(
                    update={
                        "n_subcomponents": size,
                        "subcomponents_per_rank": None,
                        "matrices": {},
                        "restarts": 1,
                    }
                ),
            )
            for size in sorted(config.sizes)
        ]
    rows = []
    for each in found:
        counted = census(each, HarvestConfig(n=config.n, seed=config.seed))[matrix]
        parts = each.model.subcomponents[matrix]
        row = SizedDictionary(
            kind="decomposition",
            size=parts.V.shape[0],
            alive=int(counted.alive.sum()),
            l0=float(counted.density.sum()),
            explained=None,
            split=None,
        )
        rows.append((row, rank_one_matrices(parts).cpu()[counted.alive].flatten(1)))
    return rows


def _with_splits(rows: list[tuple[SizedDictionary, Tensor]]) -> list[SizedDictionary]:
    """Say of each how many of its directions are several in the next larger one."""
    described = []
    for (row, directions), (_, larger) in pairwise(rows):
        split = multiply_matched(directions, larger).float().mean().item() if len(directions) else 0
        described.append(row.model_copy(update={"split": float(split)}))
    return [*described, rows[-1][0]]


def _drawing(decomposition: Decomposition, matrix: str, *, is_transcoder: bool) -> Draw:
    """Return what draws a matrix' inputs and outputs on the target's data; bias left out."""
    layer = decomposition.model.layers[matrix]

    def draw(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        clean = decomposition.model.clean(decomposition.target.batch(n, generator))
        x = clean.seen[matrix].vectors().detach().cpu()
        x = x.reshape(-1, x.shape[-1])
        if len(x) > n:
            x = x[torch.randperm(len(x), generator=generator)[:n]]
        y = x @ layer.matrix.cpu().T
        return (x, y) if is_transcoder else (y, y)

    return draw


def _known(decomposition: Decomposition, matrix: str) -> int | None:
    """Return how many mechanisms the target has in a matrix, where it knows."""
    blocks = decomposition.target.blocks
    if matrix not in blocks:
        return None
    rank = blocks[matrix]
    return len(decomposition.target.probes()) if rank is None else rank
