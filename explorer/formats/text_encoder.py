"""Prompts as the numbers that lead a network: CLIP's tokenizer and text encoder, by the transformers library."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.facts import ModelError
from explorer.formats.tensors import fill, open_weights
from explorer.formats.text_encoder_config import MISSING, TextEncoderConfig

KEPT = 64
"""Texts whose embeddings are kept."""
_PREFIX = "text_model."
"""Of all names of weights, in the files of some releases of the library."""


@dataclass(frozen=True, eq=False)
class Prompts:
    """Texts by number, so that a condition can be a list of numbers as it is for classes; NO_LABEL is no text.

    encode: a text → its embeddings (1, tokens, width).
    """

    encode: Callable[[str], Tensor]
    _embeddings: dict[int, Tensor] = field(default_factory=dict, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    def number(self, text: str) -> int:
        """The number that stands for a text from now on; NO_LABEL for an empty one."""
        if not text.strip():
            return NO_LABEL
        if text not in self._numbers:
            while len(self._numbers) >= KEPT:
                self._embeddings.pop(self._numbers.pop(next(iter(self._numbers))))
            number = max(self._embeddings, default=NO_LABEL) + 1
            self._embeddings[number] = self.encode(text)
            self._numbers[text] = number
        return self._numbers[text]

    def embeddings(self, condition: Condition, n: int) -> Tensor:
        """(n, tokens, width) for the numbers of n samples, None being no text for any of them."""
        if NO_LABEL not in self._embeddings:
            self._embeddings[NO_LABEL] = self.encode("")
        numbers = [NO_LABEL] * n if condition is None else condition.tolist()
        return torch.cat([self._embeddings[number] for number in numbers])


def load_prompts(
    config: TextEncoderConfig,
    config_label: str,
    tokenizer: Path,
    weights: Path,
    label: str,
    device: torch.device,
) -> Prompts:
    """tokenizer: the folder of its files. Raises ModelError where the library is missing, or the files do not fit."""
    library = _library()
    encoder = _encoder(library, config, config_label)
    with open_weights(weights, label) as found:
        known = {name for name, _ in encoder.named_parameters()}
        names = {name: _current(name, known) for name in found.shapes if not name.endswith("position_ids")}
        kept = replace(found, shapes={name: found.shapes[name] for name in names})
        fill(encoder, kept, device, lambda name: names[name])
    for name, buffer in encoder.named_buffers():
        if buffer.is_meta:  # the places 0, 1, 2 …, which are in no file
            place, _, last = name.rpartition(".")
            encoder.get_submodule(place).register_buffer(
                last, torch.arange(config.length, device=device).expand(1, -1), persistent=False
            )
    words = _tokenizer(library, tokenizer)
    length = min(config.length, words.model_max_length)

    @torch.no_grad()
    def encode(text: str) -> Tensor:
        tokens = words(text, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        if int(tokens.max()) >= config.arguments.get("vocab_size", 49_408):
            raise ModelError("The tokenizer knows words that the text encoder does not: they belong to two models.")
        output: Tensor = encoder(tokens.to(device))[0]
        return output

    return Prompts(encode)


def _library() -> Any:
    try:
        library = importlib.import_module("transformers")
    except ImportError as error:
        raise ModelError(MISSING) from error
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return library


def _encoder(library: Any, config: TextEncoderConfig, label: str) -> nn.Module:
    try:
        with torch.device("meta"):  # shapes without memory
            encoder: nn.Module = library.CLIPTextModel(library.CLIPTextConfig(**config.arguments))
    except (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{label} describes a text encoder that cannot be built: {reason}.") from error
    return encoder


def _tokenizer(library: Any, folder: Path) -> Any:
    """Its files are tables of words; no code of them is run."""
    try:
        return library.CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:  # whatever damaged tables make the library stumble over
        raise ModelError(f"The tokenizer in {folder.name} cannot be read: download the folder again.") from error


def _current(name: str, known: set[str]) -> str:
    """A weight's name as the installed release of the library has it."""
    if name in known:
        return name
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else _PREFIX + name
