"""The part of a process that helps another one to decompose: the same training, nothing stored.

The first process trains or loads the target, sends it, and goes on as it would alone; the others
take the target from it and train along (`processes`), each on its share of every batch.
"""

import torch

from decomposition.config import DecompositionConfig
from decomposition.processes import processes
from decomposition.resuming import above, below
from decomposition.targets import Target, find_recipe
from decomposition.threads import one_thread
from decomposition.training import decompose


def send_target(target: Target) -> None:
    """Give the target to all processes that assist; this one is the first."""
    tensors = {name: t.detach().contiguous().clone() for name, t in target.tensors().items()}
    attempts = torch.tensor(target.attempts)
    processes().from_first({**above("target", tensors), "attempts": attempts})


def assist(name: str, config: DecompositionConfig) -> None:
    """Decompose a target together with the first process, which keeps what is found.

    Raises:
        UnknownNameError: There is no such target.
        DecompositionError: It cannot be decomposed; the first process fails likewise.
    """
    recipe = find_recipe(name)
    with one_thread():
        given = processes().from_first(None)
        attempts = int(given["attempts"])
        decompose(recipe.restore(config.seed, attempts, below("target", given)), config)
