"""What each lens computes from a prediction, and on which ground."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.prediction import Prediction
from explorer.diffusion.schedules import DiscreteSchedule, cosine, geometric
from explorer.facts import ModelFacts
from explorer.lenses.base import View, groups, number, numpy32, points_caption
from explorer.lenses.drawable import Arrows, Field, Image, Points
from explorer.lenses.plane import DEFAULT_HALF_WIDTH, extent, lattice, log_density
from explorer.lenses.registry import LENSES

PICTURES = ModelFacts("p", "diffusers", "P", "image", (3, 4, 4), 100, "eps", "cosine")
POINTS = ModelFacts("q", "own", "Q", "points", (2,), 100, "score", "cosine")

TRUTH = GaussianMixture(
    torch.tensor([0.7, 0.3]),
    torch.tensor([[-1.5, 1.0], [1.5, -1.0]]),
    torch.tensor([[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.0], [0.0, 0.1]]]),
)


def pictures(t: int = 50, n: int = 2, channels: int = 3) -> View:
    generator = torch.Generator().manual_seed(t)
    x_t, eps = (torch.randn(n, channels, 4, 4, generator=generator) for _ in range(2))
    schedule = cosine(100)
    prediction = Prediction(x_t, t, schedule.signal(t), schedule.noise(t), "eps", eps)
    facts = PICTURES if channels == 3 else ModelFacts("p", "d", "P", "image", (channels, 4, 4), 100, "eps", "cosine")
    return View(facts, prediction, MixtureDenoiser(TRUTH, schedule))


def points(t: int = 50, n: int = 30, schedule: DiscreteSchedule | None = None, truth: bool = True) -> View:
    schedule = schedule or cosine(100)
    denoiser = MixtureDenoiser(TRUTH, schedule)
    x_t = torch.randn(n, 2, generator=torch.Generator().manual_seed(1))
    return View(POINTS, denoiser(x_t, t), denoiser, truth=TRUTH if truth else None)


def test_lenses_are_found_by_their_names() -> None:
    for name, lens in LENSES.items():
        assert lens.name == name
        assert lens.label
        assert lens.formula
        assert set(lens.kinds) <= {"image", "points", "line", "latent"}
        assert lens.kinds


def test_every_lens_shows_its_quantity() -> None:
    for view in pictures(), points():
        prediction = view.prediction
        expected = {name: getattr(prediction, name) for name in ("x_t", "x0", "eps", "score", "v")}
        for name, values in expected.items():
            if view.facts.kind in LENSES[name].kinds:
                drawable = LENSES[name].draw(view)
                np.testing.assert_array_equal(drawable.data, values.numpy())
                assert drawable.data.dtype == np.float32


# --- pictures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 50, 100])
def test_scales_of_pictures(t: int) -> None:
    view = pictures(t)
    s = number(view.prediction.s)
    expected = {"x_t": ("data", 1.0), "x0": ("data", 1.0), "eps": ("signed", 3.0), "v": ("signed", 3.0)}
    for name, (palette, limit) in {**expected, "score": ("signed", 3.0 / s)}.items():
        drawable = LENSES[name].draw(view)
        assert isinstance(drawable, Image)
        assert drawable.palette == palette
        assert drawable.limits == pytest.approx((-limit, limit))


def test_notes_tell_what_a_picture_cannot_show() -> None:
    view = pictures(90)
    x0 = LENSES["x0"].draw(view)
    outside = float((view.prediction.x0.abs() > 1).float().mean())
    furthest = view.prediction.x0.flatten()[view.prediction.x0.abs().argmax()]
    assert x0.note == f"{outside:.0%} beyond ±1, to {furthest:.3g}".replace("-", "−")
    assert LENSES["x0"].draw(pictures(0)).note != ""  # the data of this view lie outside themselves
    assert LENSES["eps"].draw(view).note == "mean of channels"
    assert LENSES["eps"].draw(pictures(channels=1)).note == ""


# --- points ----------------------------------------------------------------------------------------------


def test_kinds_of_drawables_of_points() -> None:
    view = points()
    assert isinstance(LENSES["x_t"].draw(view), Points)
    assert isinstance(LENSES["x0"].draw(view), Points)
    assert isinstance(LENSES["score"].draw(view), Field)
    arrows = LENSES["eps"].draw(view)
    assert isinstance(arrows, Arrows)
    tips = arrows.origins + arrows.scale * arrows.data
    expected = number(view.prediction.a) * view.prediction.x0
    np.testing.assert_allclose(tips, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_groups_are_components() -> None:
    prediction = Prediction(
        torch.zeros(4, 2), 0, 1.0, 0.0, "x0", torch.tensor([[-1.4, 1], [1.5, -1], [9, -9], [-2, 2]])
    )
    view = View(POINTS, prediction, MixtureDenoiser(TRUTH, cosine(100)), truth=TRUTH)
    assert groups(view).tolist() == [0, 1, 1, 0]
    known = View(POINTS, prediction, view.denoiser, x_0=TRUTH.means[[1, 1, 0, 1]], truth=TRUTH)
    assert groups(known).tolist() == [1, 1, 0, 1]  # the data's own component, where it is known
    assert groups(View(POINTS, prediction, view.denoiser)).tolist() == [0, 0, 0, 0]


def test_groups_of_x_0_stay_along_t() -> None:
    x_0 = TRUTH.means[[0, 1, 0]]
    found = []
    for t in 1, 60, 100:
        view = points(t, 3)
        found.append(groups(View(POINTS, view.prediction, view.denoiser, x_0=x_0, truth=TRUTH)).tolist())
    assert found == [[0, 1, 0]] * 3


def test_captions() -> None:
    assert points_caption(points(n=1234, truth=False)) == "1,234 points"
    assert "x̂₀" in points_caption(points())
    view = points(n=2)
    assert "x₀" in points_caption(View(POINTS, view.prediction, view.denoiser, x_0=TRUTH.means, truth=TRUTH))


def test_the_view_stays_where_variance_is_preserved_and_grows_where_it_explodes() -> None:
    assert {extent(points(t)) for t in (0, 50, 100)} == {(-3.5, 3.5, -3.5, 3.5)}
    schedule = geometric(10, sigma_min=0.01, sigma_max=20.0)
    for t in 1, 7, 10:
        half = DEFAULT_HALF_WIDTH * max(schedule.noise(t), 1.0)
        assert extent(points(t, schedule=schedule)) == pytest.approx((-half, half, -half, half))


def test_the_lattice_runs_row_by_row_from_the_bottom() -> None:
    places = lattice(points(), 4)
    assert places.shape == (16, 2)
    half, cell = DEFAULT_HALF_WIDTH, 2 * DEFAULT_HALF_WIDTH / 4
    torch.testing.assert_close(places[0], torch.tensor([-half + cell / 2, -half + cell / 2]))
    torch.testing.assert_close(places[1] - places[0], torch.tensor([cell, 0.0]))
    torch.testing.assert_close(places[4] - places[0], torch.tensor([0.0, cell]))
    torch.testing.assert_close(places[-1], torch.tensor([half - cell / 2, half - cell / 2]))


def test_the_densitys_first_row_is_the_bottom() -> None:
    """The heavier component lies at the upper left."""
    view = points(5)
    density = log_density(view, TRUTH)
    cells = len(density)
    row, column = np.unravel_index(density.argmax(), density.shape)
    assert row > cells / 2
    assert column < cells / 2
    a, s = number(view.prediction.a), number(view.prediction.s)
    width = 2 * DEFAULT_HALF_WIDTH / cells
    for r, c in (3, 90), (80, 10), (47, 48):
        place = torch.tensor([[-DEFAULT_HALF_WIDTH + (c + 0.5) * width, -DEFAULT_HALF_WIDTH + (r + 0.5) * width]])
        assert density[r, c] == pytest.approx(float(TRUTH.log_density(place, a, s)), rel=1e-4, abs=1e-4)


def test_the_density_is_one() -> None:
    for t in 10, 100:
        density = log_density(points(t), TRUTH)
        cell = 2 * DEFAULT_HALF_WIDTH / len(density)
        assert float(np.exp(density.astype(np.float64)).sum()) * cell**2 == pytest.approx(1, abs=0.01)


def test_the_score_field() -> None:
    view = points(40)
    field = LENSES["score"].draw(view)
    assert isinstance(field, Field)
    a, s = number(view.prediction.a), number(view.prediction.s)
    expected = TRUTH.score(torch.from_numpy(field.grid), a, s).numpy()
    np.testing.assert_allclose(field.vectors, expected, rtol=1e-4, atol=1e-4)
    assert field.background is not None
    assert field.certain.min() >= 0
    assert field.certain.max() == 1
    near = np.linalg.norm(field.grid - a * TRUTH.means[0].numpy(), axis=1).argmin()
    far = np.linalg.norm(field.grid - [3.4, 3.4], axis=1).argmin()
    assert field.certain[near] > field.certain[far]
    without = LENSES["score"].draw(points(40, truth=False))
    assert isinstance(without, Field)
    assert without.background is None
    assert (without.certain == 1).all()
    exact = LENSES["score"].draw(replace(view, facts=replace(view.facts, density_known=True)))
    assert isinstance(exact, Field)
    assert (exact.certain == 1).all()
    assert "learned" in field.caption
    assert "exact" in exact.caption
    assert "learned" not in exact.caption


# --- tensors to arrays -----------------------------------------------------------------------------------


def test_arrays_of_tensors() -> None:
    found = numpy32(torch.tensor([1.5, -2.0], dtype=torch.float64, requires_grad=True))
    assert found.dtype == np.float32
    assert found.tolist() == [1.5, -2.0]
    assert numpy32(torch.ones(2, 3, device="meta")).tolist() == [[0.0] * 3] * 2
    assert math.isclose(number(torch.tensor(0.25)), 0.25)
