"""CLIP's table of words, which single files of Stable Diffusion do not hold: beside the file, or that of OpenCLIP.

Without either a text is refused in one sentence, and no text at all is still known: begin, end, and what fills up.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from explorer.facts import ModelError
from explorer.formats.text_encoder_config import TextEncoderConfig

MISSING = (
    "Prompts need CLIP's table of words, which is not in the file: put the model's folder “tokenizer” beside it, or "
    "install the table with “pip install open_clip_torch”. Without it the model is shown without a prompt."
)
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
_PACKAGE, _FILE = "open_clip", "bpe_simple_vocab_16e6.txt.gz"
_MERGES = 49_152 - 256 - 2
"""Pairs of the table that CLIP was trained with; the file has more."""


@dataclass(frozen=True)
class WordsOfClip:
    """Where the table is: the folder beside a file, or OpenCLIP's file; both None where there is none."""

    folder: Path | None = None
    file: Path | None = None

    @property
    def found(self) -> bool:
        return self.folder is not None or self.file is not None


def find_words(file: Path, number: int = 0) -> WordsOfClip:
    """For a model's encoder of this number, 0 or 1."""
    for name in ("tokenizer_2", "tokenizer")[1 - number :]:
        if (file.parent / name).is_dir():
            return WordsOfClip(folder=file.parent / name)
    return WordsOfClip(file=_installed())


def _installed() -> Path | None:
    """Found without importing the package."""
    spec = find_spec(_PACKAGE)
    places = [Path(place, _FILE) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    return next((place for place in places if place.is_file()), None)


def numbered(words: WordsOfClip, config: TextEncoderConfig, padding: int, library: Any) -> Callable[[str], list[int]]:
    """text → as many numbers of words as the encoder takes. library: transformers. Raises ModelError for a table that
    cannot be read; what is returned raises one for a text where there is no table."""
    length = config.length
    begin, end = config.arguments["bos_token_id"], config.arguments["eos_token_id"]
    tokenizer = _tokenizer(words, library) if words.found else None

    def numbers(text: str) -> list[int]:
        if tokenizer is None:
            if text.strip():
                raise ModelError(MISSING)
            said = [begin, end]
        else:
            said = tokenizer(text, truncation=True, max_length=length).input_ids
        return [*said, *[padding] * (length - len(said))][:length]

    return numbers


def _tokenizer(words: WordsOfClip, library: Any) -> Any:
    try:
        if words.folder is not None:
            return library.CLIPTokenizer.from_pretrained(str(words.folder), local_files_only=True)
        assert words.file is not None
        return _made(words.file, library.CLIPTokenizer)
    except Exception as error:  # whatever damaged tables make the library stumble over
        place = words.folder or words.file
        assert place is not None
        raise ModelError(f"CLIP's table of words in {place.name} cannot be read: download it again.") from error


@cache
def _made(file: Path, tokenizer_class: Any) -> Any:
    """A tokenizer of the table in OpenCLIP's file, by way of the two files that all releases of the library read."""
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")
    merges = [line for line in lines[1 : _MERGES + 1] if line]
    letters = _letters()
    names = [*letters, *(letter + "</w>" for letter in letters), *(line.replace(" ", "") for line in merges)]
    table = {name: number for number, name in enumerate([*names, BEGIN, END])}
    with tempfile.TemporaryDirectory() as place:
        Path(place, "vocab.json").write_text(json.dumps(table), encoding="utf-8")
        Path(place, "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
        Path(place, "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}', encoding="utf-8")
        return tokenizer_class.from_pretrained(place, local_files_only=True)


def _letters() -> list[str]:
    """A character for each of the 256 bytes, in CLIP's order: those that can be printed, then the others."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printed] + [chr(256 + i) for i in range(256 - len(printed))]
