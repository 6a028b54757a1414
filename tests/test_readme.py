"""The files that the README shows as whole ones work as they stand there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import Sampler
from explorer.diffusion.schedules import cosine
from explorer.facts import ModelFacts
from explorer.lenses.base import Lens, View
from explorer.paths import RESOURCES

README = RESOURCES.parent / "README.md"
TRUTH = GaussianMixture(torch.tensor([1.0]), torch.tensor([[1.0, -1.0]]), 0.04 * torch.eye(2)[None])
DENOISER = MixtureDenoiser(TRUTH, cosine(100))


def defined(name: str) -> Any:
    """What the README's block of Python that defines a name defines."""
    (text,) = (
        block for block in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL) if name in block
    )
    found: dict[str, Any] = {"__name__": "readme"}
    exec(compile(text, "README.md", "exec", dont_inherit=True), found)  # noqa: S102 — it is our own text
    return found[name]


def test_the_lens() -> None:
    lens = defined("LENS")
    assert isinstance(lens, Lens)
    x_t = torch.randn(2, 2, generator=torch.Generator().manual_seed(0))
    view = View(ModelFacts("p", "own", "P", "points", (2,), 100, "eps", "cosine"), DENOISER(x_t, 50), DENOISER)
    torch.testing.assert_close(torch.from_numpy(lens.draw(view).data), x_t - view.prediction.x0)


@pytest.mark.parametrize(("share", "least"), [(0.0, 0.18), (0.3, 0.15)])
def test_the_sampler(share: float, least: float) -> None:
    sampler = defined("SAMPLER")
    assert isinstance(sampler, Sampler)
    parameters, noise = sampler.parameters(share=share, clip=False), NoiseSource(0, 4_000, (2,), torch.device("cpu"))
    times = sampler.plan(DENOISER.schedule, sampler.default_steps, parameters)
    x = noise(0, Stream.INITIAL)
    *_, last = sampler.sample(DENOISER, DENOISER.schedule, x, times, noise, parameters)
    torch.testing.assert_close(last.x.mean(0), TRUTH.means[0], atol=0.02, rtol=0)
    # σ of the data is 0.2; at so few steps a share of new noise takes away some of it.
    assert least < float(last.x.std(0).min()) <= float(last.x.std(0).max()) < 0.22
