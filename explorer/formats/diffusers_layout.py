"""Where the parts of a diffusers folder lie, and which of several sets of weights is to be read.

    unet/, scheduler/ …                 a pipeline; unet_ema/ beside unet/ as training scripts leave it
    config.json, <weights> …            the network in the folder itself, as the first releases wrote it

Weights may be there as running means of training (EMA) and plain, in half precision, as safetensors and pickles:
the choice goes by this order, and the user may take another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.facts import ModelError
from explorer.formats import autoencoder_config, text_encoder_config, text_unet_config, transformer_config
from explorer.formats.fields import Fields, read_json, short
from explorer.formats.schedulers import CLASSES
from explorer.formats.shards import INDEX_NAME

INDEX = "model_index.json"
CONFIG = "config.json"
SCHEDULER_CONFIG = "scheduler_config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"

EMA_FOLDERS = ("unet_ema",)
STEM = "diffusion_pytorch_model"
NETWORK_FOLDERS = (*EMA_FOLDERS, "unet", "transformer")
AUTOENCODER_FOLDERS = ("vae", "vqvae")
TEXT_PARTS = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")
PARTS = (*NETWORK_FOLDERS, *AUTOENCODER_FOLDERS, "scheduler", *TEXT_PARTS)
"""Folders inside a model's folder."""

ALLOWED: dict[str, tuple[str, tuple[str, ...]]] = {
    "unet": ("diffusers", ("UNet2DModel", text_unet_config.CLASS_NAME)),
    "transformer": ("diffusers", transformer_config.CLASS_NAMES),
    "scheduler": ("diffusers", tuple(CLASSES)),
    "vae": ("diffusers", autoencoder_config.CLASS_NAMES),
    "vqvae": ("diffusers", autoencoder_config.CLASS_NAMES),
    "text_encoder": ("transformers", (text_encoder_config.CLASS_NAME,)),
    "tokenizer": ("transformers", text_encoder_config.TOKENIZERS),
    "text_encoder_2": ("transformers", (text_encoder_config.PROJECTED,)),
    "tokenizer_2": ("transformers", text_encoder_config.TOKENIZERS),
}
"""What may stand behind each part's name in model_index.json: a library and its classes. They are never imported."""

IGNORED = ("safety_checker", "feature_extractor", "image_encoder", "requires_safety_checker")
"""Parts that look at pictures when they are done; nothing here asks them."""
_VARIANT = re.compile(r"(?:diffusion_pytorch_|pytorch_)?model(?:\.([\w-]{1,40}))?\.(safetensors|bin)")
_LAST = {"ema": 0, None: 1, "fp32": 2, "bf16": 3, "fp16": 4, "non_ema": 9}
"""The order of variants; others lie between."""


@dataclass(frozen=True)
class WeightsChoice:
    """name: what the user chooses by: "ema", "raw", "full", or one of these with a variant such as "ema, fp16"."""

    name: str
    file: Path


@dataclass(frozen=True)
class TextFolders:
    """An encoder of texts and its table of words."""

    encoder: Path
    tokenizer: Path


@dataclass(frozen=True)
class Layout:
    """network: the folder with the network's configuration; scheduler: the file, None where there is none.
    autoencoder: the folder of a latent model's autoencoder, None where the model works on the pictures themselves.

    choices: the weights that there are, the preferred ones first; chosen: those in use.
    """

    root: Path
    index: Mapping[str, Any]
    network: Path
    scheduler: Path | None
    autoencoder: Path | None
    texts: tuple[TextFolders, ...]
    choices: tuple[WeightsChoice, ...]
    chosen: WeightsChoice

    def where(self, path: Path) -> str:
        """The path as facts show it."""
        return path.relative_to(self.root).as_posix()

    def label(self, path: Path) -> str:
        """The path as messages show it."""
        return f"{self.root.name}/{self.where(path)}"

    def fields(self, file: Path) -> Fields:
        """The values of a configuration file. Raises ModelError."""
        return Fields(read_json(file, self.label(file)), self.label(file))


def locate(path: Path, wanted: str | None = None) -> Layout:
    """wanted: the name of the weights to use, the preferred ones where there are none of that name.

    Raises ModelError where there is no network, or it works with parts that are not read.
    """
    index: Mapping[str, Any] = {}
    if (path / INDEX).exists():
        index = read_json(path / INDEX, f"{path.name}/{INDEX}")
        _check_index(index, f"{path.name}/{INDEX}")
    folders = [path / name for name in NETWORK_FOLDERS if (path / name).is_dir()] or [path]
    configured = [folder for folder in folders if (folder / CONFIG).exists()]
    if not configured:
        raise ModelError(f"{path.name} has no {folders[0].name}/{CONFIG}: it is incomplete or another kind of model.")
    averaged = [folder for folder in configured if folder.name in EMA_FOLDERS]
    bases = {folder: "ema" if folder in averaged else "raw" if averaged else "" for folder in configured}
    choices = [choice for folder in configured for choice in _weights_in(folder, bases[folder])]
    if not choices:
        raise _no_weights(configured[0], path)
    chosen = next((choice for choice in choices if choice.name == wanted), choices[0])
    scheduler = path / "scheduler" / SCHEDULER_CONFIG
    if folders == [path] and (path / SCHEDULER_CONFIG).exists():
        scheduler = path / SCHEDULER_CONFIG
    if not scheduler.exists() and index:
        raise ModelError(f"{path.name} has no scheduler/{SCHEDULER_CONFIG}: download the folder again.")
    found = scheduler if scheduler.exists() else None
    autoencoder = next((path / name for name in AUTOENCODER_FOLDERS if (path / name / CONFIG).exists()), None)
    if autoencoder is None and any(index.get(name) for name in AUTOENCODER_FOLDERS):
        raise ModelError(f"{path.name}/{INDEX} names an autoencoder that is not there: download the folder again.")
    places = (TextFolders(path / f"text_encoder{end}", path / f"tokenizer{end}") for end in ("", "_2"))
    texts = tuple(text for text in places if (text.encoder / CONFIG).exists() and text.tokenizer.is_dir())
    return Layout(path, index, chosen.file.parent, found, autoencoder, texts, tuple(choices), chosen)


def weights_of(folder: Path, root: Path, stem: str = STEM) -> Path:
    """The preferred weights of a part that offers no choice. Raises ModelError where there are none."""
    choices = _weights_in(folder, "", stem)
    if not choices:
        raise _no_weights(folder, root)
    return choices[0].file


def _weights_in(folder: Path, base: str, stem: str = STEM) -> list[WeightsChoice]:
    """The weights of one folder, the preferred ones first; of a set that is there twice, the safetensors, and one file
    rather than the index of several.

    base: "ema" or "raw" where the folder tells, else the variants do.
    """
    found: dict[str | None, Path] = {}
    for file in sorted(folder.glob(f"{stem}.*")):
        if not file.is_file():
            continue
        if match := _VARIANT.fullmatch(file.name):
            variant, kind = match[1], match[2]
        elif match := INDEX_NAME.fullmatch(file.name):
            variant, kind = match[2], match[1]
        else:
            continue
        before = found.get(variant)
        if before is None or (kind == "safetensors" and ".safetensors" not in before.name):
            found[variant] = file
    order = sorted(found, key=lambda variant: (_LAST.get(variant, 5), variant or ""))
    if not base:
        base = "ema" if "non_ema" in found else "raw" if "ema" in found else "full"
    names = {None: base, "non_ema": "raw", "ema": "ema"}
    shown = {v: names.get(v) or (str(v) if base == "full" else f"{base}, {v}") for v in order}
    return [WeightsChoice(shown[v], found[v]) for v in order]


def text_weights(folder: Path, root: Path) -> Path:
    """Those of a part that the transformers library wrote. Raises ModelError where there are none."""
    for stem in ("model", "pytorch_model"):
        if choices := _weights_in(folder, "", stem):
            return choices[0].file
    raise ModelError(f"{root.name}/{folder.name} holds no weights: expected model.safetensors there.")


def _no_weights(folder: Path, root: Path) -> ModelError:
    place = root.name if folder == root else f"{root.name}/{folder.name}"
    return ModelError(f"{place} holds no weights: expected {WEIGHTS} or diffusion_pytorch_model.bin there.")


def _check_index(index: Mapping[str, Any], label: str) -> None:
    for part, value in index.items():
        if part.startswith("_") or part in IGNORED or not isinstance(value, list) or not any(value):
            continue  # settings of the pipeline, and parts that were left out ([null, null])
        if part not in ALLOWED:
            raise ModelError(
                f"{label} describes a model with a further part, {short(part)}: only models of "
                f"{', '.join(ALLOWED)} are read."
            )
        library, names = ALLOWED[part]
        if len(value) != 2 or value[0] != library or value[1] not in names:
            some = " or ".join(names[:2]) + (" …" if len(names) > 2 else "")
            raise ModelError(f"{label} names {short(value)} as its {part}: only {library}'s {some} is read.")
