"""A device that is not there: its tensors lie in ordinary memory, and never meet the processor's.

Everything that torch does with them is computed by the processor, so that the numbers are right;
but an operation that is given a tensor from here and one from there fails, as it would on a GPU,
and what is brought from one to the other, or waited for, is counted. For a process of its own:
torch knows the device from then on.
"""

import contextlib

import torch
from torch.utils import backend_registration
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

KIND = "pretended"
NAME = f"{KIND}:0"
ATEN = torch.ops.aten
CROSSING = (ATEN._to_copy.default, ATEN.copy_.default)

crossings: list[str] = []
"""`there` for every tensor that was brought to the device, `back` for every one that came back or
whose number was asked for, which has to wait for the device."""


class There(torch.Tensor):
    """A tensor on the device."""

    @staticmethod
    def __new__(cls, held: torch.Tensor):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME),
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    def tolist(self):
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


class _Everywhere(TorchDispatchMode):
    """Sees to it that what is made there is made there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


def _run(function, args, kwargs):
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = {isinstance(tensor, There) for tensor in tensors}
    device = kwargs.get("device")
    if function is ATEN.copy_.default:
        goes_there = isinstance(args[0], There)
    else:
        goes_there = there == {True} if device is None else torch.device(device).type == KIND
    if function not in CROSSING and len(there) > 1:
        raise RuntimeError(
            f"{function} is given tensors of two devices: "
            + ", ".join(f"{tuple(tensor.shape)} on {tensor.device}" for tensor in tensors)
        )
    if function is ATEN._local_scalar_dense.default:
        goes_there = False
    if there and there != {goes_there}:
        crossings.append("there" if goes_there else "back")
    if device is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    if torch.Tag.inplace_view in function.tags:
        _reshape_in_place(function, args, kwargs)
    own = {id(tensor.held): tensor for tensor in tensors if isinstance(tensor, There)}
    args, kwargs = tree_map_only(There, lambda tensor: tensor.held, (args, kwargs))
    found = function(*args, **kwargs)
    if not goes_there:
        return found
    return tree_map_only(
        torch.Tensor, lambda tensor: own[id(tensor)] if id(tensor) in own else There(tensor), found
    )


def _reshape_in_place(function, args, kwargs) -> None:
    """Give tensors from there another shape, as is done to what they hold."""
    before = torch._C._meta_in_tls_dispatch_include()
    with no_dispatch():
        torch._C._set_meta_in_tls_dispatch_include(True)
        try:
            function(*args, **kwargs)
        finally:
            torch._C._set_meta_in_tls_dispatch_include(before)


class _Generator(torch.Generator):
    """One that says where it is; its numbers are the processor's."""

    def __new__(cls, _device: torch.device | str = "cpu"):
        return super().__new__(cls)

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._where = torch.device(device)

    @property
    def device(self) -> torch.device:
        return self._where


class _Backend(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self):
        return [torch.bfloat16]

    def device(self, _index):
        return contextlib.nullcontext()


def begin() -> None:
    """Let torch know the device."""
    backend_registration._setup_privateuseone_for_python_backend(KIND, _Backend())
    torch.Generator = _Generator
    _Everywhere().__enter__()
