"""Score matching: what its objectives have in common, and training with each of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from explorer.datasets.toy import three_components
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.schedules import cosine
from explorer.diffusion.score_matching import (
    ScoreFunction,
    denoising,
    explicit,
    fisher,
    score_at,
    sliced,
)
from explorer.networks.mlp import MLP, MLPConfig
from explorer.training import mixture as recipe
from explorer.training.loop import LoopConfig, train
from explorer.training.mixture import MixtureConfig
from explorer.training.objective import Objective, noised, stratified_times, target

N = 40_000


def gaussian() -> GaussianMixture:
    covariance = torch.tensor([[[0.5, 0.2], [0.2, 0.3]]], dtype=torch.float64)
    return GaussianMixture(torch.ones(1, dtype=torch.float64), torch.tensor([[0.4, -0.3]]).double(), covariance)


TRUTHS = pytest.mark.parametrize(
    "truth", [gaussian(), three_components().exact(torch.float64)], ids=["Gaussian", "mixture"]
)


def normal(seed: int, n: int = N) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(truth: GaussianMixture) -> Tensor:
    return truth.draw(normal(5), torch.rand(N, generator=torch.Generator().manual_seed(6)))


def wrong(exact: ScoreFunction) -> ScoreFunction:
    """Too short, and bent."""
    return lambda x: 0.8 * exact(x) + 0.3 * torch.sin(x.flip(1))


def assert_mean(values: Tensor, expected: float = 0.0) -> None:
    """Within 4 standard errors."""
    error = float(values.std()) / len(values) ** 0.5
    assert abs(float(values.mean()) - expected) < 4 * error


@TRUTHS
def test_explicit_and_sliced_are_the_fisher_divergence_less_a_constant(truth: GaussianMixture) -> None:
    """E[explicit] = E[½F − ½‖∇log p‖²]: sample by sample they differ, on average they do not."""
    x = drawn(truth)
    for score in (wrong(truth.score), truth.score):
        expected = 0.5 * fisher(score, truth.score, x) - 0.5 * truth.score(x).square().sum(1)
        assert_mean(explicit(score, x) - expected)
        signs = normal(7).sign().unsqueeze(0)
        assert_mean(sliced(score, x, signs) - expected)
    assert float(fisher(truth.score, truth.score, x).max()) == 0


def test_slices_along_every_axis_are_the_explicit_objective() -> None:
    truth, x = three_components().exact(torch.float64), normal(1, 50)
    axes = 2**0.5 * torch.eye(2, dtype=torch.float64).unsqueeze(1).expand(2, 50, 2)
    score = wrong(truth.score)
    torch.testing.assert_close(sliced(score, x, axes), explicit(score, x))


@TRUTHS
def test_denoising_is_the_fisher_divergence_of_the_noised_density(truth: GaussianMixture) -> None:
    std = 0.5
    x_0, eps = drawn(truth), normal(8)
    x = x_0 + std * eps

    def exact(x: Tensor) -> Tensor:
        return truth.score(x, 1.0, std)

    for score in (wrong(exact), exact):
        constant = 0.5 * 2 / std**2 - 0.5 * exact(x).square().sum(1)
        assert_mean(denoising(score, x_0, eps, std) - 0.5 * fisher(score, exact, x) - constant)


@TRUTHS
@pytest.mark.parametrize("t", [100, 500, 900])
def test_the_objectives_of_a_denoiser_at_a_level(truth: GaussianMixture, t: int) -> None:
    """All three differ by ½ d/s² alone."""
    schedule = cosine(1000)
    denoiser = MixtureDenoiser(truth, schedule)
    a, s = schedule.signal(t), schedule.noise(t)
    x_0, eps = drawn(truth), normal(8)
    x_t, score = a * x_0 + s * eps, score_at(denoiser, t)
    without = denoising(score, a * x_0, eps, s) - 0.5 * 2 / s**2
    assert_mean(explicit(score, x_t) - without)
    assert_mean(sliced(score, x_t, normal(7).sign().unsqueeze(0)) - without)
    # At the true score itself each is −½ E‖∇log p‖².
    assert_mean(explicit(score, x_t) + 0.5 * truth.score(x_t, a, s).square().sum(1))


@TRUTHS
def test_the_true_score_is_the_minimum(truth: GaussianMixture) -> None:
    x = drawn(truth)
    assert float(explicit(wrong(truth.score), x).mean()) > float(explicit(truth.score, x).mean())
    least = float(explicit(truth.score, x).mean())
    for factor in (0.9, 1.1):

        def scaled(x: Tensor, factor: float = factor) -> Tensor:
            return factor * truth.score(x)

        assert float(explicit(scaled, x).mean()) > least


# Training

CONFIG = MixtureConfig(
    network=MLPConfig(hidden=32, layers=3, classes=3),
    loop=LoopConfig(steps=120, learning_rate=8e-3, warmup_steps=10, ema_decay=0.95, weight_decay=0.0, save_every=20),
    T=20,
    batch_size=256,
    measured_points=500,
)


def run(folder: Path, config: MixtureConfig) -> tuple[list[float], dict[str, float]]:
    """The mean losses of every save_every steps, and the score's error by t."""
    lines: list[str] = []
    folder.mkdir()
    recipe.run(folder, None, lines.append, config)
    losses = [float(line.split("loss")[1].split()[0]) for line in lines if line.startswith("step")]
    assert not list(folder.glob("*.pt"))
    return losses, json.loads((folder / "explorer.json").read_text())["quality"]["score_error"]


@pytest.mark.parametrize("objective", ["explicit", "sliced"])
def test_training_without_being_told_the_noise(tmp_path: Path, objective: Objective) -> None:
    untrained = replace(CONFIG, loop=replace(CONFIG.loop, steps=1), objective=objective)
    _, before = run(tmp_path / "before", untrained)
    losses, after = run(tmp_path / "after", replace(CONFIG, objective=objective))
    assert losses[-1] < losses[0] - 0.05
    for t in ("6", "10"):
        assert after[t] < 0.7 * before[t]


def test_denoising_is_what_it_was(tmp_path: Path) -> None:
    """The default trains the very weights that the plain loop of the v-objective does."""
    config = replace(CONFIG, loop=replace(CONFIG.loop, steps=5))
    run(tmp_path / "recipe", config)
    truth, schedule = three_components().exact(), cosine(config.T)
    torch.manual_seed(config.loop.seed)
    network = MLP(config.network)

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        n = config.batch_size
        uniform = torch.rand(n, generator=generator)
        x_0 = truth.draw(torch.randn(n, 2, generator=generator), uniform)
        dropped = torch.rand(n, generator=generator) < config.label_dropout
        labels = torch.where(dropped, config.network.classes, truth.components(uniform))
        u = stratified_times(n, config.T, generator) / config.T
        t = (config.T * u**config.time_power).ceil().long().clamp(max=config.T)
        x_t, eps, a, s = noised(schedule, x_0, t, generator)
        output: Tensor = network(x_t, 0.5 * schedule.log_snr(t).float(), labels)
        return (output - target("v", x_0, eps, a, s)).square().mean()

    average, _ = train(network, loss_of, config.loop, tmp_path / "state.pt", lambda line: None)
    written = load_file(tmp_path / "recipe" / "model.safetensors")
    assert written.keys() == average.state_dict().keys()
    assert all(torch.equal(written[key], value) for key, value in average.state_dict().items())


def test_an_unknown_objective(tmp_path: Path) -> None:
    config = replace(CONFIG, objective="implicit")  # type: ignore[arg-type]  # a wrong name is what is tested
    with pytest.raises(ValueError, match="implicit"):
        recipe.run(tmp_path, None, lambda line: None, config)
