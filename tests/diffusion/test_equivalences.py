"""Every form from every other: closed forms against one another, and errors that are one error in other units."""

from __future__ import annotations

import itertools

import pytest
import torch

from explorer.diffusion.equivalences import (
    FORMS,
    FORMULAS,
    SOURCES,
    Source,
    coefficients,
    convert,
    form_of,
    largest_difference,
    measured_times,
    rates,
    squared_errors,
)
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import SCHEDULES, Schedule, cosine
from explorer.diffusion.velocity import velocity

PAIRS = [(source, target) for source, target in itertools.product(SOURCES, FORMS) if source != target]


def answers(schedule: Schedule, t: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """x_t, and every form of one x̂₀ and ε̂ by its definition."""
    generator = torch.Generator().manual_seed(3)
    x0, eps = torch.randn(2, 5, 4, dtype=torch.float64, generator=generator).unbind()
    at = rates(schedule, t)
    u = at.a_slope * x0 + at.s_slope * eps
    forms = {"x0": x0, "eps": eps, "score": -eps / at.s, "v": at.a * eps - at.s * x0, "u": u}
    return at.a * x0 + at.s * eps, forms


@pytest.mark.parametrize("name", ["cosine", "linear", "geometric", "ve_sde", "sub_vp_sde", "rectified_flow"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_each_form_follows_from_each(name: str, source: Source, target: str) -> None:
    schedule = SCHEDULES[name](100)
    for t in (1, 37, 99):
        x_t, forms = answers(schedule, t)
        at = rates(schedule, t)
        found = convert(x_t, forms[source], source, target, at)  # type: ignore[arg-type]  # pytest gives a str
        scale = float(forms[target].abs().max())
        torch.testing.assert_close(found, forms[target], rtol=1e-9, atol=1e-8 * scale)


def test_every_pair_has_a_formula_and_a_form_is_itself() -> None:
    assert set(FORMULAS) == set(PAIRS)
    at = rates(cosine(50), 20)
    assert all(coefficients(kind, kind, at) == (0.0, 1.0) for kind in SOURCES)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("t", [1, 250, 999])
def test_a_float32_prediction_agrees_with_all_formulas(kind: Source, t: int) -> None:
    schedule = cosine(1000)
    generator = torch.Generator().manual_seed(t)
    x_t, output = torch.randn(2, 8, 3, 4, generator=generator).unbind()
    at = rates(schedule, t)
    prediction = Prediction(x_t, t, at.a, at.s, kind, output)
    for source, target in PAIRS:
        assert largest_difference(prediction, source, target, at) < 1e-5, (source, target)


def test_the_velocity_is_the_one_of_the_tiles() -> None:
    schedule = cosine(100)
    x_t = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    prediction = Prediction(x_t, 40, schedule.signal(40), schedule.noise(40), "eps", x_t * 0.3)
    torch.testing.assert_close(form_of(prediction, "u", rates(schedule, 40)), velocity(schedule, prediction))


def test_without_signal_or_noise_some_forms_do_not_tell() -> None:
    flow = SCHEDULES["rectified_flow"](10)
    with pytest.raises(ZeroDivisionError):
        coefficients("eps", "x0", rates(flow, 10))
    with pytest.raises(ZeroDivisionError):
        coefficients("x0", "score", rates(flow, 0))


def test_the_four_errors_are_one_error_in_other_units() -> None:
    mixture = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 2), 0.5 * torch.eye(2)[None])
    schedule = cosine(100)
    denoiser = MixtureDenoiser(mixture, schedule)
    generator = torch.Generator().manual_seed(1)
    x_0, eps = 0.5**0.5 * torch.randn(4000, 2, generator=generator), torch.randn(4000, 2, generator=generator)
    for t in (5, 50, 95):
        a, s = schedule.signal(t), schedule.noise(t)
        found = {kind: float(values.mean()) for kind, values in squared_errors(denoiser, x_0, eps, t).items()}
        # The posterior variance of a Gaussian, per number.
        assert found["x0"] == pytest.approx(0.5 * s * s / (0.5 * a * a + s * s), rel=0.08)
        assert found["eps"] == pytest.approx(found["x0"] * a * a / (s * s), rel=1e-3)
        assert found["score"] == pytest.approx(found["eps"] / (s * s), rel=1e-3)
        assert found["v"] == pytest.approx(found["x0"] / (s * s), rel=1e-3)


def test_times_are_those_of_any_schedule() -> None:
    for T in (1, 20, 100, 1000):
        times = measured_times(T)
        assert times[0] == 1
        assert times[-1] == T
        assert times == sorted(set(times))
