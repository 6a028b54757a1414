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
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import DiscreteSchedule, Schedule, cosine, linear
from explorer.engine.engine import Engine
from explorer.engine.probe import probe
from explorer.engine.probe_asking import Asked, Clock
from explorer.engine.probe_finer import compare_weights
from explorer.engine.probe_found import Found, Hypothesis
from explorer.engine.probe_frame import Probed, Probing
from explorer.engine.probe_pictures import known_pictures
from explorer.engine.probe_verdicts import weights_verdict
from explorer.facts import ModelError, ModelFacts, NamedSchedule, TimeInput
from explorer.formats import unet
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.formats.unet_config import NetworkConfig
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


def test_reversed_and_scaled_times() -> None:
    assert found(model(told=lambda t: T + 1 - t)) == {"time_reversed": True}
    assert found(model(told=lambda t: 1 + round((t - 1) / 4))).get("time_scale") == 4


def test_the_noise_schedule() -> None:
    assert found(model(stated_schedule="linear")) == {"schedule": {"name": "cosine"}}
    assert found(model(schedule=linear(T))) == {"schedule": {"name": "linear"}}


def test_pictures_that_say_nothing_raise_no_alarm() -> None:
    right = model("v", "eps")
    noise = np.random.default_rng(0).random((200, CHANNELS, SIDE, SIDE)).astype(np.float32)
    frames = list(probe(replace(right, samples=noise), Probe(ModelRef("gaussian"))))
    result = frames[-1]
    assert isinstance(result, Probed)
    assert result.contradictions == ()
    assert "cannot tell" in result.sentence


@pytest.mark.parametrize(
    ("damage", "said"), [(0.0, ""), (0.165, "suspect the weights first"), (0.3, "untrained or damaged")]
)
def test_weights_that_hardly_explain_the_pictures_are_doubted(damage: float, said: str) -> None:
    right = model()
    assert isinstance(right.denoiser, NetworkDenoiser)
    network, generator = right.denoiser.network, torch.Generator().manual_seed(1)

    def spoilt(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        return network(x_t, t, condition) + damage * torch.randn(x_t.shape, generator=generator)

    result = list(probe(replace(right, denoiser=replace(right.denoiser, network=spoilt)), Probe(ModelRef("gaussian"))))[
        -1
    ]
    assert isinstance(result, Probed)
    assert ("weights" in result.sentence) == bool(said)
    assert said in result.sentence


@pytest.mark.parametrize("planted", [-1.0, 1.0])
def test_an_offset_that_is_the_same_at_every_t_is_believed(planted: float) -> None:
    shifted = model(schedule=linear(T), stated_schedule="linear", told=lambda t: t + planted)
    assert found(shifted) == {"time_offset": -planted}


def test_more_noise_at_small_t_alone_is_no_offset() -> None:
    """As with pictures that are a little blurred: the preferred shift is large at first and soon nothing."""
    drifting = model(told=lambda t: max(t - 2.0, 1.0) if t < 7 else t)
    assert "time_offset" not in found(drifting)


def test_one_picture_does_not_decide_about_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(np.full((SIDE, SIDE, 3), 128, np.uint8)).save(path)
    facts = replace(model().facts, shape=(3, SIDE, SIDE))
    known = known_pictures(replace(model(), facts=facts), str(path), 0)
    assert [(k.own, k.many, len(k.pictures)) for k in known] == [(True, False, 1)]
    for number in range(8):
        Image.fromarray(np.full((SIDE, SIDE, 3), 20 * number, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    known = known_pictures(replace(model(), facts=facts), str(tmp_path), 0)
    assert [(k.own, k.many, len(k.pictures)) for k in known] == [(True, True, 9)]
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelError, match="no picture in the folder"):
        known_pictures(replace(model(), facts=facts), str(tmp_path / "none"), 0)


def test_pictures_are_borrowed_where_a_model_has_none() -> None:
    bare = replace(
        model(), facts=replace(model().facts, shape=(3, 20, 20)), samples=np.zeros((0, 3, 20, 20), np.float32)
    )
    known = known_pictures(bare, None, 0)
    assert [k.title.split(",")[0] for k in known] == ["made-up patterns", "digits", "faces"]
    assert all(k.pictures.shape[1:] == (3, 20, 20) and not k.own for k in known)
    assert all(k.pictures.min() >= 0 and k.pictures.max() <= 1 for k in known)


# --- the shipped models ------------------------------------------------------------------------------------------

KINDS_OF = {"digits": "eps", "faces": "v"}
LINEAR: dict[str, Any] = {"user": {"schedule": {"name": "linear"}}}
SCALED: dict[str, Any] = {"user": {"schedule": {"name": "scaled_linear"}}}
SIGMOID: dict[str, Any] = {"user": {"schedule": {"name": "sigmoid"}}}
COSINE = {"schedule": {"name": "cosine"}}
PLANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "none": ({}, {}),
    "x0": ({"prediction": "x0"}, {"prediction": ...}),
    "flow": ({"prediction": "flow"}, {"prediction": ...}),
    "other": ({"prediction": "other"}, {"prediction": ...}),
    "range": ({"user": {"value_range": [0, 1]}}, {"value_range": [-1.0, 1.0]}),
    "one more": ({"time_offset": 1}, {"time_offset": 0.0}),
    "one less": ({"time_offset": -1}, {"time_offset": 0.0}),
    "reversed": ({"time_reversed": True}, {"time_reversed": False}),
    "linear": (LINEAR, COSINE),
    "scaled_linear": (SCALED, COSINE),
    "sigmoid": (SIGMOID, COSINE),
}
"""What is said wrongly in the card, and what the probe must then say."""


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.fixture(scope="module")
def shared() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Answers by question, networks by shape."""
    return {}, {}


@pytest.fixture
def shared_answers(shared: tuple[dict[Any, Any], dict[Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights are the same under every planted mistake: read once, and what was asked of them for one serves the
    others."""
    known, networks = shared
    ask, read = Asked._ask, unet.load_network

    def once(asked: Asked, *question: Any) -> Any:
        weights = tuple(asked.known.pictures.shape), asked.known.title
        key = (weights, asked.seed, *(round(part, 9) if isinstance(part, float) else part for part in question))
        if key not in known:
            known[key] = ask(asked, *question)
        return known[key]

    def read_once(config: NetworkConfig, *rest: Any) -> Any:
        if config.shape not in networks:
            networks[config.shape] = read(config, *rest)
        return networks[config.shape]

    monkeypatch.setattr(Asked, "_ask", once)
    monkeypatch.setattr(unet, "load_network", read_once)


@pytest.mark.usefixtures("shared_answers")
@pytest.mark.parametrize("name", KINDS_OF)
def test_every_mistake_planted_in_a_shipped_model_is_named(tmp_path: Path, name: str) -> None:
    """With one seed of noise and pictures; with twelve others it was measured, and right every time."""
    right = KINDS_OF[name]
    said = {}
    for plant, (card, wanted) in PLANTS.items():
        folder = tmp_path / plant
        shutil.copytree(CHECKPOINTS / name, folder)
        card = {k: {"eps": "v", "v": "eps"}[right] if value == "other" else value for k, value in card.items()}
        change(folder / "explorer.json", **card)
        last = list(Engine().answer(Probe(ModelRef(str(folder), "cpu"))))[-1]
        assert isinstance(last, Probed)
        values = {verdict.key: verdict.value for verdict in last.contradictions}
        wanted = {k: right if value is ... else value for k, value in wanted.items()}
        said[plant] = values == wanted or (values, last.sentence)
    assert said == dict.fromkeys(PLANTS, True)


@pytest.mark.parametrize("name", KINDS_OF)
def test_raw_weights_in_use_where_the_averaged_are_there_too(tmp_path: Path, name: str) -> None:
    """The shipped weights are averaged; a few steps of training on at a constant rate make raw ones of them."""
    folder = tmp_path / name
    shutil.copytree(CHECKPOINTS / name, folder)
    shutil.copytree(folder / "unet", folder / "unet_ema")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file(train_on(folder, KINDS_OF[name]), weights)
    uses: dict[str, dict[str, Any]] = {"raw": {"weights": "ema"}, "ema": {}}
    for used, wanted in list(uses.items())[: 1 if name == "digits" else 2]:  # the digits are the slower ones
        change(folder / "explorer.json", weights=used)
        made = load(folder, torch.device("cpu"))
        assert isinstance(made.denoiser, NetworkDenoiser)
        (known,) = known_pictures(made, None, 0)
        clock = Clock(made.denoiser.schedule, made.facts.schedule_numbers, made.facts.schedule)
        told = Hypothesis(clock, made.facts.value_range, made.facts.prediction)
        state = Found(told, told, told_level=False)
        list(compare_weights(Asked(made.denoiser, known, 0), state, made, Probe(ModelRef(str(folder), "cpu"))))
        assert {v.key: v.value for v in [weights_verdict(made.facts, state, known.many)] if v.value} == wanted


def train_on(folder: Path, kind: str) -> dict[str, Tensor]:
    """Raw weights: a few steps of Adam at a constant rate, on the model's own samples."""
    made = load(folder, torch.device("cpu"))
    assert isinstance(made.denoiser, NetworkDenoiser)
    call: Any = made.denoiser.network
    network = call.network
    samples = torch.from_numpy(np.asarray(made.samples))
    generator = torch.Generator().manual_seed(0)
    network.requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), 5e-4)
    schedule = made.denoiser.schedule
    for step in range(6):
        x_0 = samples[torch.randint(len(samples), (8,), generator=generator)]
        t = 100 + 150 * step
        a, s = schedule.signal(t), schedule.noise(t)
        eps = torch.randn(x_0.shape, generator=generator)
        output = call(a * x_0 + s * eps, float(t), None)
        loss = (output - (eps if kind == "eps" else a * eps - s * x_0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.requires_grad_(False)
    return {key: value.contiguous() for key, value in network.state_dict().items()}


@pytest.mark.usefixtures("shared_answers")
def test_mistakes_planted_together_in_a_shipped_model(tmp_path: Path) -> None:
    """Output, range and time of the faces at once."""
    folder = tmp_path / "faces"
    shutil.copytree(CHECKPOINTS / "faces", folder)
    change(folder / "scheduler" / "scheduler_config.json", prediction_type="epsilon")
    change(folder / "explorer.json", value_range=[0, 1], time_reversed=True)
    result = list(Engine().answer(Probe(ModelRef(str(folder), "cpu"))))[-1]
    assert isinstance(result, Probed)
    assert {verdict.key: verdict.value for verdict in result.contradictions} == {
        "prediction": "v",
        "value_range": [-1.0, 1.0],
        "time_reversed": False,
    }
    assert "behaves like v-prediction; the file says ε-prediction" in result.sentence
    assert result.headline.startswith(
        "The network contradicts 3 facts: prediction type v-prediction, not ε-prediction;"
    )
    assert "EMA" in result.note
