"""The text encoders in single files of Stable Diffusion, found by their names, sized by their shapes.

    1    cond_stage_model.transformer.*        CLIP's by OpenAI, by the names of the transformers library
    2    cond_stage_model.model.*              OpenCLIP's, of which the last layer is not used
    XL   conditioner.embedders.0.transformer.* and conditioner.embedders.1.model.*: one of each, the second with a
         projection for a text as a whole

OpenCLIP's layers are renamed; its queries, keys and values are one matrix, there three. Heads are 64 wide in all of
them, which no shape tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from explorer.facts import ModelError
from explorer.formats.references import TensorRef
from explorer.formats.text_encoder_config import CLASS_NAME, PROJECTED, TextEncoderConfig

OPENAI = ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.")
OPENCLIP = ("cond_stage_model.model.", "conditioner.embedders.0.model.", "conditioner.embedders.1.model.")
HEAD_WIDTH = 64
MAX_LAYERS = 128
_WORDS, _PLACES = "embeddings.token_embedding.weight", "embeddings.position_embedding.weight"
_NAMES = {
    "token_embedding.weight": _WORDS,
    "positional_embedding": _PLACES,
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_IN_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_LAYERS = "transformer.resblocks."


@dataclass(frozen=True, eq=False)
class TextPart:
    """One encoder. tensors: its weights by the names of the transformers library. padding: the word that fills up a
    short text. openclip: whose it is."""

    config: TextEncoderConfig
    tensors: Mapping[str, TensorRef]
    padding: int
    openclip: bool


def text_parts(table: Mapping[str, TensorRef]) -> tuple[TextPart, ...]:
    """The encoders in a file, in the order in which their numbers for a word are taken together; () where there is
    none. Raises ModelError for one that is not whole."""
    found = []
    for prefix in (*OPENAI, *OPENCLIP):
        own = {name.removeprefix(prefix): tensor for name, tensor in table.items() if name.startswith(prefix)}
        if own:
            found.append(_openclip(own, prefix) if prefix in OPENCLIP else _openai(own))
    return tuple(found)


def _openai(own: Mapping[str, TensorRef]) -> TextPart:
    tensors = {name.removeprefix("text_model."): tensor for name, tensor in own.items()}
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith("position_ids")}
    config = _config(tensors, CLASS_NAME, "quick_gelu")
    return TextPart(config, tensors, config.arguments["eos_token_id"], openclip=False)


def _openclip(own: Mapping[str, TensorRef], prefix: str) -> TextPart:
    projected = prefix.endswith("embedders.1.model.")
    layers = {name.removeprefix(_LAYERS).partition(".")[0] for name in own if name.startswith(_LAYERS)}
    # Stable Diffusion 2 takes the numbers before the last layer; XL's are taken from there by whoever asks.
    unused = "" if projected else str(max((int(layer) for layer in layers if layer.isdecimal()), default=0))
    tensors = {_NAMES[name]: tensor for name, tensor in own.items() if name in _NAMES}
    for name, tensor in own.items():
        if name.startswith(_LAYERS) and name.removeprefix(_LAYERS).partition(".")[0] != unused:
            tensors.update(_of_layer(name.removeprefix(_LAYERS), tensor))
    if projected and "text_projection" in own:
        matrix = own["text_projection"]
        tensors["text_projection.weight"] = replace(matrix, shape=matrix.shape[::-1], strides=matrix.strides[::-1])
    return TextPart(_config(tensors, PROJECTED if projected else CLASS_NAME, "gelu"), tensors, 0, openclip=True)


def _of_layer(name: str, tensor: TensorRef) -> Iterator[tuple[str, TensorRef]]:
    """name: NUMBER.PART.weight or .bias."""
    number, _, part = name.partition(".")
    place = f"encoder.layers.{number}"
    if part.startswith("attn.in_proj_") and tensor.shape:
        kind, width = part.removeprefix("attn.in_proj_"), tensor.shape[0] // 3
        for i, letter in enumerate("qkv"):
            cut = replace(tensor, shape=(width, *tensor.shape[1:]), start=tensor.start + i * width * tensor.strides[0])
            yield f"{place}.self_attn.{letter}_proj.{kind}", cut
        return
    module, _, kind = part.rpartition(".")
    yield f"{place}.{_IN_LAYER.get(module, module)}.{kind}", tensor


def _config(tensors: Mapping[str, TensorRef], class_name: str, activation: str) -> TextEncoderConfig:
    """Raises ModelError where parts are missing."""
    try:
        (words, width), (length, _) = tensors[_WORDS].shape, tensors[_PLACES].shape
        layers = sum(f"encoder.layers.{i}.layer_norm1.weight" in tensors for i in range(MAX_LAYERS))
        inside = tensors["encoder.layers.0.mlp.fc1.weight"].shape[0]
        pooled = tensors["text_projection.weight"].shape[0] if class_name == PROJECTED else 0
    except (KeyError, ValueError, IndexError) as error:
        raise ModelError(f"The file's text encoder is not whole: {error}.") from error
    if words < 3 or width < 1:
        raise ModelError("The file's text encoder knows no words.")
    arguments: dict[str, Any] = {
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": inside,
        "num_hidden_layers": layers,
        "num_attention_heads": max(width // HEAD_WIDTH, 1),
        "max_position_embeddings": length,
        "hidden_act": activation,
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": words - 1,
    }
    if pooled:
        arguments["projection_dim"] = pooled
    return TextEncoderConfig(class_name, arguments, length, width, pooled)
