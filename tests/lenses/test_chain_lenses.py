"""The lenses of the chain: the true posterior beside the model's step, and forward noising in steps and in one jump."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from explorer.diffusion.chain import chains, kolmogorov_smirnov
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.path import transition
from explorer.diffusion.schedules import RectifiedFlow, Schedule, SubVPSDE, cosine, geometric
from explorer.diffusion.variance import learned_variance
from explorer.lenses.base import View
from explorer.lenses.drawable import Chart, Floats, Missing
from explorer.lenses.picture import picture
from explorer.lenses.registry import LENSES
from explorer.lenses.step import ReverseStep, reverse_step
from tests.lenses.test_step_lenses import POINTS, SCHEDULE, view

STEP = ("step_means", "step_noise", "step_pixel", "step_component")
DATA = np.random.default_rng(0).standard_normal((50, 1, 4, 4)).astype(np.float32)


def seen(kind: str = "image", t: int = 40, learned: bool = False) -> View:
    data = DATA if kind == "image" else DATA[:, 0, 0, :2]
    return replace(view(t, kind, learned), data=data)


def step_of(of: View) -> ReverseStep:
    step = reverse_step(of)
    assert isinstance(step, ReverseStep)
    return step


def drawn(name: str, of: View) -> Chart:
    chart = LENSES[name].draw(of)
    assert isinstance(chart, Chart), chart
    return chart


def gaussian_of(curve: Floats) -> tuple[float, float, float]:
    """Mass, mean and variance of a density given as (places, values)."""
    x, y = curve.astype(np.float64)
    mass = np.trapezoid(y, x)
    mean = np.trapezoid(x * y, x) / mass
    return float(mass), float(mean), float(np.trapezoid((x - mean) ** 2 * y, x) / mass)


@pytest.mark.parametrize("learned", [False, True])
def test_the_step_is_two_gaussians_with_the_kl_of_torch(learned: bool) -> None:
    of = seen(learned=learned)
    step, q = step_of(of), transition(SCHEDULE, 40, 39)
    assert of.x_0 is not None
    x_t = of.prediction.x_t[0].flatten().double()
    mean = q.mean_x_t * x_t + q.mean_x0 * of.x_0[0].flatten()
    np.testing.assert_allclose(step.mean_q, mean, atol=1e-6)
    np.testing.assert_allclose(step.mean_p, q.mean_x_t * x_t + q.mean_x0 * of.prediction.x0[0].flatten(), atol=1e-6)
    if learned:
        fraction = of.prediction.variance_fraction
        assert fraction is not None
        np.testing.assert_allclose(step.variance_p, learned_variance(SCHEDULE, 40, 39, fraction)[0].flatten())
    else:
        assert set(step.variance_p.tolist()) == {q.posterior_variance}
    exact = kl_divergence(
        MultivariateNormal(step.mean_q, step.variance_q * torch.eye(16, dtype=torch.float64)),
        MultivariateNormal(step.mean_p, torch.diag(step.variance_p)),
    )
    assert step.kl() == pytest.approx(float(exact), rel=1e-6)


@pytest.mark.parametrize("kind", ["image", "points"])
@pytest.mark.parametrize("name", STEP)
def test_along_a_line_both_are_densities_of_their_projections(name: str, kind: str) -> None:
    of = seen(kind)
    step, chart = step_of(of), drawn(name, of)
    assert chart.data.shape[:2] == (2, 2)
    (mass_q, at_q, var_q), (mass_p, at_p, var_p) = (gaussian_of(curve) for curve in chart.data)
    assert (mass_q, mass_p) == pytest.approx((1, 1), abs=1e-3)
    assert (var_q, var_p) == pytest.approx((step.variance_q, step.variance_q), rel=0.01)
    apart = step.mean_p - step.mean_q
    if name == "step_means":
        assert at_p - at_q == pytest.approx(float(apart.norm()), rel=1e-3)
        assert chart.caption.startswith(f"KL {step.kl():.3g} along here"), "all of it lies there"
    elif name == "step_noise":
        eps = of.prediction.eps[0].flatten().double()
        assert at_p - at_q == pytest.approx(float(apart @ eps / eps.norm()), abs=1e-5)
    elif name == "step_pixel":
        number = 2 * 4 + 2 if kind == "image" else 0
        assert at_q == pytest.approx(float(step.mean_q[number]), abs=1e-5)
        assert at_p == pytest.approx(float(step.mean_p[number]), abs=1e-5)
        assert chart.x_label.startswith("pixel (2, 2)" if kind == "image" else "x₁")
    else:
        assert at_q == pytest.approx(0, abs=1e-5)
        assert abs(at_p) <= float(apart.norm()) + 1e-6
    assert chart.note == f"KL {step.kl():.3g} nats"
    for line, mean, curve in zip([line for line in chart.lines if line.dim], (at_q, at_p), chart.data, strict=True):
        assert line.x == pytest.approx([mean, mean], abs=1e-4), "a line at each mean, as tall as its bell"
        assert line.y == pytest.approx([0, curve[1].max()], rel=1e-3)
    assert picture(chart).width > 0


def test_the_kl_along_a_line_is_that_of_the_two_bells_there() -> None:
    of = seen(learned=True)
    step, chart = step_of(of), drawn("step_pixel", of)
    number = 2 * 4 + 2
    q = Normal(step.mean_q[number], math.sqrt(step.variance_q))
    p = Normal(step.mean_p[number], step.variance_p[number].sqrt())
    assert chart.caption.startswith(f"KL {float(kl_divergence(q, p)):.3g} along here; ")


def test_the_pixel_is_the_one_that_was_chosen() -> None:
    of = replace(seen(), place=(3, 1))
    chart = drawn("step_pixel", of)
    assert gaussian_of(chart.data[0])[1] == pytest.approx(float(step_of(of).mean_q[3 * 4 + 1]), abs=1e-5)
    assert chart.x_label == "pixel (1, 3) of x_{t−1}"


def test_in_the_plane_both_are_circles_about_their_means() -> None:
    of = seen("points")
    step, chart = step_of(of), drawn("step_plane", of)
    np.testing.assert_allclose(chart.data, np.stack([step.mean_q, step.mean_p]), atol=1e-6)
    circles = [line for line in chart.lines if not line.dots]
    assert len(circles) == 6
    for i, line in enumerate(circles):
        mean = (step.mean_q, step.mean_p)[i // 3].numpy()
        radius = np.hypot(line.x - mean[0], line.y - mean[1])
        np.testing.assert_allclose(radius, (i % 3 + 1) * math.sqrt(step.variance_q), rtol=1e-4)
    assert chart.equal


def test_on_gaussian_data_the_kl_is_that_of_the_best_model() -> None:
    """With x_0 ~ N(0, v I) no model has a smaller E KL than ½ (SNR(t−1) − SNR(t)) d Var(x_0 | x_t)."""
    v, t, n = 0.49, 25, 4000
    truth = GaussianMixture(torch.ones(1), torch.zeros(1, 2), v * torch.eye(2).unsqueeze(0))
    denoiser = MixtureDenoiser(truth, SCHEDULE)
    generator = torch.Generator().manual_seed(3)
    x_0, eps = math.sqrt(v) * torch.randn(n, 2, generator=generator), torch.randn(n, 2, generator=generator)
    a, s = SCHEDULE.signal(t), SCHEDULE.noise(t)
    x_t = a * x_0 + s * eps
    prediction = denoiser(x_t, t)
    best = (
        0.5 * (math.exp(SCHEDULE.log_snr(t - 1)) - math.exp(SCHEDULE.log_snr(t))) * 2 * v * s * s / (a * a * v + s * s)
    )
    found = []
    for i in range(0, n, 10):
        one = replace(prediction, x_t=x_t[i : i + 1], output=prediction.output[i : i + 1])
        found.append(step_of(View(POINTS, one, denoiser, x_0[i : i + 1], next_t=t - 1)).kl())
    assert np.mean(found) == pytest.approx(best, abs=4 * float(np.std(found)) / math.sqrt(len(found)))


@pytest.mark.parametrize("name", [*STEP, "step_plane"])
def test_where_there_is_no_step_to_draw(name: str) -> None:
    for of, why in (
        (replace(seen("points"), x_0=None), "reverse run"),
        (seen("points", 0), "no step"),
        (seen("points", 1), "reconstruction term"),
    ):
        missing = LENSES[name].draw(of)
        if name == "step_pixel" and of.x_0 is None:  # one number of the model's own step can be drawn alone
            assert isinstance(missing, Chart)
            continue
        assert isinstance(missing, Missing)
        assert why in missing.why
    of = seen("points")
    same = replace(of, x_0=of.prediction.x0)
    assert isinstance(LENSES[name].draw(same), Missing if name == "step_means" else Chart)


def test_the_component_needs_data() -> None:
    assert isinstance(LENSES["step_component"].draw(replace(seen(), data=None)), Missing)


# --- forward noising -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule",
    [cosine(60), geometric(40, 0.05, 20.0), RectifiedFlow(50), SubVPSDE(40), cosine(2500)],
    ids=lambda s: s.name,
)
def test_steps_composed_are_the_jump(schedule: Schedule) -> None:
    """The products of α and the recursion of variances against a(t) and s(t)², and the chains against both."""
    made = chains(schedule, 4000, 1)
    assert made.times[0] == 0
    assert made.times[-1] == schedule.T
    assert len(made.times) <= 1002
    times = torch.from_numpy(made.times)
    np.testing.assert_allclose(made.scale, schedule.signal(times), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.variance, schedule.noise(times).square(), rtol=1e-9, atol=1e-12)
    for i in (1, len(made.times) // 2, len(made.times) - 1):
        _, chance = kolmogorov_smirnov(made.noise[i].astype(np.float64), 0, made.variance[i])
        assert chance > 0.001
    assert made.at(schedule.T) == len(made.times) - 1


def test_the_statistic_is_that_of_its_definition() -> None:
    x = np.array([-1.0, 0.2, 0.3, 2.0])
    below = torch.special.ndtr(torch.from_numpy((np.sort(x) - 0.1) / math.sqrt(2.0))).numpy()
    expected = max(*abs(below - np.arange(4) / 4), *abs(below - np.arange(1, 5) / 4))
    assert kolmogorov_smirnov(x, 0.1, 2.0)[0] == pytest.approx(expected)
    z = np.random.default_rng(0).standard_normal(5000)
    assert kolmogorov_smirnov(z, 0, 1)[1] > 0.01
    assert kolmogorov_smirnov(z, 0.2, 1)[1] < 1e-6
    assert kolmogorov_smirnov(z, 0, 1.5)[1] < 1e-6


@pytest.mark.parametrize(("n", "distance", "chance"), [(5, 0.563, 0.05), (10, 0.409, 0.05), (10, 0.489, 0.01)])
def test_the_chance_is_that_of_the_tables(n: int, distance: float, chance: float) -> None:
    """Critical values of the exact distribution (Massey 1951). The samples: quantiles, all too low by the distance."""
    ranks = np.clip((np.arange(n) + 1) / n - distance, 1e-3, None)
    x = torch.special.ndtri(torch.from_numpy(ranks)).numpy()
    found = kolmogorov_smirnov(x, 0, 1)
    assert found[0] == pytest.approx(distance)
    assert found[1] == pytest.approx(chance, rel=0.1)


@pytest.mark.parametrize("kind", ["image", "points"])
def test_the_histogram_is_of_the_chains_from_x_0(kind: str) -> None:
    of = seen(kind)
    assert of.x_0 is not None
    x_0 = float(of.x_0[0].flatten()[10 if kind == "image" else 0])
    chart = drawn("noising", of)
    a, s = SCHEDULE.signal(40), SCHEDULE.noise(40)
    assert chart.data.mean() == pytest.approx(a * x_0, abs=4 * s / math.sqrt(len(chart.data)))
    assert chart.data.std() == pytest.approx(s, rel=0.06)
    assert f"jump {a * x_0:.2f} ± {s:.2g}".replace("-", "−") in chart.caption
    assert chart.note.startswith("KS 0.0")
    jump = chart.lines[1]
    assert gaussian_of(np.stack([jump.x, jump.y])) == pytest.approx((1, a * x_0, s * s), rel=0.01, abs=1e-3)
    steps = chart.lines[0]
    assert np.trapezoid(steps.y, steps.x) == pytest.approx(1, abs=0.01)


def test_the_chains_lie_in_the_band() -> None:
    of = seen()
    assert of.x_0 is not None
    chart = drawn("noising_path", of)
    assert chart.data.shape == (6, 101)
    assert chart.data[:, 0] == pytest.approx(float(of.x_0[0].flatten()[10]))
    assert chart.mark is not None
    assert chart.mark == pytest.approx((40.0, float(of.prediction.x_t[0].flatten()[10])))
    middle, upper, lower = (line.y for line in chart.lines[6:])
    s = SCHEDULE.noise(torch.arange(101)).numpy()
    np.testing.assert_allclose(upper - middle, 2 * s, atol=1e-5)
    np.testing.assert_allclose(middle - lower, 2 * s, atol=1e-5)
    inside = np.abs(chart.data - middle) <= 2 * s + 1e-6
    assert inside.mean() > 0.8


@pytest.mark.parametrize("name", ["noising", "noising_path"])
def test_a_run_has_no_x_0_to_go_out_from(name: str) -> None:
    assert isinstance(LENSES[name].draw(replace(seen(), x_0=None)), Missing)
    assert isinstance(LENSES["noising"].draw(seen(t=0)), Missing)
