"""A loaded model: a denoiser, or a chain of latent variables, with its facts and the data it can be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from explorer.facts import ModelFacts

if TYPE_CHECKING:  # this module is read before torch has loaded
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from explorer.diffusion.denoiser import Denoiser
    from explorer.diffusion.guidance import LogClassifier
    from explorer.diffusion.latent import LatentChain
    from explorer.diffusion.mixture import GaussianMixture
    from explorer.formats.autoencoder import Autoencoder
    from explorer.formats.text_encoder import Prompts


@dataclass(frozen=True, eq=False)
class Model:
    """facts: what is known. denoiser: on `device`. samples: data x_0 to look at, float32 (n, *facts.shape) in
    the model's value range, possibly n = 0. truth: the exact distribution of the data, where it is known,
    in float32 on `device`. prepare: makes later calls with batches like the given x_t faster, if anything can.
    classifier: gives what facts.classifier names, on `device`, read when it is first asked for."""

    facts: ModelFacts
    denoiser: Denoiser
    samples: NDArray[np.float32]
    device: torch.device
    truth: GaussianMixture | None = None
    prepare: Callable[[Tensor], None] | None = None
    classifier: Callable[[], LogClassifier] | None = None
    autoencoder: Autoencoder | None = None
    """Of a latent model: its latents as pictures, and pictures as latents."""
    prompts: Prompts | None = None
    """Of a model that reads text: texts as the numbers of a condition."""
    network: nn.Module | None = None
    """The network behind the denoiser, where it is one of our own that can be trained on."""


@dataclass(frozen=True, eq=False)
class LatentModel:
    """A chain of latent variables with its facts and data. chain: on `device`. samples: as of a Model, and as
    `chain.observed` gives them. class_names: of facts.sample_labels."""

    facts: ModelFacts
    chain: LatentChain
    samples: NDArray[np.float32]
    device: torch.device
    class_names: tuple[str, ...] = ()


class Format(Protocol):
    """One kind of checkpoint. A new one is a file that defines FORMAT, and a line in `registry.py`."""

    name: str

    def sniff(self, path: Path) -> float:
        """How surely `path` is of this format, 0 … 1, from its content. Never raises, reads little."""
        ...

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        """The facts, without torch and without reading weights. Raises ModelError."""
        ...

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model | LatentModel:
        """The model, its weights read safely. Raises ModelError."""
        ...
