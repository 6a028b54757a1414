"""Tiny models on disk, and windows that have them open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from explorer.training.card import write_card, write_samples
from explorer.ui.window import MainWindow
from tests.ui.hand import Hand, MakeHand
from tests.ui.shared_window import SharedWindow, as_new, let_go

T = 100
"""Of the tiny picture model."""
SIDE = 8
SAMPLES = 20
CLASSES = ("ring", "cross", "bar")

__all__ = ["CLASSES", "SAMPLES", "SIDE", "T"]


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture model as diffusers writes it: 8×8 grey, three classes and a null label, with samples and a card.

    Its weights are random, with which everything but the beauty of the pictures works as ever.
    """
    import torch
    from diffusers.models.unets.unet_2d import UNet2DModel

    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    UNet2DModel(
        sample_size=SIDE,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8,),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        num_class_embeds=len(CLASSES) + 1,
    ).save_pretrained(folder / "unet")
    (folder / "scheduler").mkdir()
    scheduler = {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": T,
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": "epsilon",
        "clip_sample": True,
    }
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    pictures = np.random.default_rng(0).integers(0, 256, (SAMPLES, SIDE, SIDE, 1), np.uint8)
    sheet = write_samples(folder, pictures, columns=5)
    labels = [i % len(CLASSES) for i in range(SAMPLES)]
    card = {"title": "Tiny", "class_names": list(CLASSES), "null_label": len(CLASSES)}
    write_card(folder, {**card, "summary": "Noise.", "samples": {**sheet, "labels": labels}})
    return folder


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exact mixture in the plane, which needs no network."""
    folder = tmp_path_factory.mktemp("models") / "plane"
    folder.mkdir()
    truth = {
        "weights": [0.5, 0.5],
        "means": [[-1.0, 0.0], [1.0, 0.5]],
        "covariances": [[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.05], [0.05, 0.1]]],
    }
    configuration = {
        "format": "diffusion-explorer",
        "network": "exact",
        "schedule": {"name": "cosine", "T": 50},
        "kind": "points",
        "shape": [2],
        "truth": truth,
        "samples": {"count": 300, "seed": 1},
    }
    write_json(folder / "config.json", configuration)
    return folder


@pytest.fixture(scope="session")
def shared() -> Iterator[SharedWindow]:
    shared = SharedWindow()
    yield shared
    shared.leave_to("")


@pytest.fixture(scope="module")
def shared_window(qapp: QApplication, shared: SharedWindow, tiny: Path, request: pytest.FixtureRequest) -> MainWindow:
    return shared.get(request.node.nodeid, tiny)


@pytest.fixture(autouse=True)
def no_window_of_others(shared: SharedWindow, request: pytest.FixtureRequest) -> None:
    if "shared_window" not in request.fixturenames:
        shared.leave_to(request.node.getparent(pytest.Module).nodeid)


@pytest.fixture
def make_hand(qtbot: QtBot) -> Iterator[MakeHand]:
    """make_hand(path=None, settled=True) → a Hand on a new window, which is shown and, if wanted, done opening."""
    windows: list[MainWindow] = []

    def make(path: Path | str | None = None, settled: bool = True) -> Hand:
        window = MainWindow(None if path is None else str(path))
        windows.append(window)
        hand = Hand(qtbot, window)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        if settled:
            hand.settle()
        return hand

    yield make
    let_go(*windows)


@pytest.fixture
def hand(qtbot: QtBot, shared_window: MainWindow, tiny: Path) -> Iterator[Hand]:
    """A window with the tiny picture model open, t = 40. It may not be closed."""
    hand = Hand(qtbot, shared_window)
    as_new(shared_window, tiny)
    assert hand.data("x_t").shape == (1, 1, SIDE, SIDE)
    yield hand
    hand.let_go()


@pytest.fixture
def reverse(hand: Hand) -> Hand:
    """The tiny model with a reverse run of 12 DDIM steps chosen, x_T on show."""
    hand.type_into(hand.spin("stepsSpin"), "12")
    hand.reverse()
    hand.frames.clear()
    return hand


@pytest.fixture
def plane_hand(qtbot: QtBot, shared_window: MainWindow, plane: Path) -> Iterator[Hand]:
    """A window with the exact mixture open. It may not be closed."""
    hand = Hand(qtbot, shared_window)
    as_new(shared_window, plane)
    assert hand.data("x_t").shape == (300, 2)
    yield hand
    hand.let_go()


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    """A grey ramp, larger than the model's pictures."""
    file = tmp_path / "ramp.png"
    Image.fromarray(np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1))).save(file)
    return file
