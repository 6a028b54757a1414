"""Prompts as the numbers that lead a network: CLIP's tokenizer and text encoder, by the transformers library."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.facts import ModelError
from explorer.formats.tensors import Weights, fill, open_weights
from explorer.formats.text_encoder_config import CLASS_NAME, MISSING, PROJECTED, TextEncoderConfig

KEPT = 64
"""Texts whose embeddings are kept."""
_PREFIX = "text_model."
"""Of all names of weights, in the files of some releases of the library."""


class TextSource(Protocol):
    """Where an encoder lies. config_label: what messages call its configuration."""

    @property
    def config(self) -> TextEncoderConfig: ...
    @property
    def config_label(self) -> str: ...
    def open(self) -> AbstractContextManager[Weights]:
        """Its weights, by the library's names."""
        ...

    def tokens(self, library: Any) -> Callable[[str], Tensor]:
        """text → (1, length) numbers of words. library: transformers."""
        ...


@dataclass(frozen=True)
class TextFiles:
    """An encoder's files in a folder of diffusers.

    config_label, label: what messages call its configuration and its weights. tokenizer: the folder of its files.
    """

    config: TextEncoderConfig
    config_label: str
    tokenizer: Path
    weights: Path
    label: str

    def open(self) -> AbstractContextManager[Weights]:
        return open_weights(self.weights, self.label)

    def tokens(self, library: Any) -> Callable[[str], Tensor]:
        tokenizer, length = _tokenizer(library, self.tokenizer), self.config.length

        def numbers(text: str) -> Tensor:
            longest = min(length, tokenizer.model_max_length)
            found: Tensor = tokenizer(
                text, padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
            ).input_ids
            return found

        return numbers


@dataclass(frozen=True, eq=False)
class Encoded:
    """A text as a network is told it. words: (1, tokens, width). pooled: (1, numbers), for the text as a whole."""

    words: Tensor
    pooled: Tensor | None = None

    @property
    def zeros(self) -> Encoded:
        return Encoded(torch.zeros_like(self.words), None if self.pooled is None else torch.zeros_like(self.pooled))


@dataclass(frozen=True, eq=False)
class Prompts:
    """Texts by number, so that a condition can be a list of numbers as it is for classes; NO_LABEL is no text."""

    encode: Callable[[str], Encoded]
    _encoded: dict[int, Encoded] = field(default_factory=dict, repr=False)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    def number(self, text: str) -> int:
        """The number that stands for a text from now on; NO_LABEL for an empty one."""
        if not text.strip():
            return NO_LABEL
        if text not in self._numbers:
            while len(self._numbers) >= KEPT:
                self._encoded.pop(self._numbers.pop(next(iter(self._numbers))))
            number = max(self._encoded, default=NO_LABEL) + 1
            self._encoded[number] = self.encode(text)
            self._numbers[text] = number
        return self._numbers[text]

    def embeddings(self, condition: Condition, n: int) -> Tensor:
        """(n, tokens, width) for the numbers of n samples, None being no text for any of them."""
        return torch.cat([text.words for text in self._of(condition, n)])

    def added(self, size: tuple[int, int]) -> Callable[[Condition, int], dict[str, Tensor]]:
        """What a network of Stable Diffusion XL is told besides: the texts as wholes, and for each the height and width
        of a picture that was not cut, where it was cut, and what is wanted. size: (height, width) of pictures."""

        def told(condition: Condition, n: int) -> dict[str, Tensor]:
            pooled = torch.cat([text.pooled for text in self._of(condition, n) if text.pooled is not None])
            sizes = torch.tensor([*size, 0, 0, *size], dtype=torch.float32, device=pooled.device)
            return {"text_embeds": pooled, "time_ids": sizes.expand(n, -1)}

        return told

    def _of(self, condition: Condition, n: int) -> list[Encoded]:
        if NO_LABEL not in self._encoded:
            self._encoded[NO_LABEL] = self.encode("")
        numbers = [NO_LABEL] * n if condition is None else condition.tolist()
        return [self._encoded[number] for number in numbers]


def load_prompts(files: Sequence[TextSource], device: torch.device, zeros: bool = False) -> Prompts:
    """files: of one encoder, or of two whose numbers for a word are taken together, those before the last layer then.
    zeros: no text is nothing but zeros. Raises ModelError where the library is missing, or the files do not fit."""
    library = _library()
    encoders = [_encoder(library, text, device) for text in files]
    tokenizers = [text.tokens(library) for text in files]

    @torch.no_grad()
    def encode(text: str) -> Encoded:
        words, pooled = [], None
        for file, encoder, tokenizer in zip(files, encoders, tokenizers, strict=True):
            tokens = tokenizer(text).to(device)
            if int(tokens.max()) >= file.config.arguments.get("vocab_size", 49_408):
                raise ModelError("The tokenizer knows words that the text encoder does not: they belong to two models.")
            output = encoder(tokens, output_hidden_states=len(files) > 1)
            words.append(output.hidden_states[-2] if len(files) > 1 else output[0])
            pooled = output.text_embeds if file.config.pooled else pooled
        found = Encoded(torch.cat(words, dim=-1), pooled)
        return found.zeros if zeros and not text.strip() else found

    return Prompts(encode)


def _encoder(library: Any, text: TextSource, device: torch.device) -> nn.Module:
    """With the weights of its file, ready for use."""
    config = text.config
    encoder = _empty(library, config, text.config_label)
    with text.open() as found:
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
    return encoder


def _library() -> Any:
    try:
        library = importlib.import_module("transformers")
    except ImportError as error:
        raise ModelError(MISSING) from error
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return library


def _empty(library: Any, config: TextEncoderConfig, label: str) -> nn.Module:
    made = {CLASS_NAME: library.CLIPTextModel, PROJECTED: library.CLIPTextModelWithProjection}[config.class_name]
    try:
        with torch.device("meta"):  # shapes without memory
            encoder: nn.Module = made(library.CLIPTextConfig(**config.arguments))
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
