"""Where the autoencoder of a latent model lies that is a single file: inside it, beside it, or where the user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.facts import ModelError
from explorer.formats.autoencoder_config import AutoencoderConfig, read_autoencoder_config
from explorer.formats.card import CARD_FILE
from explorer.formats.checkpoint import Checkpoint, read_checkpoint
from explorer.formats.compvis_autoencoder import autoencoder_in, read_keys, translate
from explorer.formats.diffusers_layout import AUTOENCODER_FOLDERS, CONFIG, weights_of
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, read_json, short

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.facts import Source
    from explorer.formats.autoencoder import Autoencoder
    from explorer.formats.context import Context
    from explorer.formats.references import TensorRef

SCALING = 0.18215
"""Of Stable Diffusion's autoencoder, which most latent models use."""
BESIDE = (*AUTOENCODER_FOLDERS, "vae.safetensors", "vae.ckpt", "vae.pt")
"""What is looked for beside a file, in this order."""
ROW = "autoencoder"
BARE = "none: latents are shown as they are"


@dataclass(frozen=True)
class Whitening:
    """How a program makes latents of its own out of an autoencoder's, channel by channel; that is given pictures in
    0 … 1. scaling, shift: see AutoencoderConfig."""

    scaling: tuple[float, ...]
    shift: tuple[float, ...]


@dataclass(frozen=True)
class AutoencoderFiles:
    """An autoencoder that has not been read yet. weights: of diffusers' own; else `tensors` of `checkpoint`, by
    diffusers' names. label: what messages call it."""

    config: AutoencoderConfig
    label: str
    weights: Path | None = None
    checkpoint: Checkpoint | None = None
    tensors: Mapping[str, TensorRef] | None = None

    def load(self, device: torch.device) -> Autoencoder:
        """Raises ModelError for weights that do not fit."""
        from explorer.formats.autoencoder import fill_autoencoder, load_autoencoder

        if self.weights is not None:
            return load_autoencoder(self.config, self.label, self.weights, self.weights.name, device)
        assert self.checkpoint is not None
        assert self.tensors is not None
        return fill_autoencoder(self.config, self.label, self.checkpoint.weights(self.tensors), device)


def inside(
    checkpoint: Checkpoint, tensors: Mapping[str, TensorRef], scaling: float, context: Context
) -> AutoencoderFiles | None:
    """The one among a model's own tensors (by their names in the autoencoder); None, with a warning, for one that is
    not read."""
    found = autoencoder_in(tensors)
    try:
        if not found:
            raise ModelError("it is not whole")
        config = read_keys(found, scaling)
    except ModelError as error:
        context.evidence.warn(f"The file's autoencoder is of a kind that is not read: {error}.")
        return None
    return AutoencoderFiles(config, checkpoint.path.name, None, checkpoint, translate(found))


def choose_autoencoder(
    context: Context,
    file: Path,
    shape: tuple[int, ...],
    own: AutoencoderFiles | None = None,
    own_where: str = "",
    whitening: Whitening | None = None,
) -> AutoencoderFiles | None:
    """The user's, the card's, the file's own, or one beside the file: in this order. None, with a warning, where
    there is none for latents of `shape`, (C, H, W).

    Raises ModelError where the user's is none, or does not fit.
    """
    found = _choose(context, file, shape, own, own_where)
    if found is None:
        return None
    if whitening is not None:
        config = replace(found.config, scaling=whitening.scaling, shift=whitening.shift, unit_range=True)
        found = replace(found, config=config)
    scaling = found.config.scaling
    shown = f"{scaling:g}" if isinstance(scaling, float) else ", ".join(f"{factor:.3g}" for factor in scaling)
    context.evidence.add("latent scale", shown, "inferred", found.label)
    return found


def said_autoencoder(context: Context, folder: Path, shape: tuple[int, ...]) -> AutoencoderFiles | None:
    """The user's, or the card's, which must lie in the model's folder; recorded as evidence. Raises ModelError where
    the user's is none, or does not fit latents of `shape`."""
    evidence = context.evidence
    if context.user.autoencoder is not None:
        found = _read(folder / context.user.autoencoder, shape)
        return _recorded(found, shape, evidence, "user", context.user.autoencoder)
    if context.card.autoencoder is not None:
        try:
            wanted = (folder / context.card.autoencoder).resolve()
            if not wanted.is_relative_to(folder.resolve()):
                raise ModelError(f"{short(context.card.autoencoder)} lies outside the model's folder")
            return _recorded(_read(wanted, shape), shape, evidence, "card", CARD_FILE)
        except ModelError as error:
            evidence.warn(f"The card's autoencoder is not used: {str(error).removesuffix('.')}.")
    return None


def _choose(
    context: Context, file: Path, shape: tuple[int, ...], own: AutoencoderFiles | None, own_where: str
) -> AutoencoderFiles | None:
    evidence, folder = context.evidence, file.parent
    said = said_autoencoder(context, folder, shape)
    if said is not None:
        return said
    if own is not None:
        if own.config.latent_channels == shape[0]:
            return _recorded(own, shape, evidence, "file", own_where)
        evidence.warn(
            f"The file's autoencoder is not used: its latents have {own.config.latent_channels} channels, and the "
            f"network takes {shape[0]}."
        )
    for name in BESIDE:
        if (folder / name).exists():
            try:
                return _recorded(_read(folder / name, shape), shape, evidence, "inferred", f"{name} beside the file")
            except ModelError as error:
                evidence.warn(f"The autoencoder {name} beside the file is not used: {error}")
    evidence.add(ROW, BARE, "default")
    evidence.warn(
        "The network works on latents of an autoencoder that is not here: they are shown as they are. Put its folder "
        "beside the file as “vae”, or choose it in the tab Model."
    )
    return None


def _recorded(
    files: AutoencoderFiles, shape: tuple[int, ...], evidence: Evidence, source: Source, where: str
) -> AutoencoderFiles:
    channels, height, width = files.config.picture_shape(shape)
    evidence.add(ROW, f"{files.config.class_name}, pictures of {channels}×{height}×{width}", source, where)
    return files


def _read(place: Path, shape: tuple[int, ...]) -> AutoencoderFiles:
    """A folder of diffusers, or one with such a folder in it; or a file of CompVis' layout. Raises ModelError."""
    if place.is_dir():
        inner = [place / name for name in AUTOENCODER_FOLDERS if (place / name / CONFIG).is_file()]
        folder = place if (place / CONFIG).is_file() or not inner else inner[0]
        label = f"{folder.name}/{CONFIG}"
        config = read_autoencoder_config(Fields(read_json(folder / CONFIG, label), label), label, shape, Evidence())
        return AutoencoderFiles(config, label, weights_of(folder, folder.parent))
    if not place.is_file():
        raise ModelError(f"There is no autoencoder {place}: choose its folder or file.")
    checkpoint = read_checkpoint(place)
    tables = (checkpoint.tensors(), checkpoint.tensors("state_dict"))
    named = (
        {name.removeprefix(prefix): table[name] for name in table if name.startswith(prefix)}
        for table in tables
        for prefix in ("", "first_stage_model.")
    )
    found = next((one for table in named if (one := autoencoder_in(table))), None)
    if found is None:
        raise ModelError(f"{place.name} holds no autoencoder.")
    try:
        config = read_keys(found, SCALING)
    except ModelError as error:
        raise ModelError(f"{place.name} is an autoencoder that is not read: {error}.") from error
    if config.latent_channels != shape[0]:
        made, taken = config.latent_channels, shape[0]
        raise ModelError(f"{place.name} makes latents of {made} channels, and the network takes {taken}.")
    return AutoencoderFiles(config, place.name, None, checkpoint, translate(found))
