"""What a model is made of, for tests that look inside."""

from __future__ import annotations

from typing import Any

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.formats.model import Model


def network_of(model: Model) -> Any:
    """What its denoiser asks: in most formats a TimedCall, whose `network` is what the file held."""
    assert isinstance(model.denoiser, NetworkDenoiser)
    return model.denoiser.network
