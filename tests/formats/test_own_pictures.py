"""Folders of our own picture networks: what is said of them, what they compute, and what cannot be opened."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.facts import ModelError, ProposedSampler
from explorer.formats import own, registry
from explorer.networks.monotone import Monotone, MonotoneConfig
from explorer.networks.unet import UNet, UNetConfig
from explorer.training.card import write_card, write_samples
from explorer.training.folder import write_network

Write = Callable[..., Path]


@pytest.fixture
def write_pictures(tmp_path: Path) -> Write:
    """Write a U-Net with random weights into a folder; keys change its configuration file, None leaves one out."""

    def write(classes: int = 2, learned: bool = False, card: dict[str, Any] | None = None, **changes: Any) -> Path:
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        torch.manual_seed(0)
        network = UNet(UNetConfig(size=8, width=8, classes=classes))
        torch.nn.init.normal_(network.leave.weight, std=0.1)
        facts = {
            "kind": "image",
            "schedule": {"name": "learned", "T": 50, "bends": 4} if learned else {"name": "cosine", "T": 50},
            "prediction": "eps",
            "class_names": ["even", "odd"][:classes] or None,
            **changes,
        }
        parts = {"schedule": Monotone(MonotoneConfig(bends=4, first=-9.0, last=4.0))} if learned else None
        kept = {key: value for key, value in facts.items() if value is not None}
        write_network(folder, "unet", network, kept, torch.float16, parts)
        images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)
        sheet = {**write_samples(folder, images, columns=3), "labels": [0, 1] * 3}
        write_card(folder, {"title": "Small", "summary": "Look.", "samples": sheet, **(card or {})})
        return folder

    return write


def rebuilt(folder: Path, **sizes: int) -> UNet:
    from safetensors.torch import load_file

    network = UNet(UNetConfig(size=8, width=8, **sizes))
    state = load_file(folder / "model.safetensors")
    network.load_state_dict({name: value.float() for name, value in state.items() if not name.startswith("schedule.")})
    return network.eval()


@torch.no_grad()
def test_its_facts_and_its_answers(write_pictures: Write) -> None:
    folder = write_pictures()
    model = registry.load(folder, "cpu")
    facts = model.facts
    assert (facts.kind, facts.shape, facts.T, facts.schedule) == ("image", (1, 8, 8), 50, "cosine")
    assert (facts.prediction, facts.class_names, facts.null_label) == ("eps", ("even", "odd"), 2)
    assert (facts.title, facts.summary, facts.proposed, facts.warnings) == ("Small", "Look.", None, ())
    assert (facts.sample_count, facts.sample_labels) == (6, (0, 1) * 3)
    assert model.samples.shape == (6, 1, 8, 8)
    assert registry.inspect(folder) == facts
    x_t, labels = torch.randn(3, 1, 8, 8), torch.tensor([0, 1, -1])
    network = rebuilt(folder, classes=2)
    level = torch.tensor(0.5 * model.denoiser.schedule.log_snr(20))
    torch.testing.assert_close(model.denoiser(x_t, 20, labels).eps, network(x_t, level, labels), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_what_is_done_with_the_output(write_pictures: Write) -> None:
    folder = write_pictures(0, prediction="score", over_noise=True, schedule={"name": "geometric", "T": 30})
    model, network = registry.load(folder, "cpu"), rebuilt(folder)
    x_t = torch.randn(2, 1, 8, 8)
    for t in (1, 30):
        sigma = model.denoiser.schedule.noise(t)
        expected = network(x_t / (1 + sigma**2) ** 0.5, torch.tensor(0.5 * model.denoiser.schedule.log_snr(t))) / sigma
        torch.testing.assert_close(model.denoiser(x_t, t).score, expected, rtol=1e-3, atol=1e-4 / sigma)
    beside = registry.load(write_pictures(0, beside_x_t=True), "cpu")
    level = torch.tensor(0.5 * beside.denoiser.schedule.log_snr(20))
    torch.testing.assert_close(beside.denoiser(x_t, 20).eps, x_t + network(x_t, level), rtol=1e-4, atol=1e-5)


def test_a_learned_schedule_is_read_from_the_file(write_pictures: Write) -> None:
    model = registry.load(write_pictures(0, learned=True), "cpu")
    schedule = model.denoiser.schedule
    assert (model.facts.schedule, schedule.name, schedule.T, schedule.discrete) == ("learned", "learned", 50, False)
    assert schedule.log_snr(50) == pytest.approx(-4.0, abs=1e-5)
    assert schedule.log_snr(1e-9) == pytest.approx(9.0, abs=1e-5)
    assert bool(torch.isfinite(model.denoiser(torch.randn(2, 1, 8, 8), 12.5).x0).all())


def test_the_card_proposes_a_sampler(write_pictures: Write) -> None:
    proposed = {"name": "annealed_langevin", "steps": 7, "parameters": {"step_size": 0.1, "start": "uniform"}}
    facts = registry.inspect(write_pictures(card={"sampler": proposed}))
    assert facts.proposed == ProposedSampler("annealed_langevin", 7, {"step_size": 0.1, "start": "uniform"})
    no_steps = {"name": "ddim", "steps": 0, "parameters": {}}
    several: tuple[Any, ...] = ({"name": "ddim"}, [], no_steps, {**proposed, "parameters": {"a": []}})
    for wrong in several:
        facts = registry.inspect(write_pictures(card={"sampler": wrong}))
        assert facts.proposed is None
        assert "The card's sampler is not used" in facts.warnings[0]


def change(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": "mlp"}, "network must be"),
        ({"schedule": {"name": "none"}}, "one of linear"),
        ({"schedule": {"name": "cosine", "rho": 3}}, "does not have"),
        ({"network_config": {"size": 10, "width": 8}}, "a multiple of 4"),
        ({"network_config": {"size": 8, "width": 12}}, "a multiple of 8"),
        ({"network_config": {"size": 8, "width": 8, "depth": 3}}, "does not have"),
        ({"network_config": {"size": 8, "width": 10**9}}, "a whole number"),
        ({"prediction": None}, "what the network's output means"),
        ({"over_noise": 1}, "true or false"),
        ({"network_config": {"size": 8, "width": 16, "classes": 2}}, "does not fit"),
        ({"schedule": {"name": "learned", "T": 50, "bends": 4}}, "does not fit"),
    ],
)
def test_what_cannot_be_opened_says_why(write_pictures: Write, values: dict[str, Any], message: str) -> None:
    folder = write_pictures()
    change(folder, **values)
    with pytest.raises(ModelError, match=message):
        registry.load(folder, "cpu")


def test_weights_are_needed_and_a_schedule_must_fall(write_pictures: Write) -> None:
    from safetensors.torch import load_file, save_file

    folder = write_pictures(0, learned=True)
    state = load_file(folder / "model.safetensors")
    state["schedule.last"] = torch.tensor(-50.0)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(ModelError, match="schedule is none"):
        registry.load(folder, "cpu")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no weights"):
        registry.inspect(folder)


def test_folders_of_points_are_still_theirs(write_pictures: Write) -> None:
    from explorer.formats import own_pictures

    folder = write_pictures()
    assert own_pictures.FORMAT.sniff(folder) == 1.0
    change(folder, kind="points")
    assert own_pictures.FORMAT.sniff(folder) == 0.0
    assert own.FORMAT.sniff(folder) == 1.0
