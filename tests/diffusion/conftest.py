"""What several tests of the mathematics share."""

from __future__ import annotations

import pytest
import torch

from explorer.datasets.toy import three_components
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.schedules import cosine


@pytest.fixture
def mixture() -> GaussianMixture:
    """The shipped 2-D mixture in float32."""
    return three_components().exact()


@pytest.fixture
def exact(mixture: GaussianMixture) -> MixtureDenoiser:
    """The perfect model of that mixture on the cosine schedule of 1,000 steps."""
    return MixtureDenoiser(mixture, cosine(1000))


@pytest.fixture
def points() -> torch.Tensor:
    """A standard normal batch (6, 2)."""
    return torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
