"""The configuration of the text encoder beside a text-to-picture model: CLIP's, as the transformers library has it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from explorer.facts import ModelError
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, short
from explorer.formats.network_fields import Limits, read_arguments

CLASS_NAME = "CLIPTextModel"
TOKENIZERS = ("CLIPTokenizer", "CLIPTokenizerFast")
MISSING = "Models that read text need the package transformers: install it with “pip install transformers”."
_LIMITS = Limits(
    integers={
        "vocab_size": (1, 1_000_000),
        "hidden_size": (1, 16_384),
        "intermediate_size": (1, 65_536),
        "projection_dim": (0, 16_384),
        "num_hidden_layers": (1, 128),
        "num_attention_heads": (1, 256),
        "max_position_embeddings": (1, 8192),
        "pad_token_id": (0, 1_000_000),
        "bos_token_id": (0, 1_000_000),
        "eos_token_id": (0, 1_000_000),
    },
    numbers={"layer_norm_eps": (0.0, 1.0), "attention_dropout": (0.0, 1.0)},
    choices={"hidden_act": ("quick_gelu", "gelu", "gelu_new", "relu", "silu")},
    plain={"use_attention_mask": (False,)},
)


@dataclass(frozen=True)
class TextEncoderConfig:
    """arguments: for CLIPTextConfig(**arguments). length: how many tokens a text has."""

    arguments: dict[str, Any]
    length: int


def read_text_encoder_config(fields: Fields, where: str, width: int, evidence: Evidence) -> TextEncoderConfig:
    """width: of the embeddings that the network takes. Raises ModelError for another encoder, or one that does not
    fit; a missing library is a warning, since facts are read without it."""
    architectures = fields.values.get("architectures", [CLASS_NAME])
    if architectures != [CLASS_NAME]:
        raise ModelError(f"{fields.label} describes a {short(architectures)}: of text encoders only CLIP's is read.")
    arguments = read_arguments(fields, _LIMITS)
    found = arguments.get("hidden_size", 512)
    if found != width:
        raise ModelError(f"{fields.label} gives words {found} numbers, and the network takes {width}.")
    evidence.add("text encoder", CLASS_NAME, "file", where)
    if find_spec("transformers") is None:
        evidence.warn(MISSING)
    return TextEncoderConfig(arguments, arguments.get("max_position_embeddings", 77))
