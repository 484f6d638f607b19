"""Random generators that a name and a seed decide, so that no two uses share their numbers."""

import hashlib

import torch


def generator_for(*names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator seeded by these names and numbers, the same one every time.

    The seed is the first 63 bits of a SHA-256 over them, so that neighbouring seeds, such as
    the attempts at one target, give unrelated numbers. Devices of different kinds make different
    numbers of it.
    """
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)
