"""Which processor a decomposition runs on, and what a name for one means.

Targets stay in the processor's memory, with all that is drawn from their data; the decomposed model
and what is computed with it are on the device. First parameters are drawn by the processor, too,
and so are the inputs and masks of evaluations: those are the same numbers on every device, and
results differ by rounding alone. Only the masks of training are drawn where they are used.
"""

import copy

import torch
import torch.distributed as dist
from torch import nn

from decomposition.errors import DeviceError

AUTO = "auto"
"""The first GPU if there is one, and otherwise the processor."""

CPU = torch.device("cpu")


def device_named(name: str) -> torch.device:
    """Return the device of this name, as `cpu`, `cuda`, `cuda:1` or `auto`.

    Of several processes on a machine each gets a GPU of its own, where the name does not say which.

    Raises:
        DeviceError: There is no such device.
    """
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(
            f"{name!r} is no device; there are: cpu, cuda, cuda:0 and so on, and {AUTO}"
        ) from error
    if device.type == "cpu":
        return device
    n = _count(device.type)
    if device.index is None and n:
        return torch.device(device.type, _own_number() % n)
    if device.index is None or device.index >= n:
        there = f"there {'is' if n == 1 else 'are'} {n or 'none'} of this kind"
        raise DeviceError(
            f"the device {name!r} is not there: {there} (torch {torch.__version__}); "
            f"take {AUTO} or cpu"
        )
    return device


def groups_for(name: str) -> str:
    """Return what processes on such devices talk by, as torch.distributed calls it."""
    is_cuda = name.startswith("cuda") or (name == AUTO and torch.cuda.is_available())
    return "cpu:gloo,cuda:nccl" if is_cuda else "gloo"


def moved(module: nn.Module, device: torch.device) -> nn.Module:
    """Return a module as it is on the processor, and a copy of it elsewhere."""
    return module if device.type == "cpu" else copy.deepcopy(module).to(device)


def _count(kind: str) -> int:
    """Return how many devices of this kind can be used."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return torch.accelerator.device_count() if found is not None and found.type == kind else 0


def _own_number() -> int:
    """Return this process's number among those on this machine; 0 of one alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0
    return dist.get_node_local_rank(fallback_rank=dist.get_rank())
