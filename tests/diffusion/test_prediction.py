"""The forms of a prediction are one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.diffusion.prediction import KINDS, Kind, Prediction

PATHS = {"variance preserving": (0.8, 0.6), "exploding": (1.0, 3.0), "flow": (0.7, 0.3), "noisy": (0.01, 0.99995)}


def forms(x0: Tensor, eps: Tensor, a: float, s: float) -> dict[Kind, Tensor]:
    return {"x0": x0, "eps": eps, "score": -eps / s, "v": a * eps - s * x0, "flow": eps - x0}


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def draw(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x0, eps = torch.randn(2, 5, 3, 4, 4, generator=generator, dtype=dtype)
    return x0, eps


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("per_sample", [False, True])
def test_every_form_gives_all_the_others(kind: Kind, path: str, per_sample: bool) -> None:
    x0, eps = draw(torch.float64)
    a, s = PATHS[path]
    known = forms(x0, eps, a, s)
    x_t = a * x0 + s * eps
    coefficients = [torch.full((5, 1, 1, 1), c, dtype=torch.float64) for c in (a, s)] if per_sample else [a, s]
    prediction = Prediction(x_t, 7, coefficients[0], coefficients[1], kind, known[kind])
    for form in KINDS:
        assert_close(getattr(prediction, form), known[form])
    assert getattr(prediction, kind) is known[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["variance preserving", "exploding", "flow"])
def test_a_prediction_is_consistent_in_float32(kind: Kind, path: str) -> None:
    """x_t = a x̂₀ + s ε̂ and score = −ε̂/s hold for any output, not only for a true one."""
    x_t, output = draw()
    a, s = PATHS[path]
    prediction = Prediction(x_t, 7, a, s, kind, output)
    assert_close(a * prediction.x0 + s * prediction.eps, x_t)
    assert_close(prediction.score, -prediction.eps / s)
    assert_close(prediction.v, a * prediction.eps - s * prediction.x0)
    assert_close(prediction.x0, (x_t + s**2 * prediction.score) / a)
    for form in KINDS:
        again = Prediction(x_t, 7, a, s, form, getattr(prediction, form))
        for other in KINDS:
            torch.testing.assert_close(getattr(again, other), getattr(prediction, other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_at_t_0_the_state_is_the_data(kind: Kind) -> None:
    x_t, _ = draw()
    nothing = torch.zeros_like(x_t)
    output = {"x0": x_t, "eps": nothing, "v": nothing, "score": torch.ones_like(x_t), "flow": -x_t}[kind]
    prediction = Prediction(x_t, 0, 1.0, 0.0, kind, output)
    assert torch.equal(prediction.x0, x_t)
    assert not prediction.eps.any()
    assert not prediction.v.any()
    if kind == "score":
        assert prediction.score is output
    else:
        assert bool(prediction.score.isnan().all())


def test_v_still_tells_x0_where_no_signal_is_left() -> None:
    x_t, output = draw()
    prediction = Prediction(x_t, 1000, 0.0, 1.0, "v", output)
    torch.testing.assert_close(prediction.x0, -output)
    torch.testing.assert_close(prediction.eps, x_t)


def test_select_is_the_prediction_of_part_of_the_batch() -> None:
    x_t, output = draw()
    prediction = Prediction(x_t, 7, 0.8, 0.6, "v", output)
    part = prediction.select(slice(1, 3))
    for form in KINDS:
        assert torch.equal(getattr(part, form), getattr(prediction, form)[1:3])


def test_a_flow_is_what_leads_from_data_to_noise() -> None:
    generator = torch.Generator().manual_seed(3)
    x_0, eps = torch.randn(2, 4, 3, generator=generator)
    for a, s in ((0.7, 0.3), (0.6, 0.8), (1.0, 5.0)):
        said = Prediction(a * x_0 + s * eps, 5, a, s, "flow", eps - x_0)
        torch.testing.assert_close(said.x0, x_0)
        torch.testing.assert_close(said.eps, eps)
