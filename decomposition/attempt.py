"""One random start of a decomposition, step by step."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial

import torch
from torch import Tensor, nn

from decomposition import losses
from decomposition.causal_importance import (
    ImportanceNetworks,
    VectorNetworks,
    value_leaky_hard_sigmoid,
)
from decomposition.compaction import Compaction
from decomposition.config import METHOD, DecompositionConfig
from decomposition.decomposed_model import DecomposedModel, kept_of
from decomposition.devices import device_named
from decomposition.errors import DivergenceError, SplitError
from decomposition.matrices import choose, known_layout
from decomposition.objective import Objective, first_not_finite, remainders
from decomposition.processes import processes
from decomposition.resuming import above, below, optimizer_tensors, restore_optimizer
from decomposition.seeds import generator_for
from decomposition.settling import VitalSigns
from decomposition.shared_importance import AnyNetworks, SharedShape, SharedTransformer
from decomposition.subcomponents import split, untied
from decomposition.targets import Target


class Attempt:
    """One random start in training, with other processes where there are some."""

    def __init__(self, target: Target, config: DecompositionConfig, number: int) -> None:
        self.number, self.step = number, 0
        self.history: list[VitalSigns] = []
        self.losses: dict[str, float] = {}
        """As they were last looked at."""

        self.is_whole = True
        """False in the middle of a step, when parameters and moments do not fit together."""

        self._target, self._config = target, config
        seed = (target.name, METHOD, config.seed, number)
        self._generator = generator_for(*seed)
        self.model = fresh_model(target, config, self._generator)
        if config.compile_networks:
            compile_functions(self.model, varies=config.merge_zero_rows)
        self._noise = self._generator
        """What masks are drawn from: on another device, a generator of its own there."""
        if self.model.device.type != "cpu":
            self._noise = generator_for(*seed, "noise", device=self.model.device)
        self._objective = Objective(
            self.model, target.is_categorical, config, self._noise, processes()
        )
        self._find_trained()
        self._optimizer = self._new_optimizer()
        self._compaction: Compaction | None = None
        if config.compaction is not None:
            self._compaction = Compaction(
                self.model, self._optimizer, self._objective.adversary, config.compaction
            )
        self._unchecked: list[Tensor] = []
        self._names: list[str] = []

    def _new_optimizer(self) -> torch.optim.Adam:
        networks = {id(parameter) for parameter in self.model.importance_networks.parameters()}
        groups = [
            {"params": [p for p in self._trained if (id(p) in networks) == is_network]}
            for is_network in (False, True)
        ]
        return torch.optim.Adam(groups, lr=self._config.learning_rate, fused=True)

    def warm_up(self) -> None:
        """Fit the sums to the weights; this optimizer's state is not carried into training."""
        config, subcomponents = self._config, nn.ModuleList(self.model.subcomponents.values())
        optimizer = torch.optim.AdamW(
            subcomponents.parameters(),
            lr=config.warm_up_learning_rate,
            weight_decay=config.warm_up_weight_decay,
        )
        for _ in range(config.warm_up_steps):
            loss = losses.faithfulness(remainders(self.model))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
            optimizer.step()

    def advance(self) -> None:
        """Take one step; nothing in it waits for a number, unless the dead are counted."""
        self.is_whole = False
        config = self._config
        self._compact()
        parts, networks = self._optimizer.param_groups
        parts["lr"] = config.rate(self.step)
        networks["lr"] = config.rate(self.step) * config.importance_rate
        batch = self._objective.batch(self._target.batch(config.batch_size, self._generator))
        done = self.step / max(1, config.steps - 1)
        parts = self._objective.parts(batch, done)
        self._optimizer.zero_grad()
        total = self._objective.total(parts, done)
        total.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks the annotation
        losses_found = torch.stack([part.detach() for part in parts.values()])
        gradients = [p.grad for p in self._trained if p.grad is not None]
        self._objective.together.add_up([*gradients, losses_found])
        self._clip()
        self._optimizer.step()
        self._objective.adversary.after_backward()
        self._names = list(parts)
        self._unchecked.append(losses_found)
        self.step += 1
        self.is_whole = True

    def _compact(self) -> None:
        """Set the dead aside, or put them in again, if it is time."""
        if self._compaction is None:
            return
        generator = generator_for("compaction", self._config.seed, self.step)
        draw = partial(self._target.batch, self._config.batch_size, generator)
        if self._compaction.before(self.step, draw):
            self._find_trained()

    def finish(self) -> None:
        """Put in again what has been set aside."""
        if self._compaction is not None and self._compaction.kept:
            self._compaction.expand()
            self._find_trained()

    def _find_trained(self) -> None:
        """Note which parameters are trained: compaction puts others in their place."""
        self._trained = [p for p in self.model.parameters() if p.requires_grad]

    def _clip(self) -> None:
        """Shorten the gradients as the configuration says."""
        config, networks = self._config, self.model.importance_networks
        if config.importance_clip_norm is None:
            together = self._trained
        else:
            apart = {id(parameter) for parameter in networks.parameters()}
            together = [p for p in self._trained if id(p) not in apart]
            nn.utils.clip_grad_norm_(networks.parameters(), config.importance_clip_norm)
        if config.clip_norm is not None:
            nn.utils.clip_grad_norm_(together, config.clip_norm)

    def check(self) -> dict[str, float]:
        """Look at the losses since the last check, and return the newest.

        Raises:
            DivergenceError: One of them is not finite.
        """
        first = self.step - len(self._unchecked) + 1
        rows = torch.stack(self._unchecked).tolist() if self._unchecked else []
        for step, row in enumerate(rows, start=first):
            self.losses = dict(zip(self._names, row, strict=True))
            name = first_not_finite(self.losses)
            if name is not None:
                raise self._diverged(step, f"the {name} loss is {self.losses[name]}")
        self._unchecked = self._unchecked[-1:]
        return self.losses

    def check_numbers(self, tensors: Mapping[str, Tensor]) -> None:
        """Look at parameters or moments as the last step has left them.

        Raises:
            DivergenceError: One of them is not finite.
        """
        for name, tensor in tensors.items():
            wrong = int((~tensor.isfinite()).sum())
            if wrong:
                found = f"{wrong} of the {tensor.numel()} numbers of {name} are not finite after it"
                raise self._diverged(self.step, found)

    def _diverged(self, step: int, found: str) -> DivergenceError:
        return DivergenceError(
            f"step {step} of {self._config.steps}: {found}; "
            f"try a learning rate below {self._config.learning_rate} "
            f"or a clip_norm below {self._config.clip_norm or 'infinity'}"
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return all that decides how this start goes on.

        Raises:
            DivergenceError: A loss, or a number of these, is not finite.
        """
        self.check()
        kept = {} if self._compaction is None else dict(self._compaction.kept)
        self.finish()
        tensors = self._whole_tensors()
        self.check_numbers(tensors)
        self._set_aside(kept)
        return tensors | above("kept", kept)

    def _set_aside(self, kept: Mapping[str, Tensor]) -> None:
        if self._compaction is not None and kept:
            self._compaction.compact(kept)
            self._find_trained()

    def _whole_tensors(self) -> dict[str, Tensor]:
        adversary = self._objective.adversary
        tensors: dict[str, Tensor] = {**above("model", trained_parameters(self.model))}
        tensors |= above("optimizer", optimizer_tensors(self._optimizer))
        tensors["generator"] = self._generator.get_state()
        if self._noise is not self._generator:
            tensors[f"noise.{self.model.device.type}"] = self._noise.get_state()
        tensors |= above("sources", adversary.sources)
        if adversary.optimizer is not None:
            tensors |= above("ascent", optimizer_tensors(adversary.optimizer))
        return tensors

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Go on from the tensors that `tensors` returned after this many steps."""
        load_parameters(self.model, below("model", tensors))
        restore_optimizer(self._optimizer, below("optimizer", tensors))
        self._generator.set_state(tensors["generator"])
        sources, adversary = below("sources", tensors), self._objective.adversary
        if sources:
            in_order = [name for name in self.model.layers if name in sources]
            adversary.start_from({name: sources[name].to(self.model.device) for name in in_order})
            assert adversary.optimizer is not None, "it has just begun"
            restore_optimizer(adversary.optimizer, below("ascent", tensors))
        self._restore_noise(step, tensors)
        self._set_aside(below("kept", tensors))
        self.step = step

    def _restore_noise(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Go on with the masks, or with others where another kind of device drew them so far."""
        if self._noise is self._generator:
            return
        state = tensors.get(f"noise.{self.model.device.type}")
        if state is None:
            self._noise.manual_seed(generator_for("noise", self._config.seed, step).initial_seed())
        else:
            self._noise.set_state(state)


def compile_functions(model: DecomposedModel, *, varies: bool) -> None:
    """Let torch compile the importance networks, and what masks do to inner activations.

    Args:
        model: Its functions are replaced.
        varies: Whether batches have any number of rows, and not always the same.
    """
    networks, dynamic = model.importance_networks, True if varies else None
    if isinstance(networks, ImportanceNetworks):
        networks.z = torch.compile(networks.z, dynamic=dynamic)  # type: ignore[method-assign]
    else:
        networks.compile(dynamic=dynamic)
    compiled = torch.compile(kept_of, dynamic=dynamic)
    for layer in model.layers.values():
        layer.kept_of = compiled


def fresh_model(
    target: Target, config: DecompositionConfig, generator: torch.Generator
) -> DecomposedModel:
    """Split a target as the configuration says, before any training, on the configured device.

    Raises:
        SplitError: The configuration's patterns do not fit the target.
        DeviceError: There is no such device.
    """
    counts = counts_for(target, config)
    subcomponents = split(target.model, counts, generator, target.transposes)
    sizes = {name: parts.V.shape[0] for name, parts in subcomponents.items()}
    networks = _fresh_networks(target, config, sizes, generator)
    if config.importance_start is not None:
        networks.start_at(config.importance_start)
    if config.leak == "value":
        networks.lower = value_leaky_hard_sigmoid
    model = DecomposedModel(target.model, subcomponents, networks)
    for name, parts in untied(subcomponents).items():
        if config.initialisation == "exact":
            parts.solve_for(model.weights[name])
        elif config.initialisation == "singular":
            parts.take_singular(model.weights[name])
    return model.to(device_named(config.device))


def counts_for(target: Target, config: DecompositionConfig) -> dict[str, int]:
    """Return the matrices that a configuration splits, in module order, and C of each.

    Raises:
        SplitError: The configuration's patterns do not fit the target.
    """
    if config.matrices:
        return choose(target.model, config.matrices)
    if config.subcomponents_per_rank is None:
        return choose(target.model, dict.fromkeys(target.transposes, config.n_subcomponents))
    layers = {name: target.model.get_submodule(name) for name in target.transposes}
    ranks = {name: min(known_layout(layer).matrix(layer).shape) for name, layer in layers.items()}
    share = config.subcomponents_per_rank
    return choose(target.model, {name: max(1, round(share * r)) for name, r in ranks.items()})


def _fresh_networks(
    target: Target,
    config: DecompositionConfig,
    sizes: Mapping[str, int],
    generator: torch.Generator,
) -> AnyNetworks:
    """Draw importance networks of the configured kind for matrices with so many subcomponents."""
    if config.importance == "inner_activation":
        return ImportanceNetworks(sizes, config.n_hidden, generator)
    layers = {name: target.model.get_submodule(name) for name in sizes}
    lengths = {name: known_layout(layer).vector_size(layer) for name, layer in layers.items()}
    if config.importance == "input_vector":
        return VectorNetworks(sizes, lengths, config.n_hidden, generator)
    lengths = {name: lengths[name] for name in _read(sizes, config.importance_reads)}
    shape = SharedShape(config.n_hidden, config.importance_layers, config.importance_causal)
    return SharedTransformer(sizes, lengths, shape, generator)


def _read(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the matrices whose inputs a shared transformer reads.

    Raises:
        SplitError: A pattern matches none that is decomposed.
    """
    names = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise SplitError(
                f"importance_reads: {pattern!r} matches none of the decomposed matrices, which "
                f"are {', '.join(names)}"
            )
    return [n for n in names if not patterns or any(fnmatchcase(n, p) for p in patterns)]


def trained_parameters(model: DecomposedModel) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes, each once, by names that stay the same."""
    parameters = {
        f"subcomponents.{matrix}.{name}": parameter
        for matrix, parts in untied(model.subcomponents).items()
        for name, parameter in parts.named_parameters()
    }
    networks = model.importance_networks.named_parameters()
    return parameters | {f"importance.{name}": parameter for name, parameter in networks}


def load_parameters(model: DecomposedModel, tensors: Mapping[str, Tensor]) -> None:
    """Overwrite what `trained_parameters` returns."""
    for matrix, parts in untied(model.subcomponents).items():
        parts.load_state_dict(below(f"subcomponents.{matrix}", tensors))
    model.importance_networks.load_state_dict(below("importance", tensors))
