"""The commands that find something out about a stored decomposition: one function each.

What they find is a run of its own, whose report the pages and commands then show. torch is
imported only here, inside functions.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import Engine

from api.jobs import OnProgress
from api.views.decompositions import ExportedView
from api.views.reports import DecompositionView
from kg.db import reading
from kg.errors import ConfigError
from kg.evidence import Store, subcomponents_of


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

        config = ComponentsConfig.model_validate(
            _given(
                n=grouping.inputs,
                alpha=grouping.alpha,
                resolution=grouping.resolution,
                seed=grouping.seed,
            )
        )
        return analyse_and_store(
            Store(engine, artifacts),
            run,
            "components",
            config,
            lambda decomposition, _folder: find_components(decomposition, config),
        )


class Harvesting(NamedTuple):
    """How much data is looked at; None takes the default."""

    batches: int | None = None
    rows: int | None = None
    contexts: int | None = None
    seed: int = 0


def harvest_of(
    engine: Engine, artifacts: Path, run: int, harvesting: Harvesting, on_progress: OnProgress
) -> int:
    """Say what every subcomponent of a decomposition does on the data; returns the new run.

    An interrupted one leaves its state under `unfinished` in the artifacts, and the next one of
    the same decomposition and configuration goes on from there.
    """
    with clearly():
        from decomposition.evidence import analyse_and_store
        from decomposition.harvesting import harvest_data
        from decomposition.profiling import ProfilingConfig

        config = ProfilingConfig.model_validate(
            _given(
                batches=harvesting.batches,
                batch_size=harvesting.rows,
                contexts=harvesting.contexts,
                seed=harvesting.seed,
            )
        )
        key = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:16]
        state = artifacts / "unfinished" / f"harvest-run{run}-{key}.safetensors"
        return analyse_and_store(
            Store(engine, artifacts),
            run,
            "harvest",
            config,
            lambda decomposition, folder: harvest_data(
                decomposition, config, folder, state, on_progress
            ),
        )


class Asking(NamedTuple):
    """Of which input a graph is drawn, and how; None takes the default."""

    prompt: str | None = None
    probe: int | None = None
    sample: int | None = None
    position: int | None = None
    edges: int | None = None
    is_masked: bool = False
    is_minimal: bool = False
    steps: int | None = None
    seed: int = 0


def draw_graph_of(engine: Engine, artifacts: Path, run: int, asking: Asking) -> int:
    """Draw the attribution graph of one input and check its edges; returns the new run."""
    with clearly():
        from decomposition.evidence import analyse_and_store
        from decomposition.graphs import GraphConfig, draw_graph

        config = GraphConfig.model_validate(
            {
                **{name: getattr(asking, name) for name in ("prompt", "probe", "sample", "seed")},
                "attribution": _given(
                    position=asking.position,
                    n_edges=asking.edges,
                    is_masked=asking.is_masked or asking.is_minimal,
                ),
                "subnetwork": _given(position=asking.position, steps=asking.steps, seed=asking.seed)
                if asking.is_minimal
                else None,
            }
        )
        return analyse_and_store(
            Store(engine, artifacts),
            run,
            "attribution",
            config,
            lambda decomposition, _folder: draw_graph(decomposition, config),
        )


class Editing(NamedTuple):
    """What is changed, and on how much it is measured."""

    remove: list[str]
    scale: list[str]
    """As in `linear1:3=0.5`."""

    rewrite: list[str]
    """As in `linear1:3=WORD`: toward this output, by its word or number."""

    strength: float = 1.0
    rows: int | None = None
    seed: int = 0

    def changes(self) -> list[dict[str, object]]:
        """Return each change by the names of its fields.

        Raises:
            ConfigError: One is not of the form that it should have, or there is none.
        """
        changes: list[dict[str, object]] = [
            {"kind": "remove", "subcomponent": name} for name in self.remove
        ]
        for kind, what, texts in (
            ("scale", "factor", self.scale),
            ("rewrite", "toward", self.rewrite),
        ):
            for name, value in map(_pair, texts):
                change = {"kind": kind, "subcomponent": name, what: value}
                changes.append({**change, "strength": self.strength})
        if not changes:
            raise ConfigError("say what to change: --remove, --scale or --rewrite a subcomponent")
        return changes


def edit_of(engine: Engine, artifacts: Path, run: int, editing: Editing) -> int:
    """Make an edit of a target's weights and measure what it does; returns the new run.

    The differences of the parameters go into `delta.safetensors` in the run's folder.
    """
    with clearly():
        from decomposition.edit_effects import EditConfig, measure_edit
        from decomposition.evidence import analyse_and_store

        given = _given(n=editing.rows, seed=editing.seed, changes=editing.changes())
        config = EditConfig.model_validate(given)
        return analyse_and_store(
            Store(engine, artifacts),
            run,
            "edit",
            config,
            lambda decomposition, folder: measure_edit(decomposition, config, folder)[1],
        )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise ConfigError(f"{text!r} is not of the form SUBCOMPONENT=VALUE, as in linear1:3=0.5")
    return name, value


class Comparing(NamedTuple):
    """What is compared with dictionaries; None takes the default."""

    matrix: str | None = None
    sizes: list[int] | None = None
    k: int | None = None
    steps: int | None = None
    is_decomposed: bool = False
    seed: int = 0


def compare_of(engine: Engine, artifacts: Path, run: int, comparing: Comparing) -> int:
    """Train dictionaries beside a decomposition, in several sizes; returns the new run."""
    if comparing.sizes is not None and len(comparing.sizes) < 2:
        raise ConfigError("one size has nothing to be compared with: repeat --size")
    with clearly():
        from decomposition.dictionary_comparison import ComparisonConfig, compare_dictionaries
        from decomposition.evidence import analyse_and_store

        config = ComparisonConfig.model_validate(
            _given(
                matrix=comparing.matrix,
                sizes=comparing.sizes,
                dictionary=_given(k=comparing.k, steps=comparing.steps),
                decompose=comparing.is_decomposed,
                seed=comparing.seed,
            )
        )
        return analyse_and_store(
            Store(engine, artifacts),
            run,
            "dictionaries",
            config,
            lambda decomposition, _folder: compare_dictionaries(decomposition, config),
        )


class Importing(NamedTuple):
    """What is read, and onto which target it is put."""

    path: Path
    target: str | None = None
    seed: int = 0
    directions_only: bool = False


def import_from(engine: Engine, artifacts: Path, importing: Importing) -> DecompositionView:
    """Store a decomposition from a file as a run."""
    path, target, seed, directions_only = importing
    with clearly():
        from decomposition.evidence import import_and_store

        store = Store(engine, artifacts)
        report = import_and_store(store, path, target, seed, needs_importances=not directions_only)
    return DecompositionView(**report._asdict(), seed=seed)


def export_to(engine: Engine, artifacts: Path, run: int, folder: Path) -> ExportedView:
    """Write a decomposition for other programs."""
    with clearly():
        from decomposition.evidence import export_stored

        with reading(engine) as session:
            means = {
                f"{part.matrix}:{part.index}": part.mean_importance
                for part in subcomponents_of(session, run)
            }
        files = export_stored(Store(engine, artifacts), run, folder, means)
    return ExportedView(run=run, files=[str(file) for file in files])


def _given(**values: object) -> dict[str, object]:
    """Return those that are not None; the others take the defaults of a configuration."""
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def clearly() -> Iterator[None]:
    """Turn errors of the decomposition into ones that the command line and the web explain."""
    from decomposition.errors import DecompositionError

    try:
        yield
    except DecompositionError as error:
        raise ConfigError(str(error)) from error
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise ConfigError(f"what was asked for is not valid: {found}") from error
