"""Networks that the shipped models are made of."""

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
