"""Every recipe runs end to end, two steps of it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from explorer.datasets.pictures import PictureSet
from explorer.networks.classifier import ClassifierConfig
from explorer.networks.mlp import MLP, MLPConfig
from explorer.training import digits_classifier, mixture
from explorer.training.digits_classifier import DigitsClassifierConfig
from explorer.training.folder import read_classifier
from explorer.training.images import ImageConfig, train_image_model
from explorer.training.loop import LoopConfig
from explorer.training.mixture import MixtureConfig
from explorer.training.recipes import RECIPES

LOOP = LoopConfig(steps=2, warmup_steps=1)
CARD = {"summary": "A test.", "dataset": "Noise", "licence": "MIT"}


def silent(message: str) -> None:
    del message


def pictures(n: int, size: int, channels: int) -> PictureSet:
    images = np.random.default_rng(0).integers(0, 256, (n, size, size, channels), dtype=np.uint8)
    return PictureSet(images, np.arange(n) % 2, ("even", "odd"))


def test_listing_the_recipes_imports_nothing_heavy() -> None:
    code = (
        "import sys; from explorer.training.recipes import RECIPES; print(*RECIPES); sys.exit('torch' in sys.modules)"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    toys = ["mixture", "mixture_1d", "moons", "swiss_roll", "checkerboard", "rings"]
    own = ["ncsn", "digits_x0", "digits_eps", "digits_score", "digits_v", "vdm"]
    latent = ["vae", "vae_2d", "hvae"]
    assert sorted(listed.stdout.split()) == sorted(
        ["digits", "faces", *own, *toys, "digits_classifier", *latent, "own_pictures"]
    )


def test_every_name_stands_for_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    for name, recipe in RECIPES.items():
        module = importlib.import_module(f"explorer.training.{name}")
        calls: list[tuple[object, ...]] = []
        monkeypatch.setattr(module, "run", lambda *arguments, calls=calls: calls.append(arguments))
        recipe(tmp_path, 5, silent)
        assert calls == [(tmp_path, 5, silent)]


@pytest.mark.parametrize(("channels", "prediction_type"), [(1, "epsilon"), (3, "v_prediction")])
def test_pictures(tmp_path: Path, channels: int, prediction_type: str) -> None:
    from diffusers.models.unets.unet_2d import UNet2DModel

    config = ImageConfig(
        block_out_channels=(8, 16),
        attention_levels=(False, True),
        prediction_type=prediction_type,
        loop=LOOP,
        batch_size=4,
    )
    out = tmp_path / "model"
    train_image_model("Test", pictures(20, 8, channels), pictures(210, 8, channels), config, out, CARD, silent)
    network = UNet2DModel.from_pretrained(out / "unet")
    output = network(torch.zeros(2, channels, 8, 8), 3, class_labels=torch.tensor([1, 2])).sample
    assert output.shape == (2, channels, 8, 8)
    assert bool(output.isfinite().all())
    card = json.loads((out / "explorer.json").read_text())
    assert card["title"] == "Test"
    assert card["null_label"] == 2
    assert card["recipe"]["report"]["steps"] == 2
    assert card["samples"]["labels"] == [0, 1] * 100
    with Image.open(out / card["samples"]["file"]) as sheet:
        assert sheet.size == (20 * 8, 10 * 8)
    scheduler = json.loads((out / "scheduler" / "scheduler_config.json").read_text())
    assert scheduler["prediction_type"] == prediction_type
    assert json.loads((out / "model_index.json").read_text())["unet"] == ["diffusers", "UNet2DModel"]
    assert not list(out.glob("*.pt"))


def test_mixture(tmp_path: Path) -> None:
    network_config = MLPConfig(hidden=8, layers=2, classes=3)
    config = MixtureConfig(network=network_config, loop=LOOP, T=20, batch_size=8, measured_points=16)
    mixture.run(tmp_path, 3, silent, config)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["format"] == "diffusion-explorer"
    assert (written["network"], written["kind"], written["prediction"]) == ("mlp", "points", "v")
    assert written["schedule"] == {"name": "cosine", "T": 20}
    assert len(written["truth"]["weights"]) == len(written["class_names"]) == 3
    network = MLP(MLPConfig(**written["network_config"]))
    network.load_state_dict(load_file(tmp_path / "model.safetensors"))
    card = json.loads((tmp_path / "explorer.json").read_text())
    assert card["recipe"]["report"]["steps"] == 3
    assert sum(card["quality"]["ddim_50_shares"]) == pytest.approx(1, abs=1e-3)
    assert card["quality"]["score_error"].keys() == {str(t) for t in range(1, 21)}
    with Image.open(tmp_path / "preview.png") as preview:  # the gallery's picture
        assert len(preview.getcolors() or []) == 1 + 3


def test_digits_classifier(tmp_path: Path) -> None:
    config = DigitsClassifierConfig(
        network=ClassifierConfig(size=8, classes=2, widths=(8, 8, 8)), loop=LOOP, T=20, batch_size=8
    )
    digits_classifier.train_classifier(pictures(20, 8, 1), pictures(30, 8, 1), config, tmp_path, silent)
    written = json.loads((tmp_path / "config.json").read_text())
    assert (written["network"], written["kind"]) == ("classifier", "classifier")
    card = json.loads((tmp_path / "explorer.json").read_text())
    assert card["quality"]["accuracy"].keys() == {str(t) for t in range(0, 21, 2)}
    assert read_classifier(tmp_path)(torch.zeros(1, 1, 8, 8)).dtype == torch.float32


def test_a_classifier_is_asked_for_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"network": "mlp", "network_config": {}}')
    with pytest.raises(ValueError, match="not a classifier"):
        read_classifier(tmp_path)


def test_dropout_is_repeated_by_a_resumed_run(tmp_path: Path) -> None:
    """The classifier's dropout draws from the global generator, which each step seeds."""
    config = DigitsClassifierConfig(
        network=ClassifierConfig(size=8, classes=2, widths=(8, 8, 8)), loop=LOOP, T=20, batch_size=8
    )
    written = []
    for folder, interrupted in (("whole", False), ("parts", True)):
        one = replace(config, loop=replace(LOOP, steps=4, save_every=2))

        def stop_once(message: str, interrupted: bool = interrupted) -> None:
            if interrupted and message.startswith("step 4"):
                raise KeyboardInterrupt

        out = tmp_path / folder
        if interrupted:
            with pytest.raises(KeyboardInterrupt):
                digits_classifier.train_classifier(pictures(20, 8, 1), pictures(30, 8, 1), one, out, stop_once)
        torch.manual_seed(99)
        digits_classifier.train_classifier(pictures(20, 8, 1), pictures(30, 8, 1), one, out, silent)
        written.append(load_file(out / "model.safetensors"))
    assert all(torch.equal(value, written[1][key]) for key, value in written[0].items())
