"""What the processor can do in hardware."""


def has_fast_halves() -> bool:
    """Say whether this processor multiplies matrices of bfloat16 in hardware."""
    import torch

    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
