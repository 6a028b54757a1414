"""Networks as torch modules: those the shipped models are made of, which NETWORKS names, and those of published code.

The latter are written anew with the parameter names of the original, so that its files open without it. None of them
knows a schedule's clock or what its output means: that is the business of `formats`.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from explorer.networks.classifier import Classifier, ClassifierConfig
from explorer.networks.latent import LatentConfig, LatentNetwork
from explorer.networks.mlp import MLP, MLPConfig
from explorer.networks.unet import UNet, UNetConfig

NETWORKS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "mlp": (MLPConfig, MLP),
    "classifier": (ClassifierConfig, Classifier),
    "latent_chain": (LatentConfig, LatentNetwork),
    "unet": (UNetConfig, UNet),
}
"""Every network that a configuration file can name: (its configuration, the module built from it)."""
