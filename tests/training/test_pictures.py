"""Our own picture models: every quantity has the same answer, the twins are alike; scores, and a learned schedule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.datasets.pictures import PictureSet
from explorer.diffusion.equivalences import SOURCES
from explorer.diffusion.prediction import Kind
from explorer.formats.registry import load
from explorer.networks.monotone import MonotoneConfig
from explorer.networks.unet import UNet, UNetConfig
from explorer.training import ncsn, twins
from explorer.training.loop import LoopConfig
from explorer.training.ncsn_quality import anneal, ncsn_quality
from explorer.training.pictures import PictureConfig, picture_loss, train_picture_model
from explorer.training.twins_quality import STORED_ERRORS, twin_quality
from explorer.training.vdm import VDM, VDMConfig, train_vdm
from explorer.training.vdm_quality import vdm_quality

LOOP = LoopConfig(steps=2, warmup_steps=1)
NETWORK = UNetConfig(size=8, width=8, classes=2)


def silent(message: str) -> None:
    del message


def nothing(folder: Path) -> dict[str, Any]:
    assert (folder / "explorer.json").is_file()
    return {}


def pictures(n: int = 40, size: int = 8) -> PictureSet:
    """Left halves white for the label 0, right ones for 1."""
    labels = np.arange(n) % 2
    images = np.zeros((n, size, size, 1), np.uint8)
    images[labels == 0, :, : size // 2] = 255
    images[labels == 1, :, size // 2 :] = 255
    return PictureSet(images, labels, ("left", "right"))


class Told(torch.nn.Module):
    """A "network" that knows x_0, which is one picture, and gives any quantity exactly."""

    def __init__(self, config: PictureConfig, x_0: torch.Tensor) -> None:
        super().__init__()
        self.config, self.x_0 = config, x_0

    def forward(self, x: torch.Tensor, half_log_snr: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        level = half_log_snr.view(-1, 1, 1, 1)
        a, s = torch.sigmoid(2 * level).sqrt(), torch.sigmoid(-2 * level).sqrt()
        if self.config.schedule == "geometric":
            a, s, x = torch.ones_like(a), s / a, x / a
        eps = (x - a * self.x_0) / s
        if self.config.beside_x_t:  # ε = (s x/r + a f)/r of a network that is given x/r
            r2 = a * a + s * s
            return (r2 * eps - s * x) / (a * r2.sqrt())
        outputs = {"x0": self.x_0.expand_as(x), "eps": eps, "v": a * eps - s * self.x_0, "score": -eps / s}
        return s * outputs["score"] if self.config.over_noise else outputs[self.config.prediction]


CASES: list[tuple[Kind, bool, str]] = [
    *((kind, False, "cosine") for kind in SOURCES),
    ("score", True, "cosine"),
    ("eps", False, "geometric"),
    ("x0", False, "geometric"),
    ("score", True, "geometric"),
]


@pytest.mark.parametrize(("kind", "over_noise", "schedule"), CASES)
def test_whoever_knows_has_no_loss(kind: Kind, over_noise: bool, schedule: str) -> None:
    config = PictureConfig(NETWORK, LOOP, kind, schedule, 20, over_noise=over_noise)
    x_0 = pictures(1).tensor()
    generator = torch.Generator().manual_seed(0)
    network: Any = Told(config, x_0)
    labels = torch.zeros(16, dtype=torch.int64)
    loss = picture_loss(network, config, config.made_schedule(), x_0.expand(16, -1, -1, -1), labels, generator)
    assert float(loss) < 1e-3


def test_what_stands_beside_x_t_is_no_loss_either() -> None:
    for weighting in ("noise", "path"):
        config = replace(ncsn.CONFIG, network=NETWORK, loop=LOOP, weighting=weighting)
        x_0 = pictures(1).tensor()
        network: Any = Told(config, x_0)
        labels, generator = torch.zeros(16, dtype=torch.int64), torch.Generator().manual_seed(0)
        loss = picture_loss(network, config, config.made_schedule(), x_0.expand(16, -1, -1, -1), labels, generator)
        assert float(loss) < 1e-3


def test_errors_of_the_score_weigh_as_errors_of_the_velocity() -> None:
    """Where nothing is known, f = 0, the loss is E[v̂²] = E‖(ε − σ x_0)/√(1 + σ²)‖², about one at each level."""
    config = replace(ncsn.CONFIG, network=NETWORK, loop=LOOP, weighting="path", focus=None)
    x_0 = pictures(2000).tensor()  # of variance 1
    network: Any = lambda x, level, labels: torch.zeros_like(x)  # noqa: E731
    generator = torch.Generator().manual_seed(0)
    loss = picture_loss(network, config, config.made_schedule(), x_0, torch.zeros(len(x_0)).long(), generator)
    assert float(loss) == pytest.approx(1, abs=0.02)
    noise = replace(config, weighting="noise")
    loss = picture_loss(network, noise, config.made_schedule(), x_0, torch.zeros(len(x_0)).long(), generator)
    assert float(loss) < 0.8  # the upper levels hardly count


def test_a_score_beside_x_t_is_read_as_it_was_trained(tmp_path: Path) -> None:
    config = replace(ncsn.CONFIG, network=replace(NETWORK, classes=0), loop=LOOP)
    train_picture_model("Score", pictures(), pictures(), config, tmp_path, ncsn.CARD, nothing, silent)
    assert json.loads((tmp_path / "config.json").read_text())["beside_x_t"] is True
    model = load(tmp_path, "cpu")
    # At the highest level a network that has learned nothing yet says that all of x_t is noise.
    x = 5 * torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    score = model.denoiser(x, model.facts.T, None).score
    torch.testing.assert_close(score, -x / 26, atol=2e-3, rtol=0)


def test_the_twins_see_the_same_and_begin_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[Kind, list[torch.Tensor]] = {kind: [] for kind in SOURCES}
    first: dict[Kind, torch.Tensor] = {}
    for kind in SOURCES:
        forward = UNet.forward

        def spy(self: UNet, x: torch.Tensor, *more: Any, kind: Kind = kind, forward: Any = forward) -> torch.Tensor:
            first.setdefault(kind, self.enter.weight.detach().clone())
            seen[kind].append(x.detach().clone())
            result: torch.Tensor = forward(self, x, *more)
            return result

        with monkeypatch.context() as patched:
            patched.setattr(UNet, "forward", spy)
            config = replace(twins.CONFIG, network=NETWORK, loop=LOOP, prediction=kind, T=20)
            train_picture_model("T", pictures(), pictures(), config, tmp_path / kind, twins.card(kind), nothing, silent)
    for kind in SOURCES:
        assert torch.equal(first[kind], first["eps"])
        assert all(torch.equal(one, other) for one, other in zip(seen[kind], seen["eps"], strict=True))


def test_a_twin_opens_with_its_errors(tmp_path: Path) -> None:
    config = replace(twins.CONFIG, network=NETWORK, loop=LOOP, prediction="score", T=20)
    train_picture_model("Twin", pictures(), pictures(), config, tmp_path, twins.card("score"), twin_quality, silent)
    card = json.loads((tmp_path / "explorer.json").read_text())
    errors = card["quality"][STORED_ERRORS]
    assert errors["t"][0] == 1
    assert errors["t"][-1] == 20
    assert all(len(errors[kind]) == len(errors["t"]) for kind in SOURCES)
    model = load(tmp_path, "cpu")
    assert (model.facts.title, model.facts.prediction, model.facts.class_names) == ("Twin", "score", ("left", "right"))
    assert model.facts.sample_count == card["samples"]["count"] == 40
    assert not list(tmp_path.glob("*.pt"))


def test_a_score_network_is_annealed_as_its_card_says(tmp_path: Path) -> None:
    config = replace(ncsn.CONFIG, network=replace(NETWORK, classes=0), loop=LOOP)
    parameters = {**ncsn.SAMPLING["parameters"], "steps_per_level": 3}
    card = {**ncsn.CARD, "sampler": {**ncsn.SAMPLING, "steps": 4, "parameters": parameters}}
    train_picture_model("NCSN", pictures(), pictures(), config, tmp_path, card, nothing, silent)
    model = load(tmp_path, "cpu")
    assert model.facts.proposed is not None
    assert (model.facts.proposed.sampler, model.facts.prediction, model.facts.schedule) == (
        "annealed_langevin",
        "score",
        "geometric",
    )
    found = anneal(model, 3)
    assert found.x.shape == (3, 1, 8, 8)
    assert [round(sigma, 2) for sigma, _ in found.levels] == pytest.approx(np.geomspace(3.0, 0.3, 4), rel=0.05)
    assert all(np.isfinite(left) for _, left in found.levels)


def test_training_lessens_the_bound_and_moves_the_schedule(tmp_path: Path) -> None:
    config = VDMConfig(
        network=UNetConfig(size=8, width=8, fourier_first=3, fourier_count=2),
        schedule=MonotoneConfig(bends=8),
        loop=LoopConfig(steps=25, warmup_steps=2, learning_rate=3e-3, weight_decay=0.0),
        T=40,
        batch_size=16,
    )
    torch.manual_seed(0)
    untrained = VDM(config)
    x_0 = pictures(32).tensor()
    before = float(untrained.loss(x_0, torch.Generator().manual_seed(5)).detach())
    train_vdm(pictures(), pictures(), config, tmp_path, lambda folder: vdm_quality(folder, 8), silent)
    card = json.loads((tmp_path / "explorer.json").read_text())
    terms = card["quality"]["bits_per_dimension"]
    assert terms["total"] == pytest.approx(terms["prior"] + terms["reconstruction"] + terms["diffusion"], abs=2e-3)
    assert terms["total"] < before
    variances = card["quality"]["variance_of_one_loss_in_bits"]
    assert set(variances) == {"own", "linear β", "cosine", "linear log SNR"}
    model = load(tmp_path, "cpu")
    assert model.facts.schedule == "learned"
    # The ends have moved from where they began.
    assert abs(model.denoiser.schedule.log_snr(40) + config.schedule.last) > 1e-3


def test_the_shape_of_a_learned_schedule_goes_towards_less_variance() -> None:
    """With a network that is wrong by a known amount at each level, the loss's spread over u gets less."""
    config = VDMConfig(network=UNetConfig(size=8, width=8), schedule=MonotoneConfig(bends=16, first=-4.0, last=4.0))
    torch.manual_seed(0)
    model = VDM(config)

    class Wrong(torch.nn.Module):
        def forward(self, x_t: torch.Tensor, half_log_snr: torch.Tensor) -> torch.Tensor:
            # ε̂ − ε of a known size: x_t is all noise where x_0 = 0.
            size = (1 + 4 * torch.sigmoid(2 * half_log_snr)).view(-1, 1, 1, 1)
            noise = torch.sigmoid(-2 * half_log_snr).sqrt().view(-1, 1, 1, 1)
            return x_t / noise * (1 + size) - x_t

    model.network = Wrong()  # type: ignore[assignment]  # no U-Net, but called like one
    u = torch.linspace(0.005, 0.995, 100)

    def spread() -> float:
        with torch.no_grad():
            fraction, slope = model.schedule.shape(u)
            omega = -4 + 8 * fraction
            loss = slope * (1 + 4 * torch.sigmoid(-omega)) ** 2
            return float(loss.std() / loss.mean())

    before = spread()
    optimiser = torch.optim.Adam([p for n, p in model.schedule.named_parameters() if n not in ("first", "last")], 3e-3)
    x_0 = torch.zeros(64, 1, 8, 8)
    for step in range(200):
        loss = model.loss(x_0, torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert spread() < 0.5 * before


def test_quality_counts_what_a_classifier_recognises(tmp_path: Path) -> None:
    config = replace(ncsn.CONFIG, network=UNetConfig(width=8), loop=LOOP)
    digits = PictureSet(np.zeros((20, 28, 28, 1), np.uint8), np.arange(20) % 10, tuple("0123456789"))
    parameters = {**ncsn.SAMPLING["parameters"], "steps_per_level": 1}
    card = {**ncsn.CARD, "sampler": {**ncsn.SAMPLING, "steps": 2, "parameters": parameters}}
    train_picture_model("NCSN", digits, digits, config, tmp_path, card, lambda f: ncsn_quality(f, 2), silent)
    quality = json.loads((tmp_path / "explorer.json").read_text())["quality"]
    assert 0 <= quality["share_with_confidence_0.8"] <= 1
    assert quality["pictures"] == 2
    assert [float(sigma) for sigma in quality["noise_left_by_sigma"]] == pytest.approx([3.0, 0.3], rel=0.05)
