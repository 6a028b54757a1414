"""The step path makes no tensor on the CPU: every sampler runs where the model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import SAMPLERS
from explorer.diffusion.schedules import cosine
from explorer.networks.mlp import MLP, MLPConfig, mlp_denoiser

META = torch.device("meta")
N = 4
CHOICES: dict[str, dict[str, Any]] = {"ddim": {"eta": 1.0}, "annealed_langevin": {"steps_per_level": 3}}
"""So that there is noise in every step, and that the steps are few."""


class OnlyOn(TorchDispatchMode):
    """Fails on any operation that reads or makes a tensor on another device."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the base has no type
        self.device = device

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, result)):
            if isinstance(leaf, Tensor):
                assert leaf.device == self.device, f"{func} met a tensor on {leaf.device}"
        return result


@dataclass(frozen=True)
class NoNoise(NoiseSource):
    """Noise is made on the CPU by design, so it is left out here."""

    def __call__(self, step: int, stream: Stream = Stream.SAMPLER) -> Tensor:
        return torch.empty(self.n, *self.shape, device=self.device)


def denoisers() -> dict[str, Denoiser]:
    schedule = cosine(100)
    network = MLP(MLPConfig(hidden=8, layers=2, classes=3)).to(META)
    learned = mlp_denoiser(network, schedule, "v")
    labels = torch.zeros(N, dtype=torch.int64, device=META)
    with META:
        truth = GaussianMixture(torch.empty(3), torch.empty(3, 2), torch.empty(3, 2, 2))
    return {
        "network": learned,
        "guided": ClassifierFreeGuidance(learned, labels, 2.0),
        "exact": MixtureDenoiser(truth, schedule),
    }


@pytest.mark.parametrize("model", ["network", "guided", "exact"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_no_cpu_tensor_in_the_step_path(name: str, model: str) -> None:
    sampler, denoiser = SAMPLERS[name], denoisers()[model]
    if sampler.needs_density and model != "exact":
        pytest.skip("the density is not known")
    parameters = sampler.parameters(**CHOICES.get(name, {}))
    times = sampler.plan(denoiser.schedule, 5, parameters)
    source = NoNoise(0, N, (2,), META)
    x = source(0)
    with OnlyOn(META), torch.no_grad():
        *_, last = sampler.sample(denoiser, denoiser.schedule, x, times, source, parameters)
    assert last.index == len(times) - 1
    assert last.x.shape == (N, 2)
    assert last.x.device == META


def test_the_watch_notices_a_tensor_elsewhere() -> None:
    with pytest.raises(AssertionError, match="cpu"), OnlyOn(META):
        torch.ones(2)
