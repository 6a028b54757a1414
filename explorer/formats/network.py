"""Networks of diffusers, built without memory for their weights. Names are looked up in this file alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explorer.facts import ModelError
from explorer.formats.diffusers_import import import_lightly

MODULES = {
    "UNet2DModel": "diffusers.models.unets.unet_2d",
    "UNet2DConditionModel": "diffusers.models.unets.unet_2d_condition",
    "DiTTransformer2DModel": "diffusers.models.transformers.dit_transformer_2d",
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
    "VQModel": "diffusers.models.autoencoders.vq_model",
}
"""Where each class lies: diffusers' top level and its schedulers take seconds to import."""


def build(class_name: str, arguments: Mapping[str, Any], config_label: str) -> nn.Module:
    """class_name(**arguments) on the device "meta". Raises ModelError for arguments that do not go together."""
    network_class = getattr(import_lightly(MODULES[class_name]), class_name)
    try:
        with torch.device("meta"):  # shapes without memory
            network: nn.Module = network_class(**arguments)
        if class_name == "DiTTransformer2DModel":
            # Its table of positions is computed, and in no file: take that of a network without layers.
            shallow = network_class(**{**arguments, "num_layers": 0})
            network.get_submodule("pos_embed").register_buffer(
                "pos_embed", shallow.pos_embed.pos_embed, persistent=False
            )
    except (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{config_label} describes a network that cannot be built: {reason}.") from error
    return network


class CalledLikeUNet(nn.Module):
    """A transformer called as a UNet2DModel is: (x, timestep (1,), labels) → (output,)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, x: Tensor, timestep: Tensor, labels: Tensor | None = None, return_dict: bool = False
    ) -> tuple[Tensor]:
        output: tuple[Tensor] = self.network(x, timestep.expand(len(x)), labels, return_dict=False)
        return output
