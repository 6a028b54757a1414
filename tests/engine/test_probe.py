"""The probe names the mistake that was planted, and raises no alarm where there is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import DiscreteSchedule, Schedule, cosine, linear
from explorer.engine.engine import Engine
from explorer.engine.probe import probe
from explorer.engine.probe_frame import Probed, Probing
from explorer.facts import ModelFacts, NamedSchedule, TimeInput
from explorer.formats.model import Model
from explorer.paths import CHECKPOINTS
from explorer.request import ModelRef, Probe

CHANNELS, SIDE = 4, 8
T = 1000


class Exact:
    """The exact answer for Gaussian pictures with smooth covariance, in any convention: as good as a network can be.

    told: the time it is told → the time of the schedule that it then takes the noise level from.
    """

    def __init__(
        self, kind: Kind, schedule: Schedule, value_range: tuple[float, float], told: Callable[[float], float]
    ):
        generator = torch.Generator().manual_seed(0)
        grid = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij"), -1).reshape(-1, 2)
        distance = (grid[:, None] - grid[None]).float().square().sum(-1)
        width = value_range[1] - value_range[0]
        covariance = 0.04 * torch.exp(-distance / 18) + 1e-4 * torch.eye(SIDE**2)
        root = torch.linalg.cholesky(covariance)
        mean = 0.25 + 0.1 * torch.sin(grid[:, 0].float())
        pictures = mean + torch.randn(200 * CHANNELS, SIDE**2, generator=generator) @ root.T
        self.samples = (value_range[0] + width * pictures).reshape(200, CHANNELS, SIDE, SIDE)
        self.mean, self.covariance = value_range[0] + width * mean, width**2 * covariance
        self.kind, self.schedule, self.told = kind, schedule, told

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        t = min(max(self.told(t), 1), T)
        a, s = self.schedule.signal(t), self.schedule.noise(t)
        x = x_t.flatten(2).reshape(-1, SIDE**2)
        total = a * a * self.covariance + s * s * torch.eye(SIDE**2)
        x0 = self.mean + a * torch.linalg.solve(total, (x - a * self.mean).T).T @ self.covariance
        eps = (x - a * x0) / s
        outputs: dict[str, Tensor] = {"x0": x0, "eps": eps, "v": a * eps - s * x0, "score": -eps / s, "flow": eps - x0}
        return outputs[self.kind].reshape(x_t.shape)


def model(
    kind: Kind = "eps",
    stated: Kind = "eps",
    schedule: DiscreteSchedule | None = None,
    stated_range: tuple[float, float] = (-1.0, 1.0),
    told: Callable[[float], float] = lambda t: t,
    time: TimeInput | None = None,
    stated_schedule: str = "cosine",
) -> Model:
    network = Exact(kind, schedule or cosine(T), (-1.0, 1.0), told)
    low, high = stated_range
    samples = low + (network.samples + 1) / 2 * (high - low)
    own = cosine(T) if stated_schedule == "cosine" else linear(T)
    numbers, time = NamedSchedule(stated_schedule), time or TimeInput()
    facts = ModelFacts(
        "gaussian", "test", "Gaussian", "image", (CHANNELS, SIDE, SIDE), T, stated, own.name, stated_range,
        sample_count=200, schedule_numbers=numbers, time_input=time,
    )  # fmt: skip
    denoiser = NetworkDenoiser(network, own, stated)
    return Model(facts, denoiser, samples.numpy().astype(np.float32), torch.device("cpu"))


def found(model: Model, seed: int = 0) -> dict[str, Any]:
    """The values that the probe would set."""
    frames = list(probe(model, Probe(ModelRef("gaussian"), seed=seed)))
    assert all(isinstance(frame, Probing) for frame in frames[:-1])
    result = frames[-1]
    assert isinstance(result, Probed)
    assert result.rows[0].best
    assert any(row.in_force for row in result.rows)
    json.dumps([verdict.value for verdict in result.verdicts])
    return {verdict.key: verdict.value for verdict in result.contradictions}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", ["eps", "v", "x0", "flow"])
def test_what_is_stated_rightly_raises_no_alarm(kind: Kind, seed: int) -> None:
    assert found(model(kind, kind), seed) == {}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("kind", "stated"), [("v", "eps"), ("eps", "v"), ("x0", "eps"), ("flow", "v")])
def test_the_meaning_of_the_output(kind: Kind, stated: Kind, seed: int) -> None:
    assert found(model(kind, stated), seed) == {"prediction": kind}


@pytest.mark.parametrize("seed", range(2))
def test_the_value_range(seed: int) -> None:
    assert found(model(stated_range=(0.0, 1.0)), seed) == {"value_range": [-1.0, 1.0]}


@pytest.mark.parametrize("seed", range(2))
def test_reversed_and_scaled_times(seed: int) -> None:
    assert found(model(told=lambda t: T + 1 - t), seed) == {"time_reversed": True}
    assert found(model(told=lambda t: 1 + round((t - 1) / 4)), seed).get("time_scale") == 4


@pytest.mark.parametrize("seed", range(2))
def test_the_noise_schedule(seed: int) -> None:
    assert found(model(stated_schedule="linear"), seed) == {"schedule": {"name": "cosine"}}
    assert found(model(schedule=linear(T)), seed) == {"schedule": {"name": "linear"}}


def test_pictures_that_say_nothing_raise_no_alarm() -> None:
    right = model("v", "eps")
    noise = np.random.default_rng(0).random((200, CHANNELS, SIDE, SIDE)).astype(np.float32)
    frames = list(probe(replace(right, samples=noise), Probe(ModelRef("gaussian"))))
    result = frames[-1]
    assert isinstance(result, Probed)
    assert result.contradictions == ()
    assert "cannot tell" in result.sentence


# --- the shipped models ------------------------------------------------------------------------------------------


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def probed(path: Path, seed: int = 0) -> Probed:
    last = list(Engine().answer(Probe(ModelRef(str(path), "cpu"), seed=seed)))[-1]
    assert isinstance(last, Probed)
    return last


def test_mistakes_planted_together_in_a_shipped_model(tmp_path: Path) -> None:
    """Output, range and time of the faces at once."""
    folder = tmp_path / "faces"
    shutil.copytree(CHECKPOINTS / "faces", folder)
    change(folder / "scheduler" / "scheduler_config.json", prediction_type="epsilon")
    change(folder / "explorer.json", value_range=[0, 1], time_reversed=True)
    result = probed(folder)
    assert {verdict.key: verdict.value for verdict in result.contradictions} == {
        "prediction": "v",
        "value_range": [-1.0, 1.0],
        "time_reversed": False,
    }
    assert "behaves like v-prediction; the file says ε-prediction" in result.sentence


@pytest.mark.parametrize("offset", [-1, 1])
def test_an_offset_planted_in_a_shipped_model(tmp_path: Path, offset: int) -> None:
    folder = tmp_path / "digits"
    shutil.copytree(CHECKPOINTS / "digits", folder)
    change(folder / "explorer.json", time_offset=offset)
    assert {verdict.key: verdict.value for verdict in probed(folder).contradictions} == {"time_offset": 0.0}
