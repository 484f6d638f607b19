"""The commands that find something out about a stored decomposition: one function each.

What they find is a run of its own, whose report the pages and commands then show. torch is
imported only here, inside functions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from kg.errors import ConfigError
from kg.evidence import Store


class Grouping(NamedTuple):
    """How subcomponents are grouped; None takes the default."""

    inputs: int | None = None
    alpha: float | None = None
    resolution: float | None = None
    seed: int = 0


def find_components_of(engine: Engine, artifacts: Path, run: int, grouping: Grouping) -> int:
    """Group the subcomponents of a decomposition that act together; returns the new run."""
    with clearly():
        from decomposition.components import ComponentsConfig, find_components
        from decomposition.evidence import analyse_and_store

        given = {"n": grouping.inputs, "alpha": grouping.alpha, "resolution": grouping.resolution}
        config = ComponentsConfig.model_validate(
            {"seed": grouping.seed, **{k: v for k, v in given.items() if v is not None}}
        )
        return analyse_and_store(
            Store(engine, artifacts),
            run,
            "components",
            config,
            lambda decomposition, _folder: find_components(decomposition, config),
        )


@contextmanager
def clearly() -> Iterator[None]:
    """Turn errors of the decomposition into ones that the command line and the web explain."""
    from decomposition.errors import DecompositionError

    try:
        yield
    except DecompositionError as error:
        raise ConfigError(str(error)) from error
