"""The configuration of the text encoder beside a text-to-picture model: CLIP's, as the transformers library has it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from explorer.facts import ModelError
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, short
from explorer.formats.network_fields import Limits, read_arguments

CLASS_NAME, PROJECTED = "CLIPTextModel", "CLIPTextModelWithProjection"
"""The second also makes numbers of a text as a whole."""
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
    """class_name, arguments: for the network. length: how many tokens a text has; width: numbers for each.

    pooled: numbers for a text as a whole, 0 where these are not made.
    """

    class_name: str
    arguments: dict[str, Any]
    length: int
    width: int
    pooled: int


def read_text_encoder_config(fields: Fields, where: str, class_name: str, evidence: Evidence) -> TextEncoderConfig:
    """class_name: what is expected. Raises ModelError for another encoder; a missing library is a warning, since facts
    are read without it."""
    architectures = fields.values.get("architectures", [class_name])
    if architectures != [class_name]:
        raise ModelError(f"{fields.label} describes a {short(architectures)}: only CLIP's {class_name} is read here.")
    arguments = read_arguments(fields, _LIMITS)
    evidence.add("text encoder", class_name, "file", where)
    if find_spec("transformers") is None and MISSING not in evidence.warnings:
        evidence.warn(MISSING)
    return TextEncoderConfig(
        class_name,
        arguments,
        arguments.get("max_position_embeddings", 77),
        arguments.get("hidden_size", 512),
        arguments.get("projection_dim", 512) if class_name == PROJECTED else 0,
    )
