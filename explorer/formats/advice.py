"""What to do with a file of weights that no format reads: its kind, told from its names, and the way on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from explorer.formats.checkpoint import Checkpoint, describe
from explorer.formats.content import Content
from explorer.formats.references import TensorRef
from explorer.formats.stubs import Stub

ADAPTER = (
    "for a network of your own, write an adapter.py beside it (“Open your own network” in the README) and open that"
)
MAX_NAMES = 2000


def advice(checkpoint: Checkpoint) -> str:
    """The second half of a sentence that begins with the file's name."""
    names = list(islice(_names(checkpoint.content), MAX_NAMES))
    whole = next((value for value in _values(checkpoint.content) if _is_module(value)), None)
    if whole is not None:
        return (
            f"holds a whole Python object ({whole.name[:80]}), which only its own code could open, and none is run: "
            f"save its weights with torch.save(model.state_dict(), …); {ADAPTER}."
        )
    if any("lora_" in name or ".lora." in name for name in names):
        return (
            "holds a LoRA, changes to the weights of another model: merge it into that model first (in diffusers: "
            "load_lora_weights, fuse_lora, unload_lora_weights, save_pretrained) and open the folder so made."
        )
    content = checkpoint.content
    if isinstance(content, Mapping) and "param_groups" in content and "state" in content:
        return "holds what an optimizer remembers, not a network: open the file of weights saved with it."
    if any("encoder.conv_in" in name for name in names) and not any("time_emb" in name for name in names):
        return (
            "holds an autoencoder, not a diffusion model: open the model whose latents it decodes and choose it there, "
            "in the tab Model."
        )
    return f"holds {describe(checkpoint)}, which no known format does: {ADAPTER}."


def advice_for(content: Content) -> str:
    """What to do with a file that is not of weights; "" where nothing is known."""
    if content == "gguf":
        return "whose quantised weights are not read: open the model it was made from, as safetensors"
    if content == "hdf5":
        return "as Keras writes them: only models of PyTorch are read"
    return ""


def _is_module(value: Any) -> bool:
    """True for the remains of a torch.nn.Module."""
    return isinstance(value, Stub) and "_modules" in value.attributes


def _values(content: Any) -> Iterator[Any]:
    yield content
    if isinstance(content, Mapping):
        yield from content.values()


def _names(content: Any, depth: int = 2) -> Iterator[str]:
    """Those of tensors."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if isinstance(name, str) and isinstance(value, TensorRef):
                yield name
            elif depth:
                yield from _names(value, depth - 1)
