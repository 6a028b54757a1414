"""What samplers arrive at when the score is the true one: the distribution itself.

Each run is compared with as many fresh draws by the energy distance (Székely & Rizzo 2013), whose level is found by
permuting the labels, and by the shares and the first two moments of the mixture's components. Seeds are fixed and the
level of the test is .002; `test_the_check_notices_what_is_wrong` shows its power.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.samplers import SAMPLERS, Step, annealed_langevin, langevin, mala, predictor_corrector
from explorer.diffusion.samplers.predictor_corrector import correct
from explorer.diffusion.schedules import VESDE, RectifiedFlow, Schedule, cosine, geometric, linear

CPU = torch.device("cpu")
N = 1_000


def run(name: str, denoiser: MixtureDenoiser, steps: int, n: int = N, seed: int = 11, **parameters: Any) -> list[Step]:
    sampler, schedule = SAMPLERS[name], denoiser.schedule
    chosen = sampler.parameters(**parameters)
    noise = NoiseSource(seed, n, (2,), CPU)
    times = sampler.plan(schedule, steps, chosen)
    x = noise(0, Stream.INITIAL) * schedule.prior_std(times[0])
    return list(sampler.sample(denoiser, schedule, x, times, noise, chosen))


def draws(mixture: GaussianMixture, n: int = N, seed: int = 99) -> Tensor:
    noise = NoiseSource(seed, n, (2,), CPU)(0, Stream.DATA)
    return mixture.draw(noise, torch.rand(n, generator=torch.Generator().manual_seed(seed)))


def p_value(x: Tensor, y: Tensor, permutations: int = 500) -> float:
    """Of the hypothesis that two sets of n points each have one distribution."""
    both = torch.cat([x, y])
    distances = torch.cdist(both, both)
    signs = torch.cat([torch.ones(len(x)), -torch.ones(len(y))])
    generator = torch.Generator().manual_seed(0)
    shuffled = torch.stack([signs[torch.randperm(len(signs), generator=generator)] for _ in range(permutations)])
    energies = -torch.einsum("pi,pi->p", shuffled @ distances, shuffled)
    return float((energies >= -signs @ distances @ signs).float().mean())


def check(mixture: GaussianMixture, x: Tensor) -> None:
    """Shares within .05, each component's mean within .25 and variance within a third: about four standard errors."""
    assert p_value(x, draws(mixture, len(x))) > 0.002
    component = mixture.responsibilities(x).argmax(1)
    for k, weight in enumerate(mixture.weights.tolist()):
        chosen = x[component == k]
        assert len(chosen) / len(x) == pytest.approx(weight, abs=0.05)
        spread = mixture.covariances[k].diagonal()
        assert bool(((chosen.mean(0) - mixture.means[k]).abs() < 0.25 * spread.sqrt()).all())
        assert bool(((chosen.var(0) / spread - 1).abs() < 1 / 3).all())


@pytest.mark.parametrize(
    ("name", "steps", "parameters"),
    [
        ("ddim", 200, {}),
        ("ddim", 500, {"eta": 1.0}),
        ("euler", 200, {}),
        ("heun", 40, {"spacing": "karras"}),
        ("dpmpp_2m", 40, {"spacing": "karras"}),
        ("ode", 5, {"rtol": 1e-3, "atol": 1e-3}),
        ("euler_maruyama", 500, {}),
        ("ddpm", 500, {}),
        ("predictor_corrector", 100, {"corrector_steps": 2}),
        ("predictor_corrector", 100, {"predictor": "euler_maruyama", "corrector_steps": 2}),
    ],
)
@pytest.mark.parametrize("schedule", [linear(), VESDE(sigma_max=30.0)], ids=lambda schedule: schedule.name)
def test_the_distribution_comes_out(
    name: str, steps: int, parameters: dict[str, Any], schedule: Schedule, mixture: GaussianMixture
) -> None:
    denoiser = MixtureDenoiser(mixture, schedule)
    check(mixture, run(name, denoiser, steps, **{"clip": False, "spacing": "trailing", **parameters})[-1].x)


def test_the_check_notices_what_is_wrong(mixture: GaussianMixture) -> None:
    x = draws(mixture, seed=1)
    check(mixture, x)
    assert p_value(x + 0.25, draws(mixture)) < 0.002
    wrong = GaussianMixture(torch.tensor([0.4, 0.3, 0.3]), mixture.means, mixture.covariances)
    assert p_value(draws(wrong, seed=1), draws(mixture)) < 0.01
    coarse = run("euler_maruyama", MixtureDenoiser(mixture, linear()), 10, clip=False, spacing="trailing")
    assert p_value(coarse[-1].x, draws(mixture)) < 0.01


# --- the corrector ------------------------------------------------------------------------------------------


def test_a_corrector_brings_few_steps_nearer(mixture: GaussianMixture) -> None:
    """By the energy distance, 12 Euler–Maruyama steps are much better with 10 corrector steps after each."""
    denoiser, truth = MixtureDenoiser(mixture, linear()), draws(mixture, 2_000)
    common: dict[str, Any] = {"n": 2_000, "predictor": "euler_maruyama", "clip": False, "spacing": "trailing"}
    found = []
    for k in (0, 10):
        x = run("predictor_corrector", denoiser, 12, corrector_steps=k, **common)[-1].x
        inner = torch.cdist(x, x).mean() + torch.cdist(truth, truth).mean()
        found.append(float(2 * torch.cdist(x, truth).mean() - inner))
    assert found[1] < 0.5 * found[0]


def test_a_corrector_step_is_that_of_the_paper(exact: MixtureDenoiser) -> None:
    """Algorithm 5 of Song et al. 2021 for one sample at a time, with α_i = 1 − β_i."""
    schedule, t, snr = exact.schedule, 600, 0.16
    parameters = predictor_corrector.Parameters(snr=snr, norms="measured")
    x, z = (NoiseSource(seed, 4, (2,), CPU)(0) for seed in (1, 2))
    prediction = exact(x, t)
    found, extras = correct(schedule, Step(0, t, x, prediction, prediction.x0), z, parameters)
    assert schedule.betas is not None
    alpha = 1 - float(schedule.betas[t - 1])
    for k in range(4):
        g = prediction.score[k]
        epsilon = 2 * alpha * (snr * float(z[k].norm()) / float(g.norm())) ** 2
        torch.testing.assert_close(found[k], x[k] + epsilon * g + math.sqrt(2 * epsilon) * z[k])
    assert extras["drift"] > 0


def test_for_pictures_the_measured_norms_are_the_expected_ones() -> None:
    """Where ε̂ has the size of noise: both are sums of 3,072 squares, within a few per cent of their expectation."""
    schedule, noise = cosine(), NoiseSource(1, 2, (3, 32, 32), CPU)
    prediction = Prediction(noise(0), 600, schedule.signal(600), schedule.noise(600), "eps", noise(1))
    step = Step(0, 600, noise(0), prediction, prediction.x0)
    one, other = (
        correct(schedule, step, noise(2), predictor_corrector.Parameters(norms=norms))[0] - step.x
        for norms in ("expected", "measured")
    )
    assert float((one - other).norm() / one.norm()) < 0.05


def test_predictor_corrector_plan() -> None:
    parameters = predictor_corrector.Parameters(corrector_steps=2, spacing="trailing")
    assert predictor_corrector.plan(linear(), 4, parameters) == [1000, 750, 750, 750, 500, 500, 500, 250, 250, 250, 0]
    with pytest.raises(ValueError, match="corrector steps"):
        predictor_corrector.plan(linear(), 4, predictor_corrector.Parameters(corrector_steps=-1))


@pytest.mark.parametrize(("predictor", "name"), [("ancestral", "ddpm"), ("euler_maruyama", "euler_maruyama")])
def test_without_corrector_steps_it_is_its_predictor(predictor: str, name: str, exact: MixtureDenoiser) -> None:
    one = run("predictor_corrector", exact, 20, n=8, predictor=predictor, corrector_steps=0, clip=False)
    other = run(name, exact, 20, n=8, clip=False)
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine.x, theirs.x, rtol=1e-4, atol=1e-4)


# --- Langevin dynamics, adjusted ------------------------------------------------------------------------------

WIDE = GaussianMixture(
    torch.tensor([0.3, 0.7]), torch.tensor([[-1.0, 0.0], [1.0, 0.5]]), 0.5 * torch.eye(2).repeat(2, 1, 1)
)


def level_draws(denoiser: MixtureDenoiser, t: float, seed: int = 99) -> Tensor:
    """From p_t."""
    a, s = denoiser.schedule.signal(t), denoiser.schedule.noise(t)
    return a * draws(denoiser.mixture, seed=seed) + s * NoiseSource(seed, N, (2,), CPU)(0)


def at_level(name: str, step_size: float, steps: int) -> tuple[MixtureDenoiser, Step]:
    """A run at one noise level of density p_t, whose modes are joined, from a normal start."""
    denoiser = MixtureDenoiser(WIDE, cosine())
    return denoiser, run(name, denoiser, steps, level=0.5, step_size=step_size)[-1]


@pytest.mark.parametrize("step_size", [1.0, 6.0])
def test_mala_reaches_the_density_for_every_step_size(step_size: float) -> None:
    denoiser, last = at_level("mala", step_size, 400)
    assert p_value(last.x, level_draws(denoiser, last.t)) > 0.002
    assert 0.2 < last.extras["accepted"] < 1.0


def test_without_the_adjustment_large_steps_go_wrong() -> None:
    denoiser, last = at_level("langevin", 6.0, 400)
    assert p_value(last.x, level_draws(denoiser, last.t)) < 0.002


def test_mala_keeps_the_density_it_starts_from() -> None:
    denoiser = MixtureDenoiser(WIDE, cosine())
    parameters = mala.Parameters(level=0.5, step_size=3.0)
    times = mala.plan(denoiser.schedule, 30, parameters)
    noise, start = NoiseSource(5, N, (2,), CPU), level_draws(denoiser, times[0])
    *_, last = mala.sample(denoiser, denoiser.schedule, start, times, noise, parameters)
    assert p_value(last.x, level_draws(denoiser, last.t, seed=55)) > 0.002


def test_a_rejected_sample_stays() -> None:
    denoiser = MixtureDenoiser(WIDE, cosine())
    before, after = run("mala", denoiser, 1, n=200, level=0.5, step_size=8.0)
    stayed = (before.x == after.x).all(1)
    assert 0 < int(stayed.sum()) < 200
    assert after.extras["accepted"] == pytest.approx(1 - float(stayed.float().mean()))


def test_mala_needs_a_density() -> None:
    denoiser = NetworkDenoiser(lambda x, t, condition: x, cosine(), "eps")
    noise = NoiseSource(5, 4, (2,), CPU)
    with pytest.raises(ValueError, match="density of this model is not known"):
        list(mala.sample(denoiser, cosine(), noise(0), [500, 500], noise, mala.Parameters()))


def test_the_density_of_one_component() -> None:
    denoiser = MixtureDenoiser(WIDE, cosine())
    x, labels = NoiseSource(5, 4, (2,), CPU)(0), torch.tensor([0, 1, -1, 0])
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(denoiser.log_density(leaf, 300, labels).sum(), leaf)
    torch.testing.assert_close(gradient, denoiser(x, 300, labels).score)
    torch.testing.assert_close(denoiser.log_density(x, 300, labels)[2], denoiser.log_density(x, 300)[2])


def test_where_no_signal_is_left_the_truth_is_the_mean() -> None:
    denoiser, x = MixtureDenoiser(WIDE, RectifiedFlow()), NoiseSource(5, 3, (2,), CPU)(0)
    torch.testing.assert_close(denoiser(x, 1000).x0, (WIDE.weights @ WIDE.means).expand(3, 2))
    torch.testing.assert_close(denoiser(x, 1000).eps, x)
    found = denoiser(x, 1000, torch.tensor([1, -1, 0])).x0
    torch.testing.assert_close(found[0], WIDE.means[1])
    torch.testing.assert_close(found[2], WIDE.means[0])


# --- annealing ------------------------------------------------------------------------------------------------

SEPARATED = GaussianMixture(
    torch.tensor([0.2, 0.8]), torch.tensor([[-5.0, -5.0], [5.0, 5.0]]), torch.eye(2).repeat(2, 1, 1)
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_annealing_recovers_the_weights_and_plain_langevin_does_not(seed: int) -> None:
    """From one start, uniform over both modes, 1,000 samples of three seeds: plain Langevin halves them (.5 ± .016),
    annealing gives .2 ± .013, and a bias of .03 that stays with so few steps."""
    denoiser = MixtureDenoiser(SEPARATED, geometric(100, 0.02, 20.0))
    noise = NoiseSource(seed, N, (2,), CPU)
    start = 16 * torch.rand(N, 2, generator=torch.Generator().manual_seed(seed)) - 8
    shares = {}
    for name, steps, chosen in (
        ("langevin", 300, langevin.Parameters(level=0.5, step_size=1.0)),
        ("annealed_langevin", 20, annealed_langevin.Parameters(steps_per_level=40, sigma_max=16.0, sigma_min=0.1)),
    ):
        sampler = SAMPLERS[name]
        times = sampler.plan(denoiser.schedule, steps, chosen)
        *_, last = sampler.sample(denoiser, denoiser.schedule, start, times, noise, chosen)
        shares[name] = float((SEPARATED.responsibilities(last.x).argmax(1) == 0).float().mean())
    assert shares["langevin"] == pytest.approx(0.5, abs=0.065)
    assert shares["annealed_langevin"] == pytest.approx(0.2, abs=0.07)


def test_consistent_annealing_keeps_the_noise_at_its_level() -> None:
    """On a data point, where s = −n/σ exactly, x after every update is x_0 + σ_i n with Var n = 1; Langevin's own step
    leaves more (Jolicoeur-Martineau et al. 2021, proposition 1)."""
    point = GaussianMixture(torch.ones(1), torch.zeros(1, 2), 1e-8 * torch.eye(2).unsqueeze(0))
    denoiser = MixtureDenoiser(point, geometric(1000, 0.05, 5.0))
    common: dict[str, Any] = {"sigma_min": 0.05, "steps_per_level": 4, "step_size": 0.4, "denoise": False}
    for annealing in ("consistent", "langevin"):
        steps = run("annealed_langevin", denoiser, 25, n=4_000, annealing=annealing, **common)
        spreads = torch.tensor([float(step.x.std()) / denoiser.schedule.noise(step.t) for step in steps[1:]])
        if annealing == "consistent":
            # 8,000 numbers: a relative standard error of .008.
            assert float((spreads - 1).abs().max()) < 0.04
        else:
            assert float(spreads.mean()) > 1.1


def test_consistent_annealing_is_the_papers_algorithm(mixture: GaussianMixture) -> None:
    """Jolicoeur-Martineau et al. 2021, algorithm 2: γ the ratio of successive σ, β = √(1 − (1 − η)²/γ²)."""
    schedule = geometric(21, 0.1, 10.0)
    parameters = annealed_langevin.Parameters(
        step_size=1.2, steps_per_level=4, sigma_max=10.0, sigma_min=0.1, annealing="consistent"
    )
    mine = run("annealed_langevin", MixtureDenoiser(mixture, schedule), 5, n=16, **vars(parameters))
    noise, x, eta = NoiseSource(11, 16, (2,), CPU), mine[0].x, 0.6
    sigmas = [10.0 * 0.01 ** (i / 20) for i in range(21)]
    gamma = sigmas[1] / sigmas[0]
    beta = math.sqrt(1 - (1 - eta) ** 2 / gamma**2)
    for i in range(20):
        x = x + eta * sigmas[i] ** 2 * mixture.score(x, 1.0, sigmas[i]) + beta * sigmas[i + 1] * noise(i + 1)
        torch.testing.assert_close(mine[i + 1].x, x, rtol=1e-4, atol=1e-4)
    assert len(mine) == 22
    torch.testing.assert_close(mine[-1].x, mine[-2].prediction.x0)


def test_consistent_annealing_reaches_a_level_far_below(mixture: GaussianMixture) -> None:
    """A step of the share η cannot get from σ to σ/10: it is lengthened, and takes no noise."""
    denoiser = MixtureDenoiser(mixture, geometric(3, 0.1, 10.0))
    chosen = annealed_langevin.Parameters(annealing="consistent", steps_per_level=1, sigma_max=10.0, sigma_min=0.1)
    steps = run("annealed_langevin", denoiser, 2, n=4, **vars(chosen))
    expected = steps[0].x + (1 - 0.1) * 100.0 * mixture.score(steps[0].x, 1.0, 10.0)
    torch.testing.assert_close(steps[1].x, expected, rtol=1e-4, atol=1e-4)
    assert steps[1].extras["diffusion"] == pytest.approx(0.0, abs=1e-6)


def test_the_step_rule_of_ncsn() -> None:
    """ε = 2·10⁻⁵ and σ_L = .01 are those of Song & Ermon 2019: r = .2."""
    parameters = annealed_langevin.Parameters(step_rule="ncsn", epsilon=2e-5, sigma_min=0.01)
    assert parameters.relative_step == pytest.approx(0.2)
    assert annealed_langevin.Parameters(step_size=0.3).relative_step == 0.3
