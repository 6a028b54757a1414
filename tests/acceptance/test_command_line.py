"""The shipped models through the command line, against diffusers itself and against each other's options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.schedulers import scheduling_ddpm
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explorer.cli import main
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.paths import CHECKPOINTS

MODELS = ("digits", "faces", "mixture")
SHAPES = {"digits": (1, 28, 28), "faces": (3, 16, 16), "mixture": (2,)}
N, STEPS = 1, 50


def run(*arguments: object) -> None:
    assert main([str(argument) for argument in arguments]) == 0


def sampled(out: Path, name: str, *arguments: object) -> dict[str, NDArray[Any]]:
    run("sample", CHECKPOINTS / name, "--out", out, *arguments)
    with np.load(out) as data:
        return dict(data)


def start(tmp_path: Path, name: str = "digits") -> tuple[Path, Tensor]:
    """x_T of N samples, as a file and as a tensor, which is none that the program would draw itself."""
    x_T = np.random.default_rng(2024).standard_normal((N, *SHAPES[name]), np.float32)
    np.save(tmp_path / "x_T.npy", x_T)
    return tmp_path / "x_T.npy", torch.from_numpy(x_T)


def assert_close(mine: NDArray[np.float32], theirs: Tensor) -> None:
    """In float64 both would agree to 2e-6; the rest is rounding, which 1/a(T) magnifies."""
    torch.testing.assert_close(torch.from_numpy(mine), theirs, rtol=1e-4, atol=1e-4)


class Theirs:
    """A shipped picture model as diffusers loads it."""

    def __init__(self, name: str) -> None:
        self.network = UNet2DModel.from_pretrained(CHECKPOINTS / name, subfolder="unet").eval()
        self.scheduler = json.loads((CHECKPOINTS / name / "scheduler" / "scheduler_config.json").read_text())
        self.null: int = json.loads((CHECKPOINTS / name / "explorer.json").read_text())["null_label"]

    def eps(self, x: Tensor, timestep: Tensor, label: int | None = None) -> Tensor:
        labels = torch.full((len(x),), self.null if label is None else label)
        output: Tensor = self.network(x, timestep, class_labels=labels).sample
        return output


@pytest.fixture(scope="module")
def theirs() -> Theirs:
    return Theirs("digits")


@torch.no_grad()
def test_ddim_is_that_of_diffusers(theirs: Theirs, tmp_path: Path) -> None:
    file, x = start(tmp_path)
    scheduler = DDIMScheduler.from_config(theirs.scheduler)
    scheduler.set_timesteps(STEPS)
    for timestep in scheduler.timesteps:
        x = scheduler.step(theirs.eps(x, timestep), int(timestep), x, eta=0.0).prev_sample
    arguments = ["--init", file, "--sampler", "ddim", "--steps", STEPS]
    assert_close(sampled(tmp_path / "a.npz", "digits", *arguments)["x"], x)


@pytest.mark.parametrize(("label", "scale"), [(7, 1.0), (3, 2.5)])
@torch.no_grad()
def test_labelled_and_guided_steps_are_those_of_diffusers(
    theirs: Theirs, tmp_path: Path, label: int, scale: float
) -> None:
    """Each step by itself: over a whole guided run rounding grows until diffusers itself differs from its float64."""
    file, _ = start(tmp_path)
    arguments = ["--init", file, "--steps", 10, "--label", label, "--guidance", scale, "--trajectory"]
    mine = sampled(tmp_path / "a.npz", "digits", *arguments)["x_t"]
    scheduler = DDIMScheduler.from_config(theirs.scheduler)
    scheduler.set_timesteps(10)
    for timestep, before, after in zip(scheduler.timesteps, mine[:-1], mine[1:], strict=True):
        x = torch.from_numpy(before)
        eps = scale * theirs.eps(x, timestep, label) + (1 - scale) * theirs.eps(x, timestep)
        assert_close(after, scheduler.step(eps, int(timestep), x, eta=0.0).prev_sample)


@torch.no_grad()
def test_ddpm_is_that_of_diffusers(theirs: Theirs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, x = start(tmp_path)
    noise = NoiseSource(5, N, SHAPES["digits"], torch.device("cpu"))
    index = 0
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: noise(index))
    scheduler = DDPMScheduler.from_config(theirs.scheduler)
    scheduler.set_timesteps(STEPS)
    xs = [x]
    for index, timestep in enumerate(scheduler.timesteps, start=1):  # noqa: B007 — the noise's address
        x = scheduler.step(theirs.eps(x, timestep), int(timestep), x).prev_sample
        xs.append(x)
    arguments = ["--init", file, "--sampler", "ddpm", "--steps", STEPS, "--seed", 5, "--trajectory"]
    mine = sampled(tmp_path / "a.npz", "digits", *arguments)
    assert mine["t"].tolist() == [int(timestep) + 1 for timestep in scheduler.timesteps] + [0]
    assert_close(mine["x_t"], torch.stack(xs))


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_holds_the_single_runs(name: str, tmp_path: Path) -> None:
    arguments = ["--sampler", "ddpm", "--steps", 6, "--seed", 3]
    batch = sampled(tmp_path / "a.npz", name, *arguments, "--n", 4)["x"]
    assert batch.shape == (4, *SHAPES[name])
    assert batch.dtype == np.float32
    for k in 0, 3:
        single = sampled(tmp_path / "b.npz", name, *arguments, "--n", 1, "--first", k)["x"]
        np.testing.assert_allclose(single[0], batch[k], atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_shipped_models_say_what_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", CHECKPOINTS / name, "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["warnings"] == []
    assert facts["T"] == 1000
    assert facts["shape"] == list(SHAPES[name])
    assert facts["summary"]
    assert facts["null_label"] == len(facts["class_names"]) > 0
    assert facts["sample_count"] > 0


@pytest.mark.parametrize("name", MODELS)
def test_what_shipped_models_show_fits_together(name: str, tmp_path: Path) -> None:
    for t in 1, 400, 1000:
        run("look", CHECKPOINTS / name, "--t", t, "--n", 3, "--seed", 8, "--out", tmp_path / "a.npz")
        run("look", CHECKPOINTS / name, "--t", 0, "--n", 3, "--out", tmp_path / "b.npz", "--lens", "x_t")
        with np.load(tmp_path / "a.npz") as seen, np.load(tmp_path / "b.npz") as clean:
            x_t, x0, eps, score = (seen[key].astype(np.float64) for key in ("x_t", "x0", "eps", "score"))
            x_0 = clean["x_t"].astype(np.float64)
        noise = NoiseSource(8, 3, SHAPES[name], torch.device("cpu"))(0, Stream.FORWARD).double().numpy()
        f0, f = (np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2 for u in (0.0, t / 1000))
        if t < 1000:  # where the last β is capped
            a, s = np.sqrt(f / f0), np.sqrt(1 - f / f0)
            np.testing.assert_allclose(x_t, a * x_0 + s * noise, atol=1e-5)
            np.testing.assert_allclose(a * x0 + s * eps, x_t, atol=1e-4)
            np.testing.assert_allclose(score, -eps / s, rtol=1e-4, atol=1e-4 / s)
        else:
            np.testing.assert_allclose(score, -eps, rtol=1e-4, atol=1e-4)
        assert np.isfinite(x0).all()


@pytest.mark.parametrize("name", MODELS)
def test_shipped_models_are_written_as_pictures(name: str, tmp_path: Path) -> None:
    run("look", CHECKPOINTS / name, "--t", 300, "--out", tmp_path / "look.png")
    run("sample", CHECKPOINTS / name, "--n", 4, "--steps", 5, "--label", 1, "--out", tmp_path / "sample.png")
    for file in tmp_path.iterdir():
        with Image.open(file) as picture:
            assert min(picture.size) > 100
            assert len(picture.convert("RGB").getcolors(10**6) or []) > 1


def test_the_mixture_arrives_at_its_weights(tmp_path: Path) -> None:
    """DDIM does, and every label leads to its own component."""
    truth = json.loads((CHECKPOINTS / "mixture" / "config.json").read_text())["truth"]
    means = np.array(truth["means"])

    def shares(*arguments: object) -> NDArray[np.float64]:
        x = sampled(tmp_path / "a.npz", "mixture", "--seed", 1, *arguments)["x"]
        inverse = np.linalg.inv(np.array(truth["covariances"]))
        away = x[:, None] - means
        nearest = np.einsum("nki,kij,nkj->nk", away, inverse, away).argmin(axis=1)
        return np.bincount(nearest, minlength=len(means)) / len(x)

    np.testing.assert_allclose(shares("--n", 2000), truth["weights"], atol=0.05)
    for label in range(len(means)):
        assert shares("--n", 200, "--label", label)[label] > 0.97
