"""What a user can get wrong: one line on stderr, exit code 2."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.running import Refuse
from tests.engine.models import (
    change_weights,
    write_json,
    write_pictures,
    write_points,
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--out"),
        (["--out", "a.npz", "--bogus"], "unrecognized arguments: --bogus"),
        (["--out", "a.npz", "--steps", "many"], "--steps"),
        (["--out", "a.npz", "--seed", "1.5"], "--seed"),
        (["--out", "a.npz", "--guidance", "x"], "--guidance"),
        (["--out", "a.jpg"], "--out decides by its ending"),
        (["--out", "a"], "--out decides by its ending"),
        (["--out", "nowhere/a.npz"], "there is no folder “nowhere”"),
        (["--out", "folder.npz"], "is a folder"),
        (["--out", "a.npz", "--sampler", "dream"], "“dream”"),
        (["--out", "a.npz", "--steps", "0"], "at least one step"),
        (["--out", "a.npz", "--steps", "-3"], "at least one step"),
        (["--out", "a.npz", "--steps", "51"], "between 1 and T = 50"),
        (["--out", "a.npz", "--sampler", "langevin", "--steps", "1000000000"], "at most"),
        (["--out", "a.npz", "--n", "0"], "At least one sample"),
        (["--out", "a.npz", "--n", "-1"], "At least one sample"),
        (["--out", "a.npz", "--n", "1000000000000"], "GB of memory"),
        (["--out", "a.npz", "--n", "1" + 60 * "0"], "GB of memory"),
        (["--out", "a.npz", "--first", "1000000000000"], "GB of memory"),
        (["--out", "a.npz", "--first", "-1"], "--first"),
        (["--out", "a.npz", "--seed", "-1"], "seed"),
        (["--out", "a.npz", "--seed", str(2**64)], "seed"),
        (["--out", "a.npz", "--label", "3"], "classes 0 to 2"),
        (["--out", "a.npz", "--label", "-1"], "classes 0 to 2"),
        (["--out", "a.npz", "--label", "cat"], "--label"),
        (["--out", "a.npz", "--label", "1", "--guidance", "nan"], "finite"),
        (["--out", "a.npz", "--device", "banana"], "no device called “banana”"),
        (["--out", "a.npz", "--device", "cuda:77"], "“cuda:77” is not available"),
        (["--out", "a.npz", "--param", "eta"], "KEY=VALUE"),
        (["--out", "a.npz", "--param", "speed=3"], "eta, spacing, times, clip"),
        (["--out", "a.npz", "--param", "eta=much"], "eta is a number"),
        (["--out", "a.npz", "--param", "eta=nan"], "eta goes from 0 to 1"),
        (["--out", "a.npz", "--param", "eta=1.5"], "eta goes from 0 to 1"),
        (["--out", "a.npz", "--param", "clip=maybe"], "clip is true or false"),
        (["--out", "a.npz", "--schedule", "dream"], "no schedule called “dream”; known are own, zero_terminal_snr"),
        (["--out", "a.npz", "--schedule", "karras:rho"], "NAME:KEY=VALUE"),
        (["--out", "a.npz", "--schedule", "karras:rho=much"], "NAME:KEY=VALUE"),
        (["--out", "a.npz", "--schedule", "karras:rho=1e9"], "rho goes from"),
        (["--out", "a.npz", "--schedule", "linear:rho=2"], "no parameter “rho”"),
        (["--out", "a.npz", "--schedule", "file:none.json"], "none.json is missing"),
        (["--out", "a.npz", "--param", "times=40, soon"], "numbers with commas"),
        (["--out", "a.npz", "--param", "times=20, 40"], "smaller than the one before"),
        (["--out", "a.npz", "--param", "times=60, 40"], "T = 50"),
        (["--out", "a.npz", "--param", "times=40.5, 20"], "whole times"),
        (["--out", "a.npz", "--param", "spacing=custom"], "needs a list of times"),
        (["--out", "a.npz", "--param", "spacing=random"], "spacing cannot be “random”"),
        (
            ["--out", "a.npz", "--sampler", "annealed_langevin", "--param", "steps_per_level=2.5"],
            "steps_per_level is a whole number",
        ),
        (
            ["--out", "a.npz", "--sampler", "annealed_langevin", "--param", "steps_per_level=1000000000"],
            "steps_per_level goes from 1 to 1000",
        ),
    ],
)
def test_sample_refuses(
    refused: Refuse, pictures: str, arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    assert says in refused("sample", pictures, *arguments)
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "a.npz"], "--t"),
        (["--t", "10"], "--out"),
        (["--out", "a.npz", "--t", "soon"], "--t"),
        (["--out", "a.npz", "--t", "-1"], "from 0 to 50"),
        (["--out", "a.npz", "--t", "51"], "from 0 to 50"),
        (["--out", "a.npz", "--t", "5", "--sample", "6"], "samples 0 to 5"),
        (["--out", "a.npz", "--t", "5", "--sample", "-1"], "samples 0 to 5"),
        (["--out", "a.npz", "--t", "5", "--sample", "1", "--image", "b.png"], "not allowed with"),
        (["--out", "a.npz", "--t", "5", "--image", "b.png"], "There is no file “b.png”"),
        (["--out", "a.npz", "--t", "5", "--image", "text.png"], "is not a picture"),
        (["--out", "a.npz", "--t", "5", "--n", "0"], "At least one sample"),
        (["--out", "a.npz", "--t", "5", "--n", "1000000000000"], "GB of memory"),
        (["--out", "a.npz", "--t", "5", "--lens", "x_ray"], "no lens called “x_ray”; known are x_t"),
        (["--out", "a.png", "--t", "5", "--lens", ","], "at least one tile"),
        (["--out", "a.npz", "--t", "5", "--seed", "-4"], "seed"),
        (["--out", "a.npz", "--t", "5", "--label", "9"], "classes 0 to 2"),
        (["--out", "a.txt", "--t", "5"], "--out decides by its ending"),
        (["--out", "a.npz", "--t", "5", "extra"], "unrecognized arguments: extra"),
    ],
)
def test_look_refuses(
    refused: Refuse, pictures: str, arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no picture\n")
    assert says in refused("look", pictures, *arguments)
    assert not (tmp_path / "a.npz").exists()


def test_look_refuses_for_points(refused: Refuse, points: str, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert "not for models of this kind" in refused("look", points, "--t", 5, "--lens", "x_t,v", "--out", out)
    Image.new("L", (4, 4)).save(tmp_path / "b.png")
    assert "pictures only" in refused("look", points, "--t", 5, "--image", tmp_path / "b.png", "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda file: None, "there is no file"),
        (lambda file: file.mkdir(), "is not a .npy file"),
        (lambda file: file.write_text("1 2 3"), "is not a .npy file"),
        (lambda file: file.write_bytes(b""), "is not a .npy file"),
        (lambda file: file.write_bytes(pickle.dumps([1])), "is not a .npy file"),
        (lambda file: np.save(file, np.zeros((2, 1, 8, 9))), "(2, 1, 8, 8)"),
        (lambda file: np.save(file, np.zeros((2, 64))), "(2, 1, 8, 8)"),
        (lambda file: np.save(file, np.zeros(64)), "shape (n, …)"),
        (lambda file: np.save(file, np.zeros((0, 1, 8, 8))), "At least one sample"),
        (lambda file: np.save(file, np.array([["a"]])), "does not hold numbers"),
        (lambda file: np.save(file, np.zeros((1, 1, 8, 8), complex)), "does not hold numbers"),
        (lambda file: np.save(file, np.array([[None]]), allow_pickle=True), "is not a .npy file"),
        (lambda file: np.save(file, np.full((1, 1, 8, 8), np.nan)), "not finite"),
        (lambda file: np.save(file, np.full((1, 1, 8, 8), 1e300)), "not finite"),
        (lambda file: file.write_bytes(b"PK\x03\x04" + bytes(60)), "is not a .npy file"),  # how .npz begins
    ],
)
def test_sample_refuses_an_x_T(
    refused: Refuse, pictures: str, tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    make(tmp_path / "x.npy")
    assert says in refused("sample", pictures, "--out", tmp_path / "a.npz", "--init", tmp_path / "x.npy")


def test_a_damaged_x_T(refused: Refuse, pictures: str, tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    np.save(file, np.zeros((1, 1, 8, 8)))
    whole = file.read_bytes()
    huge = whole.replace(b"(1, 1, 8, 8)", b"(9, 9999999)")
    assert huge != whole
    for content in whole[:200], whole[:9], whole[:-1], huge:
        file.write_bytes(content)
        refused("sample", pictures, "--out", tmp_path / "a.npz", "--init", file)


class RunsCode:
    """A pickle of it creates a file when it is read."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return Path.touch, (self.proof,)


def test_models_that_cannot_be_opened(refused: Refuse, tmp_path: Path) -> None:
    def everything(folder: Path, says: str) -> None:
        out = tmp_path / "a.npz"
        assert says in refused("sample", folder, "--out", out, "--steps", 2)
        assert says in refused("look", folder, "--out", out, "--t", 2)

    assert "no file or folder" in refused("inspect", tmp_path / "absent")
    assert "no file or folder" in refused(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    everything(tmp_path / "empty", "is an empty folder")
    assert "is an empty folder" in refused("inspect", tmp_path / "empty")

    folder = write_pictures(tmp_path / "model")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    everything(folder, "damaged or incomplete")
    weights.write_text("not weights at all\n")
    everything(folder, "a text file")
    weights.write_bytes(whole)
    change_weights(folder, float("nan"))
    everything(folder, "NaN or infinite values")
    weights.unlink()
    everything(folder, "holds no weights")
    assert "holds no weights" in refused("inspect", folder)
    proof = tmp_path / "proof"
    weights.with_name("diffusion_pytorch_model.bin").write_bytes(pickle.dumps({"w": RunsCode(proof)}, protocol=2))
    everything(folder, "was not opened")
    assert not proof.exists()

    write_json(folder / "unet" / "config.json", {"_class_name": "UNet2DModel", "sample_size": "large"})
    everything(folder, "sample_size")


def test_a_network_that_overflows(refused: Refuse, tmp_path: Path) -> None:
    folder = write_points(tmp_path / "model", "mlp")
    change_weights(folder, 1e20)
    assert "not finite at step 0" in refused("sample", folder, "--out", tmp_path / "a.npz")
    assert "not finite at t = 30" in refused("look", folder, "--t", 30, "--out", tmp_path / "a.npz")


def test_a_folder_that_may_not_be_written(refused: Refuse, points: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").symlink_to(tmp_path / "a.npz")  # to itself, which stops even the superuser
    assert "a.npz" in refused("sample", points, "--out", tmp_path / "a.npz", "--steps", 2)
    (tmp_path / "file").write_text("")
    assert "file" in refused("train", "mixture", "--out", tmp_path / "file", "--steps", 2)


def test_commands_refuse(refused: Refuse, points: str) -> None:
    assert "unrecognized arguments: --bogus" in refused("inspect", points, "--bogus")
    assert "path" in refused("inspect")
    assert "unrecognized arguments" in refused("--bogus")
    assert "unrecognized arguments" in refused("doctor", "--loud")
    assert "no recipe “cats”; known are digits" in refused("train", "cats", "--out", "x")
    assert "--out" in refused("train", "mixture")
    assert "at least 1" in refused("train", "mixture", "--out", "x", "--steps", "0")
    assert not Path("x").exists()
