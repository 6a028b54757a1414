"""Lenses for single numbers, against closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.guidance.classifier_free import ClassifierFreeGuidance
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.path import transition
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import cosine
from explorer.facts import ModelFacts
from explorer.lenses import line
from explorer.lenses.base import View
from explorer.lenses.difference import difference
from explorer.lenses.drawable import Bars, Chart, Missing
from explorer.lenses.picture import picture
from explorer.lenses.registry import LENSES

TRUTH = GaussianMixture(torch.tensor([0.7, 0.3]), torch.tensor([[-1.0], [1.0]]), torch.tensor([[[0.04]], [[0.09]]]))
SCHEDULE = cosine(20)
FACTS = ModelFacts("p", "own", "P", "line", (1,), 20, "score", "cosine", class_names=("left", "right"))


def numbers(t: int = 8, n: int = 4000, run: bool = False) -> View:
    generator = torch.Generator().manual_seed(0)
    x_0 = TRUTH.draw(torch.randn(n, 1, generator=generator), torch.rand(n, generator=generator))
    eps = torch.randn(n, 1, generator=generator)
    denoiser = MixtureDenoiser(TRUTH, SCHEDULE)
    x_t = SCHEDULE.signal(t) * x_0 + SCHEDULE.noise(t) * eps
    view = View(FACTS, denoiser(x_t, t), denoiser, x_0, eps, truth=TRUTH, exact=denoiser, next_t=t - 1 if t else None)
    if not run:
        return view
    times = (20.0, 14.0, 8.0, 0.0)
    return replace(view, x_0=None, eps=None, recorded=lambda: [(0, x_t * 2), (2, x_t)], times=times, step=2)


def chart(name: str, view: View) -> Chart:
    drawn = LENSES[name].draw(view)
    assert isinstance(drawn, Chart), name
    return drawn


def test_every_lens_of_numbers_draws_at_any_t() -> None:
    for view in numbers(), numbers(0), numbers(20), numbers(run=True):
        for name, lens in LENSES.items():
            if "line" in lens.kinds:
                drawn = lens.draw(view)
                assert isinstance(drawn, Chart | Bars | Missing), name
                if isinstance(drawn, Chart):
                    assert all(np.isfinite(curve.x).all() and np.isfinite(curve.y).all() for curve in drawn.lines), name
                assert picture(drawn).size == (384, 384)


def test_the_histogram_is_a_density_beside_the_exact_one() -> None:
    samples, exact = chart("x_t", numbers()).lines
    assert float(np.trapezoid(samples.y, samples.x)) == pytest.approx(1, abs=0.01)
    assert float(np.trapezoid(exact.y, exact.x)) == pytest.approx(1, abs=0.01)
    assert float(np.abs(np.interp(exact.x, samples.x, samples.y) - exact.y).max()) < 0.15
    assert chart("x_t", numbers(1)).extent == chart("x_t", numbers(19)).extent


@pytest.mark.parametrize("name", ["x0", "eps", "score", "v"])
def test_curves_are_the_answers_of_the_model(name: str) -> None:
    view = numbers()
    drawn = chart(name, view)
    np.testing.assert_array_equal(drawn.data, getattr(view.prediction, name).numpy())
    model, exact = drawn.lines[:2]
    expected = getattr(view.denoiser(torch.from_numpy(model.x).unsqueeze(1), 8), name).numpy()[:, 0]
    inside = np.abs(expected) < 2.9
    np.testing.assert_allclose(model.y[inside], expected[inside], atol=1e-6)
    np.testing.assert_array_equal(exact.y, model.y)


def test_the_means_of_single_scores_are_the_score() -> None:
    model, _, means = chart("score_given_x0", numbers(n=40_000)).lines
    apart = np.abs(means.y - np.interp(means.x, model.x, model.y))
    assert float(apart[np.abs(means.x) < 1].mean()) < 0.15


def test_the_step_is_both_bells_and_in_a_run_that_of_the_model() -> None:
    view = numbers()
    assert view.x_0 is not None
    q = transition(SCHEDULE, 8, 7)
    mean_q, mean_p = (
        float(q.mean_x_t * view.prediction.x_t[0] + q.mean_x0 * x_0[0]) for x_0 in (view.x_0, view.prediction.x0)
    )
    both = chart("step_line", view)
    assert both.note == f"KL {(mean_q - mean_p) ** 2 / (2 * q.posterior_variance):.3g} nats"
    for curve, mean in zip(both.lines[::2], (mean_q, mean_p), strict=True):
        assert curve.x[int(curve.y.argmax())] == pytest.approx(mean, abs=0.02)
    alone = chart("step_line", numbers(run=True))
    assert len(alone.data) == 1
    np.testing.assert_allclose(alone.data[0], both.data[1], atol=1e-6)
    assert isinstance(LENSES["step_line"].draw(replace(numbers(run=True), next_t=0)), Missing)


def test_paths_go_over_the_time_of_the_run_or_over_steps_at_one_level() -> None:
    view = numbers(run=True)
    drawn = chart("over_time", view)
    np.testing.assert_array_equal(drawn.lines[0].x, [20, 8])
    np.testing.assert_allclose(drawn.data[:, 1], view.prediction.x_t[:60, 0].numpy())
    at_one = chart("over_time", replace(view, times=(8.0, 8.0, 8.0)))
    np.testing.assert_array_equal(at_one.lines[0].x, [0, 2])
    assert (drawn.x_label, at_one.x_label) == ("t", "step")


def test_an_error_is_seen_and_subtracted() -> None:
    view = numbers()
    np.testing.assert_allclose(chart("error", view).lines[0].y, 0, atol=1e-6)

    class Off(MixtureDenoiser):
        def __call__(self, x_t: torch.Tensor, t: float, condition: torch.Tensor | None = None) -> Prediction:
            found = super().__call__(x_t, t, condition)
            return replace(found, output=found.output + 0.2 / found.s)

    off = Off(TRUTH, SCHEDULE)
    worse = replace(view, denoiser=off, prediction=off(view.prediction.x_t, 8))
    np.testing.assert_allclose(chart("error", worse).lines[0].y, 0.2, atol=1e-4)
    apart = difference(chart("eps", worse), chart("eps", view))
    assert isinstance(apart, Chart)
    np.testing.assert_allclose(apart.data[np.abs(apart.lines[0].x) < 1], -0.2, atol=1e-4)


def test_density_and_energy_are_exact() -> None:
    view = numbers()
    expected = TRUTH.log_density(line.places(view), float(view.prediction.a), float(view.prediction.s)).numpy()
    np.testing.assert_allclose(chart("density", view).data, expected, atol=1e-5)
    np.testing.assert_allclose(chart("energy", view).data, -expected, atol=1e-5)


def test_guidance_draws_what_it_mixes() -> None:
    view = numbers()
    assert isinstance(LENSES["guidance"].draw(view), Missing)
    guided = ClassifierFreeGuidance(view.denoiser, torch.tensor([1]), 2.0)
    seen = replace(view, denoiser=guided, prediction=guided(view.prediction.x_t, 8))
    labelled, plain, mixed = chart("guidance", seen).lines
    middle = (np.abs(labelled.x) < 1) & (np.abs(mixed.y) < 2.9)  # cut off at the edges of the plot
    np.testing.assert_allclose((2 * labelled.y - plain.y)[middle], mixed.y[middle], atol=1e-5)
