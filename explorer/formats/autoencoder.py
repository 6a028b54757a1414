"""Pictures to latents and back, by the autoencoder that a latent diffusion model was trained in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from explorer.formats.autoencoder_config import AutoencoderConfig
from explorer.formats.network import build
from explorer.formats.tensors import Weights, fill, load_weights

if TYPE_CHECKING:
    from explorer.formats.model import Model


class Codec(Protocol):
    """What diffusers' AutoencoderKL and VQModel are asked, their answers being the first of a tuple."""

    def decode(self, latents: Tensor, *, return_dict: bool) -> tuple[Tensor, ...]: ...

    def encode(self, pictures: Tensor, *, return_dict: bool) -> tuple[Any, ...]: ...


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """network: an AutoencoderKL or a VQModel. Pictures are in [−1, 1]; latents as the diffusion model knows them."""

    network: Codec
    config: AutoencoderConfig

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """(n, c, h, w) → pictures (n, C, H, W), one after the other: the decoder's own memory is large."""
        unscaled = latents / _channels(self.config.scaling, latents) + _channels(self.config.shift, latents)
        pictures = torch.cat([self.network.decode(one, return_dict=False)[0] for one in torch.split(unscaled, 1)])
        return 2 * pictures - 1 if self.config.unit_range else pictures

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """(n, C, H, W) → latents (n, c, h, w): the most likely ones, or those before they are quantised."""
        given = (pictures + 1) / 2 if self.config.unit_range else pictures
        return torch.cat([self._encoded(one) for one in torch.split(given, 1)])

    def _encoded(self, picture: Tensor) -> Tensor:
        found = self.network.encode(picture, return_dict=False)[0]
        latent: Tensor = found if isinstance(found, Tensor) else found.mode()
        return (latent - _channels(self.config.shift, latent)) * _channels(self.config.scaling, latent)


def _channels(value: float | tuple[float, ...], latents: Tensor) -> float | Tensor:
    """A number for all channels, or one for each."""
    return latents.new_tensor(value)[:, None, None] if isinstance(value, tuple) else value


def load_autoencoder(
    config: AutoencoderConfig, config_label: str, weights: Path, label: str, device: torch.device
) -> Autoencoder:
    """Raises ModelError for arguments that do not go together and weights that do not fit."""
    network = build(config.class_name, config.arguments, config_label)
    load_weights(network, weights, label, device, current_name)
    return Autoencoder(cast("Codec", network), config)


def fill_autoencoder(config: AutoencoderConfig, label: str, weights: Weights, device: torch.device) -> Autoencoder:
    """The same, of weights that have the network's own names."""
    network = build(config.class_name, config.arguments, label)
    fill(network, weights, device)
    return Autoencoder(cast("Codec", network), config)


def with_autoencoder(model: Model, found: Autoencoder) -> Model:
    """The latent model with what turns its latents into pictures, and its sample pictures as latents."""
    samples = np.zeros((0, *model.facts.shape), np.float32)
    if len(model.samples):
        encoded = [found.encode(torch.from_numpy(one[None]).to(model.device)) for one in model.samples]
        samples = torch.cat(encoded).cpu().numpy()
    return replace(model, samples=samples, autoencoder=found)


def current_name(name: str) -> str:
    """The names of attention weights as diffusers has called them since 0.15."""
    if ".attentions." not in name:
        return name
    for old, new in ((".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")):
        name = name.replace(old, new)
    return name
