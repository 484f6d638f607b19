"""Decomposing a target from the command line: which configuration, and what is shown meanwhile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import Engine

from api.jobs import OnProgress
from api.options import setting
from api.views.reports import DecompositionView, SweepTrial
from kg.errors import ConfigError
from kg.evidence import Store

if TYPE_CHECKING:
    from decomposition.config import DecompositionConfig
    from decomposition.settling import VitalSigns


PATIENCE = timedelta(days=1)
"""How long processes wait for each other: the first may have to train the target."""


class Wanted(NamedTuple):
    """How a target is to be decomposed."""

    seed: int = 0
    is_paper: bool = False
    """Whether as the publication did."""

    changes: Sequence[str] = ()
    """Settings, as in `steps=500`; values are JSON, or plain words."""

    device: str | None = None
    """What it runs on; None takes the configuration's, which is a GPU if there is one."""

    is_swept: bool = False
    """Whether the coefficient of importance minimality is chosen by the rule."""

    coefficients: Sequence[float] = ()
    """Those to try; none takes some around the configuration's own."""

    choose: Literal["smallest", "largest"] = "smallest"
    """Which of those that keep the rule."""


def decompose_target(
    engine: Engine,
    artifacts: Path,
    target: str,
    wanted: Wanted,
    on_progress: OnProgress,
) -> DecompositionView:
    """Train a target, split its weights into subcomponents, and store the run."""
    from decomposition.errors import DecompositionError
    from decomposition.evidence import decompose_and_store, sweep_and_store
    from decomposition.sweeping import SweepRule, swept

    store = Store(engine, artifacts)
    signs = ""

    def watch(found: "VitalSigns", stage: str) -> None:
        nonlocal signs
        signs = f"{stage}, PGD {found.pgd_reconstruction:.2g}, L0 {found.l0:.3g}"

    def advance(done: int, of: int) -> None:
        on_progress(done, of, signs)

    try:
        config = _config(target, wanted)
        if not wanted.is_swept:
            report = decompose_and_store(store, target, config, advance, watch)
            return DecompositionView(**report._asdict(), seed=wanted.seed)
        configs = swept(config, wanted.coefficients)
        rule = SweepRule(choose=wanted.choose)
        report, trials = sweep_and_store(store, target, configs, rule, advance)
    except DecompositionError as error:
        raise ConfigError(str(error)) from error
    tried = tuple(SweepTrial(**trial._asdict()) for trial in trials)
    return DecompositionView(**report._asdict(), seed=wanted.seed, sweep=tried)


@contextmanager
def joined(wanted: Wanted) -> Iterator[int]:
    """Join the processes that torchrun started beside this one, if it did, until the block ends.

    Yields:
        This one's number among them; 0 of a process alone.
    """
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield 0
        return
    if wanted.is_swept:
        raise ConfigError("a sweep runs in one process; start it without torchrun")
    from decomposition.devices import groups_for

    dist.init_process_group(groups_for(wanted.device or "auto"), timeout=PATIENCE)
    try:
        yield dist.get_rank()
    finally:
        dist.destroy_process_group()


def assist_with(target: str, wanted: Wanted) -> None:
    """Help the first process to split a target's weights; nothing is stored or shown here."""
    from decomposition.assisting import assist
    from decomposition.errors import DecompositionError

    try:
        assist(target, _config(target, wanted))
    except DecompositionError as error:
        raise ConfigError(str(error)) from error


def _config(target: str, wanted: Wanted) -> "DecompositionConfig":
    from decomposition.config import config_of
    from decomposition.devices import device_named
    from decomposition.presets import changed, paper_config

    base = paper_config(target) if wanted.is_paper else config_of(target)
    changes: dict[str, Any] = dict(setting(text) for text in wanted.changes)
    if "seed" in changes:
        raise ConfigError("name the seed with --seed: it is the target's, too")
    if wanted.device is not None:
        changes["device"] = wanted.device
    config = changed(base, changes | {"seed": wanted.seed})
    device_named(config.device)  # before a target is trained in vain
    return config
