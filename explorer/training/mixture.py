"""Recipe `mixture`: three Gaussians in the plane, conditional on the component, v-prediction, cosine, T = 1000.

`train_on` does the same for every distribution of `datasets/toy.py`: the other recipes of points, and that of single
numbers, are made of it.
The objective is denoising; explicit and sliced score matching reach the same score without being told the noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, get_args

import torch
from torch import Tensor

from explorer.datasets.toy import ToyMixture, three_components
from explorer.diffusion.denoiser import Denoiser
from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers.ddim import SAMPLER as DDIM
from explorer.diffusion.samplers.ddim import Parameters
from explorer.diffusion.schedules import cosine
from explorer.networks.mlp import MLP, MLPConfig, mlp_denoiser
from explorer.training.card import recipe_entry, write_card, write_preview
from explorer.training.folder import write_network
from explorer.training.loop import LoopConfig, train, with_steps
from explorer.training.objective import (
    Objective,
    noised,
    score_matching_loss,
    some_unlabelled,
    stratified_times,
    target,
)

PREVIEW_POINTS, PREVIEW_SEED = 5_000, 2026


@dataclass(frozen=True)
class MixtureConfig:
    """Network and objective. Half of the labels are dropped: the unconditional score is to be as good as the others."""

    network: MLPConfig = MLPConfig(classes=3)
    loop: LoopConfig = LoopConfig(
        steps=20_000,
        learning_rate=2e-3,
        flat_fraction=0.0,
        weight_decay=0.0,
        adam_betas=(0.9, 0.999),
        clip_norm=1.0,
        ema_decay=0.999,
        save_every=2_000,
    )
    T: int = 1000
    batch_size: int = 512
    label_dropout: float = 0.5
    time_power: float = 1.5
    """Times are drawn as T u^power, u uniform: above 1 more of them are small, where the score is hardest."""
    measured_points: int = 10_000
    objective: Objective = "denoising"
    samples_seed: int = 0
    """Of the samples that the model is shown with."""


CARD = {
    "title": "Mixture",
    "summary": "Three Gaussians of weights .5, .3 and .2. Drag t up and watch three clouds, and the three centres of "
    "the score, melt into one. Sample with DDIM: the tile shares finds the weights again. Then run plain "
    "Langevin dynamics, and once more without Noise: every point climbs to one of three centres and stays there.",
    "dataset": "Drawn afresh for every batch from the mixture in config.json",
    "licence": "Weights: MIT, as this program.",
}


def long_config(classes: int) -> MixtureConfig:
    """For the mixture in the plane, whose errors are to be the least."""
    return MixtureConfig(network=MLPConfig(classes=classes))


def short_config(classes: int) -> MixtureConfig:
    """A quarter of the steps: about a hundred seconds on one core."""
    config = replace(long_config(classes), measured_points=5_000)
    return replace(config, loop=replace(config.loop, steps=5_000, save_every=500))


def curve_config(classes: int) -> MixtureConfig:
    """For thin curves with little between them: the network sees waves of x_t as well."""
    config = short_config(classes)
    return replace(
        config,
        network=replace(config.network, point_frequencies=32),
        loop=replace(config.loop, steps=7_000),
        measured_points=10_000,
    )


class PointRecipe(Protocol):
    """Train, measure and write the folder `out`. steps overrides the recipe's number; a config goes before objective
    and is taken as it is."""

    def __call__(
        self,
        out: Path,
        steps: int | None = None,
        progress: Callable[[str], None] = print,
        config: MixtureConfig | None = None,
        objective: Objective = "denoising",
    ) -> None: ...


def recipe_of(
    draw_up: Callable[[], ToyMixture], card: dict[str, Any], config_of: Callable[[int], MixtureConfig]
) -> PointRecipe:
    """The recipe of a distribution; config_of has the number of its labels."""

    def run(
        out: Path,
        steps: int | None = None,
        progress: Callable[[str], None] = print,
        config: MixtureConfig | None = None,
        objective: Objective = "denoising",
    ) -> None:
        toy = draw_up()
        own = replace(config_of(len(toy.names)), objective=objective)
        train_on(toy, card, config or own, out, steps, progress)

    return run


def train_on(
    toy: ToyMixture,
    card: dict[str, Any],
    config: MixtureConfig,
    out: Path,
    steps: int | None = None,
    progress: Callable[[str], None] = print,
) -> None:
    """Train on a distribution whose pieces are the labels, measure, and write the folder `out` with a card."""
    d = config.network.dim
    config = with_steps(config, steps)
    if config.objective not in get_args(Objective):
        raise ValueError(f"unknown objective {config.objective!r}; known: {', '.join(get_args(Objective))}")
    if (d, config.network.classes) != (len(toy.means[0]), len(toy.names)):
        raise ValueError(
            f"a network of {d} numbers and {config.network.classes} labels cannot learn {len(toy.names)} pieces"
        )
    truth, schedule = toy.exact(), cosine(config.T)
    torch.manual_seed(config.loop.seed)
    network = MLP(config.network)

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        n = config.batch_size
        uniform = torch.rand(n, generator=generator)
        x_0 = truth.draw(torch.randn(n, d, generator=generator), uniform)
        components = truth.components(uniform)
        labels = some_unlabelled(components, config.network.classes, config.label_dropout, generator)
        u = stratified_times(n, config.T, generator) / config.T
        t = (config.T * u**config.time_power).ceil().long().clamp(max=config.T)
        x_t, eps, a, s = noised(schedule, x_0, t, generator)
        half_log_snr = 0.5 * schedule.log_snr(t).float()
        if config.objective != "denoising":

            def score(x: Tensor) -> Tensor:
                v_hat: Tensor = network(x, half_log_snr, labels)
                return -x - (a / s) * v_hat  # −ε̂/s with ε̂ = s x_t + a v̂, since a² + s² = 1

            # Twice, so that it is the loss of ε-prediction less a constant.
            return 2 * score_matching_loss(score, x_t, s, config.objective, generator)
        output: Tensor = network(x_t, half_log_snr, labels)
        return (output - target("v", x_0, eps, a, s)).square().mean()

    out.mkdir(parents=True, exist_ok=True)
    # A run broken off is not to be taken up by another objective.
    state = "state.training.pt" if config.objective == "denoising" else f"state.{config.objective}.training.pt"
    average, report = train(network, loss_of, config.loop, out / state, progress)
    assert isinstance(average, MLP)
    write_network(out, "mlp", average, _facts(toy, config))
    _write_preview(out, truth)
    progress("measuring")
    quality = mixture_quality(mlp_denoiser(average, schedule, "v"), truth, config.measured_points)
    progress(str(quality))
    write_card(out, {**card, "recipe": recipe_entry(config, report), "quality": quality})


def _write_preview(out: Path, truth: GaussianMixture) -> None:
    """The data, which the model is to draw, as the gallery's picture."""
    uniform = _uniform(PREVIEW_POINTS, PREVIEW_SEED)
    d = truth.means.shape[1]
    noise = NoiseSource(PREVIEW_SEED, PREVIEW_POINTS, (d,), torch.device("cpu"))(0, Stream.DATA)
    write_preview(out, truth.draw(noise, uniform).numpy(), truth.components(uniform).numpy())


def _facts(toy: ToyMixture, config: MixtureConfig) -> dict[str, Any]:
    return {
        "schedule": {"name": "cosine", "T": config.T},
        "prediction": "v",
        "kind": "points",
        "shape": [config.network.dim],
        "truth": toy.facts(),
        "class_names": toy.names,
        "conditional": True,
        **({"samples": {"seed": config.samples_seed}} if config.samples_seed else {}),
    }


@torch.no_grad()
def mixture_quality(denoiser: Denoiser, truth: GaussianMixture, n: int = 10_000, seed: int = 2026) -> dict[str, Any]:
    """The learned model against the exact one, measured on n points.

    Keys: relative score errors by t, the worst of them where s(t) ≥ 0.3, and the pieces' shares among
    samples of DDIM-50 beside the true weights.
    """
    schedule = denoiser.schedule
    apart = max(schedule.T // 100, 1)
    times = range(apart, schedule.T + 1, apart)
    errors = {t: score_error(denoiser, truth, t, n, seed) for t in times}
    conditional = {t: score_error(denoiser, truth, t, n, seed, conditional=True) for t in times}
    noisy = [t for t in times if schedule.noise(t) >= 0.3]
    return {
        "score_error": {str(t): round(error, 4) for t, error in errors.items()},
        "score_error_conditional": {str(t): round(error, 4) for t, error in conditional.items()},
        "worst_score_error_where_s_at_least_0.3": round(max(errors[t] for t in noisy), 4),
        "worst_conditional_score_error_where_s_at_least_0.3": round(max(conditional[t] for t in noisy), 4),
        "ddim_50_shares": [round(share, 4) for share in ddim_shares(denoiser, truth, n, seed)],
        "weights": [round(weight, 4) for weight in truth.piece_weights.tolist()],
        "points": n,
        "seed": seed,
    }


def score_error(
    denoiser: Denoiser, truth: GaussianMixture, t: int, n: int, seed: int, conditional: bool = False
) -> float:
    """√(E‖ŝ − s‖² / E‖s‖²) over x_t drawn from p_t; given the points' own pieces where conditional."""
    a, s = denoiser.schedule.signal(t), denoiser.schedule.noise(t)
    noise = NoiseSource(seed, n, (truth.means.shape[1],), torch.device("cpu"))
    uniform = _uniform(n, seed)
    x_t = a * truth.draw(noise(t, Stream.DATA), uniform) + s * noise(t, Stream.FORWARD)
    labels = truth.components(uniform) if conditional else None
    exact = truth.score(x_t, a, s, labels)
    return float(((denoiser(x_t, t, labels).score - exact).square().sum() / exact.square().sum()).sqrt())


def ddim_shares(denoiser: Denoiser, truth: GaussianMixture, n: int, seed: int, steps: int = 50) -> list[float]:
    """The shares of the pieces among n unconditional DDIM samples, each point counted for its likeliest one."""
    schedule, parameters = denoiser.schedule, Parameters(clip=False)
    times = DDIM.plan(schedule, min(steps, schedule.T), parameters)
    noise = NoiseSource(seed, n, (truth.means.shape[1],), torch.device("cpu"))
    *_, last = DDIM.sample(denoiser, schedule, noise(0, Stream.INITIAL), times, noise, parameters)
    found = truth.responsibilities(last.x).argmax(1)
    return (torch.bincount(found, minlength=len(truth.piece_weights)) / n).tolist()


def _uniform(n: int, seed: int) -> Tensor:
    return torch.rand(n, generator=torch.Generator().manual_seed(seed))


run = recipe_of(three_components, CARD, long_config)
