"""What `test_devices` runs in a process of its own; prints by name what went wrong, or nothing."""

import json
import sys
import tempfile
import traceback
from pathlib import Path

import torch

from decomposition.adversary import AdversaryConfig
from decomposition.attempt import Attempt
from decomposition.attribution import AttributionConfig, explain
from decomposition.checkpoints import load, save
from decomposition.components import ComponentsConfig, occurrences
from decomposition.config import DecompositionConfig
from decomposition.decomposed_model import DecomposedModel
from decomposition.edit_effects import EditConfig, measure_edit
from decomposition.editing import Change
from decomposition.harvest import HarvestConfig, harvest
from decomposition.language_metrics import LanguageMetricsConfig, language_metrics
from decomposition.metrics import MetricsConfig, evaluate
from decomposition.profiling import ProfilingConfig, profile_stream
from decomposition.subnetwork import SubnetworkConfig, find_subnetwork
from decomposition.training import Decomposition, decompose
from tests.decomposition import pretended_device
from tests.decomposition.pentagon import pentagon_target
from tests.decomposition.pretended_device import NAME, There
from tests.decomposition.small_transformer import transformer_decomposition

TOY = DecompositionConfig(
    device=NAME,
    n_subcomponents=4,
    restarts=1,
    steps=2,
    batch_size=64,
    warm_up_steps=3,
    n_objective=100,
    prune=True,
    consolidation_steps=2,
    subset=1.0,
    hidden=1.0,
    adversarial=1.0,
    frequency=0.1,
    adversary=AdversaryConfig(kind="fresh"),
)
TOKENS = TOY.model_copy(
    update={
        "n_objective": 10,
        "batch_size": 8,
        "importance": "shared_transformer",
        "n_hidden": 8,
        "prune": False,
        "consolidation_steps": 0,
        "merge_zero_rows": False,
        "adversary": AdversaryConfig(kind="persistent", scope="row"),
        "initialisation": "singular",
    }
)


def there_and_here(found: Decomposition) -> tuple[Decomposition, Decomposition]:
    """Save a decomposition and load it on the device and on the processor."""
    with tempfile.TemporaryDirectory() as folder:
        save(found, Path(folder) / "run")
        return load(Path(folder) / "run", NAME), load(Path(folder) / "run", "cpu")


def moved_to(found: Decomposition, device: str) -> Decomposition:
    """Make a decomposition of the tiny decoder anew elsewhere; its target has no recipe."""
    model = DecomposedModel(
        found.target.model, found.model.subcomponents, found.model.importance_networks
    )
    return Decomposition(found.target, found.config, model.to(device), {}, 0.0, 0.0)


def decoders() -> tuple[Decomposition, Decomposition]:
    return tuple(moved_to(transformer_decomposition(), device) for device in (NAME, "cpu"))


def both_kinds():
    return ((TOY, pentagon_target()), (TOKENS, transformer_decomposition().target))


def stored(attempt: Attempt) -> dict[str, torch.Tensor]:
    return {name: t.detach().cpu().clone() for name, t in attempt.tensors().items()}


def same(found, expected) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def toy_training_and_its_metrics() -> None:
    found = decompose(pentagon_target(), TOY)
    assert found.model.device.type == pretended_device.KIND
    there, here = there_and_here(found)
    config = MetricsConfig(n=128, random_draws=2, harvest=HarvestConfig(n=128))
    same(evaluate(there, config), evaluate(here, config))
    assert harvest(there, config.harvest)[3].id == harvest(here, config.harvest)[3].id


def language_training_and_its_metrics() -> None:
    target = transformer_decomposition().target
    found = decompose(target, TOKENS)
    config = LanguageMetricsConfig(n=4, n_census=8, ladder=(1, 2))
    there = language_metrics(found, config)
    same(there, language_metrics(moved_to(found, "cpu"), config))


def nothing_in_a_step_waits_for_the_device() -> None:
    for config, target in both_kinds():
        attempt = Attempt(target, config, 0)
        attempt.warm_up()
        attempt.advance()
        pretended_device.crossings.clear()
        attempt.advance()
        assert pretended_device.crossings == ["there", "there"], "inputs and their weights"


def a_training_goes_on_where_it_was() -> None:
    for config, target in both_kinds():
        one, other = Attempt(target, config, 0), Attempt(target, config, 0)
        one.advance()
        other.restore(one.step, stored(one))
        one.advance()
        other.advance()
        assert one.check() == other.check()


def a_training_goes_on_elsewhere() -> None:
    for config, target in both_kinds():
        there = Attempt(target, config, 0)
        there.advance()
        here = Attempt(target, config.model_copy(update={"device": "cpu"}), 0)
        here.restore(there.step, stored(there))
        here.advance()
        there.restore(here.step, stored(here))
        there.advance()
        assert there.check().keys() == here.check().keys()
        assert there.step == 3


def harvests() -> None:
    config = ProfilingConfig(batches=2, batch_size=4)
    there, here = (profile_stream(found, config).tensors() for found in decoders())
    same({k: t.float() for k, t in there.items()}, {k: t.float() for k, t in here.items()})
    acts = [occurrences(found, ComponentsConfig(n=16)).active for found in decoders()]
    assert (acts[0] == acts[1]).all()


def attributions() -> None:
    config = AttributionConfig(importance_threshold=-1.0, n_nodes=10)
    asked = SubnetworkConfig(steps=2, samples=2, adversary_steps=1, test_steps=2)
    graphs = []
    for found in decoders():
        x = found.target.encode("w1 w2 w3")
        subnetwork = find_subnetwork(found, x, asked)
        graphs += [explain(found, x, config), explain(found, x, config, subnetwork)]
    for there, here in zip(graphs[:2], graphs[2:], strict=True):
        same([e.attribution for e in there.edges], [e.attribution for e in here.edges])
        same([e.direct for e in there.edges], [e.direct for e in here.edges])


def edits() -> None:
    changes = [
        Change(kind="rewrite", subcomponent="blocks.0.down:3", toward="w5"),
        Change(kind="add", subcomponent="blocks.0.down:3", writes=[1.0] * 8, reads=[0.5] * 16),
    ]
    both = decoders()
    for found in both:
        found.model.importance_networks.start_at(0.9)
    there, here = (measure_edit(found, EditConfig(changes=changes, n=64)) for found in both)
    assert not any(isinstance(delta, There) for delta in there[0].values())
    same(there[0], here[0])
    same(there[1].parameters, here[1].parameters)


CHECKS = {
    check.__name__: check
    for check in (
        toy_training_and_its_metrics,
        language_training_and_its_metrics,
        nothing_in_a_step_waits_for_the_device,
        a_training_goes_on_where_it_was,
        a_training_goes_on_elsewhere,
        harvests,
        attributions,
        edits,
    )
}


def wrong_with(check) -> str:
    try:
        check()
    except (AssertionError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    pretended_device.begin()
    torch.set_num_threads(1)
    asked = sys.argv[1:] or CHECKS
    sys.stdout.write(json.dumps({name: wrong_with(CHECKS[name]) for name in asked}))
