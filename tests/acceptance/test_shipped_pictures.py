"""What the cards of our own picture models promise, seen with the models themselves."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.diffusion.equivalences import SOURCES
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.engine.engine import Engine
from explorer.engine.forms_frame import ContinuousBound, FormsMeasured, FormsShown
from explorer.engine.frame import Opened
from explorer.formats.model import Model
from explorer.formats.registry import inspect, load
from explorer.paths import CHECKPOINTS
from explorer.request import Forms, Forward, Guidance, Look, MeasureContinuous, MeasureForms, ModelRef, Open
from explorer.training.twins_quality import STORED_ERRORS

TWINS = {"digits-x0": "x0", "digits-eps": "eps", "digits-score": "score", "digits-v": "v"}
OURS = (*TWINS, "ncsn", "vdm")


@cache
def opened(name: str) -> Model:
    return load(CHECKPOINTS / name, "cpu")


def card(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((CHECKPOINTS / name / "explorer.json").read_text())
    return values


@pytest.mark.parametrize("name", OURS)
def test_each_opens_with_its_card(name: str) -> None:
    facts = inspect(CHECKPOINTS / name)
    assert facts.warnings == ()
    assert facts.shape == (1, 28, 28)
    assert facts.sample_count == 200
    assert len(facts.summary) > 100
    assert card(name)["licence"].startswith("Weights: MIT")
    assert card(name)["recipe"]["report"]["final_loss"] > 0
    assert card(name)["quality"]


@pytest.mark.parametrize(("name", "kind"), TWINS.items())
@pytest.mark.parametrize("t", [1, 10, 500, 1000])
def test_all_formulas_agree_for_each_twin(name: str, kind: str, t: int) -> None:
    engine = Engine()
    ref = ModelRef(str(CHECKPOINTS / name), "cpu")
    look = Look(ref, Forward(sample_of(t), 2, 7), t, Guidance(), ())
    (shown,) = [frame for frame in engine.answer(Forms(look)) if isinstance(frame, FormsShown)]
    assert shown.output == kind == inspect(CHECKPOINTS / name).prediction
    assert len(shown.conversions) == 16
    assert max(row.difference for row in shown.conversions) <= 1e-5
    assert {Path(curves.path).name for curves in shown.stored} >= set(TWINS)
    assert Path(shown.stored[0].path).name == name


def sample_of(t: int) -> int:
    return t % 200


def test_the_twins_differ_in_nothing_but_the_target() -> None:
    cards = [card(name) for name in TWINS]
    for one in cards:
        config = dict(one["recipe"]["config"])
        config.pop("prediction")
        assert config == {key: value for key, value in cards[0]["recipe"]["config"].items() if key != "prediction"}


def test_each_twin_is_best_where_its_loss_looks() -> None:
    """x₀ at the noisy end, ε at the clean one; v and x₀ alone know x̂₀ at T."""
    errors = {kind: card(name)["quality"][STORED_ERRORS] for name, kind in TWINS.items()}

    def error(twin: str, form: str, t: int) -> float:
        return float(errors[twin][form][errors[twin]["t"].index(t)])

    assert error("x0", "eps", 1) > 5 * error("eps", "eps", 1)
    assert error("eps", "x0", 1000) > 100 * error("v", "x0", 1000)
    assert error("v", "x0", 1000) < 1.1 * error("x0", "x0", 1000)
    assert min(SOURCES, key=lambda twin: error(twin, "eps", 1)) == "eps"


def test_a_measurement_finds_what_the_card_says() -> None:
    engine, name = Engine(), "digits-v"
    ref = ModelRef(str(CHECKPOINTS / name), "cpu")
    *_, last = [frame for frame in engine.answer(MeasureForms(ref, 10)) if isinstance(frame, FormsMeasured)]
    assert last.fraction == 1
    stored = card(name)["quality"][STORED_ERRORS]
    assert last.curves.t.tolist() == stored["t"]
    np.testing.assert_allclose(last.curves.errors["v"], stored["v"], rtol=0.3)


@torch.no_grad()
def test_ncsn_is_a_score_at_noise_levels() -> None:
    """ŝ = −ε̂/σ with E‖ε̂ − ε‖² below that of no answer at all, at every level; and the proposed sampler."""
    model = opened("ncsn")
    schedule = model.denoiser.schedule
    assert model.facts.proposed is not None
    assert model.facts.proposed.sampler == "annealed_langevin"
    assert (model.facts.schedule, model.facts.prediction) == ("geometric", "score")
    x_0 = torch.from_numpy(model.samples[:16])
    eps = NoiseSource(0, 16, model.facts.shape, model.device)(0, Stream.FORWARD)
    for t in (1, 30, 60, 100):
        sigma = schedule.noise(t)
        prediction = model.denoiser(x_0 + sigma * eps, t)
        assert float((prediction.score + eps / sigma).square().mean()) * sigma**2 < 0.7
    assert card("ncsn")["quality"]["share_with_confidence_0.8"] >= 0.85
    left = card("ncsn")["quality"]["noise_left_by_sigma"]
    assert len(left) == model.facts.proposed.steps
    assert all(abs(ratio - 1) < 0.05 for ratio in left.values())


def test_vdm_learned_its_schedule_and_its_bits() -> None:
    engine, name = Engine(), "vdm"
    ref = ModelRef(str(CHECKPOINTS / name), "cpu")
    (shown,) = [frame for frame in engine.answer(Open(ref)) if isinstance(frame, Opened)]
    assert shown.schedule is not None
    assert [reference for reference, _ in shown.schedule.references] == ["linear", "cosine"]
    assert bool((np.diff(shown.schedule.log_snr) < 0).all())
    found = [frame for frame in engine.answer(MeasureContinuous(ref, 6)) if isinstance(frame, ContinuousBound)]
    quality = card(name)["quality"]
    assert found[-1].total == pytest.approx(quality["bits_per_dimension"]["total"], rel=0.2)
    variances = {loss.name: loss.variance for loss in found[-1].losses}
    assert variances["own"] < min(variances["linear β"], variances["cosine"])
    assert -found[-1].first == pytest.approx(quality["log_snr_ends"][0], abs=0.01)
