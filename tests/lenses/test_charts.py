"""Lenses that draw curves: spectrum, histogram, and the path of a run."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from explorer.lenses import histogram, path, spectrum
from explorer.lenses.drawable import Chart, Missing
from explorer.lenses.path import principal_path
from explorer.lenses.picture import picture
from explorer.lenses.spectrum import radial_power
from tests.lenses.test_lenses import pictures, points


def test_white_noise_has_its_variance_at_every_frequency() -> None:
    noise = 1.5 * np.random.default_rng(0).standard_normal((400, 1, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(radial_power(noise), 2.25, rtol=0.1)


def test_a_wave_has_power_at_its_own_frequency_alone() -> None:
    x = np.arange(16, dtype=np.float32)
    wave = np.cos(2 * np.pi * 3 * x / 16)[None, None, None].repeat(16, axis=2)
    power = radial_power(wave)
    assert power.argmax() == 2
    assert power[2] > 1e6 * np.delete(power, 2).max()


def test_parseval() -> None:
    """Over all frequencies the powers add up to the squares of the pixels, whatever the frequency's circle."""
    pixels = np.random.default_rng(1).standard_normal((3, 2, 6, 10)).astype(np.float32)
    power = np.abs(np.fft.fft2(pixels)) ** 2 / 60
    assert math.isclose(power.sum(), (pixels**2).sum(), rel_tol=1e-5)
    assert len(radial_power(pixels)) == 3


def test_the_spectrum_lens_shows_the_data_and_the_noise() -> None:
    view = replace(pictures(), data=np.ones((5, 3, 4, 4), np.float32))
    chart = spectrum.draw(view)
    assert isinstance(chart, Chart)
    assert [line.name for line in chart.lines] == ["noise s²", "data", "x_t", "x̂₀"]
    np.testing.assert_allclose(chart.lines[0].y, float(view.prediction.s) ** 2, rtol=1e-6)
    np.testing.assert_allclose(chart.data[0], radial_power(view.prediction.x_t.numpy()), rtol=1e-6)
    assert all((line.y > 0).all() for line in chart.lines), "the axis is logarithmic"


def test_a_histogram_is_a_density() -> None:
    view = points(n=20_000)
    chart = histogram.draw(view)
    assert isinstance(chart, Chart)
    width = histogram.EDGES[1] - histogram.EDGES[0]
    x_t = view.prediction.x_t.numpy()
    assert math.isclose(float(chart.data[0].sum() * width), float((np.abs(x_t) <= 4).mean()), rel_tol=1e-5)
    normal = chart.lines[0].y
    assert np.abs(chart.data[0] - normal).max() < 0.04, "the points of this view are standard normal"


def test_principal_components_of_a_path_in_a_plane() -> None:
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(30, 2, generator=generator)).Q
    flat = torch.stack([torch.linspace(-3, 3, 20), torch.linspace(-1, 1, 20) ** 2], dim=1)
    places, shares = principal_path(flat @ basis.T + 5.0)
    expected = (flat - flat.mean(dim=0)).numpy()
    np.testing.assert_allclose(np.abs(places), np.abs(expected), atol=1e-4)
    assert math.isclose(float(shares.sum()), 1.0, rel_tol=1e-5)


def test_a_path_of_two_steps() -> None:
    places, shares = principal_path(torch.tensor([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]))
    np.testing.assert_allclose(np.abs(places[:, 0]), 2.5, rtol=1e-5)
    np.testing.assert_allclose(shares, [1, 0], atol=1e-6)


def test_the_path_needs_a_run() -> None:
    assert isinstance(path.draw(pictures()), Missing)


def test_the_path_lens_marks_the_step_on_show() -> None:
    view = pictures(n=1)
    steps = [(i, view.prediction.x_t * (1 - i / 10)) for i in range(0, 10, 3)]
    chart = path.draw(replace(view, recorded=lambda: steps, step=6))
    assert isinstance(chart, Chart)
    assert chart.mark is not None
    np.testing.assert_allclose(chart.mark, chart.data[2])
    assert [len(line.x) for line in chart.lines] == [2, 3]
    in_the_plane = points()
    recorded = [(i, in_the_plane.prediction.x_t + i) for i in range(4)]
    chart = path.draw(replace(in_the_plane, recorded=lambda: recorded, step=1))
    assert isinstance(chart, Chart)
    assert chart.lines[-1].dots
    np.testing.assert_allclose(chart.lines[-1].x, in_the_plane.prediction.x_t[:, 0] + 1)


def test_charts_as_pictures_in_files() -> None:
    drawn = np.asarray(picture(spectrum.draw(pictures())))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 4
