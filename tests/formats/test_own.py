"""Folders of our own networks of points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.diffusion.mixture import MixtureDenoiser
from explorer.facts import ModelError
from explorer.formats import own, registry, schedule_names
from explorer.networks.mlp import MLP, MLPConfig


def half_log_snr(model: Any, t: float) -> torch.Tensor:
    return torch.tensor(0.5 * model.denoiser.schedule.log_snr(t))


@torch.no_grad()
def test_mlp(write_points: Callable[..., Path]) -> None:
    from safetensors.torch import load_file

    folder = write_points(class_names=["left", "right"])
    model = registry.load(folder, "cpu")
    facts = model.facts
    assert (facts.kind, facts.shape, facts.T, facts.schedule, facts.prediction) == ("points", (2,), 50, "cosine", "v")
    assert (facts.class_names, facts.null_label) == (("left", "right"), 2)
    assert facts.sampler_defaults == {"clip": False}
    network = MLP(MLPConfig(hidden=8, layers=2, classes=2))
    network.load_state_dict(load_file(folder / "model.safetensors"))
    x_t, labels = torch.randn(4, 2), torch.tensor([0, 1, -1, 0])
    for t in (1, 25, 50):
        expected = network(x_t, half_log_snr(model, t), labels)
        torch.testing.assert_close(model.denoiser(x_t, t, labels).v, expected, atol=1e-6, rtol=0)
        torch.testing.assert_close(model.denoiser(x_t, t).v, network(x_t, half_log_snr(model, t)), atol=1e-6, rtol=0)


def test_samples_are_drawn_from_the_truth(write_points: Callable[..., Path]) -> None:
    model = registry.load(write_points(), "cpu")
    assert model.truth is not None
    assert model.samples.shape == (5000, 2)
    assert model.samples.dtype == np.float32
    labels = np.array(model.facts.sample_labels)
    assert model.facts.sample_count == len(labels) == 5000
    for k in range(2):
        points = model.samples[labels == k]
        assert abs(len(points) / 5000 - 0.5) < 0.03
        np.testing.assert_allclose(points.mean(0), model.truth.means[k], atol=0.05)
        np.testing.assert_allclose(np.cov(points.T), model.truth.covariances[k], atol=0.02)
    assert model.facts.value_range[1] == pytest.approx(1 + 3 * 0.2**0.5)


def test_single_numbers(write_points: Callable[..., Path], change_json: Callable[..., None]) -> None:
    truth = {"weights": [0.4, 0.6], "means": [[-1], [1]], "covariances": [[[0.04]], [[0.25]]]}
    folder = write_points("exact", shape=[1], truth=truth)
    model = registry.load(folder, "cpu")
    assert (model.facts.kind, model.facts.shape, model.facts.on_grid) == ("line", (1,), False)
    assert model.facts.value_range[1] == pytest.approx(1 + 3 * 0.5)
    assert model.samples.shape == (5000, 1)
    assert abs(float((model.samples > 0).mean()) - 0.6) < 0.04
    assert model.truth is not None
    x, a, s = torch.tensor([[-0.5], [0.3]]), model.denoiser.schedule.signal(20), model.denoiser.schedule.noise(20)
    variances = a * a * torch.tensor([0.04, 0.25]) + s * s
    density = torch.tensor([0.4, 0.6]) * torch.exp(-((x - a * torch.tensor([-1.0, 1.0])) ** 2) / (2 * variances))
    density = density / (2 * torch.pi * variances).sqrt()
    torch.testing.assert_close(model.truth.log_density(x, a, s), density.sum(1).log())
    change_json(folder / "config.json", truth={**truth, "covariances": [[[0.04]], [[0]]]})
    with pytest.raises(ModelError, match=r"\[\[xx\]\]"):
        registry.inspect(folder)


def test_a_network_takes_as_many_numbers_as_the_shape_says(write_points: Callable[..., Path]) -> None:
    truth = {"weights": [1], "means": [[0]], "covariances": [[[1]]]}
    with pytest.raises(ModelError, match="shape"):
        registry.inspect(write_points(shape=[1], truth=truth))


def test_more_samples_begin_with_the_same(write_points: Callable[..., Path], change_json: Callable[..., None]) -> None:
    folder = write_points(samples={"count": 10, "seed": 3})
    few = registry.load(folder, "cpu")
    change_json(folder / "config.json", samples={"count": 30, "seed": 3})
    more = registry.load(folder, "cpu")
    np.testing.assert_array_equal(few.samples, more.samples[:10])
    assert few.facts.sample_labels == more.facts.sample_labels[:10]


def test_exact_needs_no_weights(write_points: Callable[..., Path]) -> None:
    model = registry.load(write_points("exact"), "cpu")
    assert isinstance(model.denoiser, MixtureDenoiser)
    assert model.truth is not None
    assert (model.facts.class_names, model.facts.null_label, model.facts.prediction) == (("0", "1"), 2, "score")
    x_t = torch.randn(5, 2)
    a, s = model.denoiser.schedule.signal(20), model.denoiser.schedule.noise(20)
    torch.testing.assert_close(model.denoiser(x_t, 20).score, model.truth.score(x_t, a, s))


def test_without_truth_there_are_no_samples(write_points: Callable[..., Path]) -> None:
    model = registry.load(write_points(truth=None), "cpu")
    assert model.truth is None
    assert model.samples.shape == (0, 2)
    assert model.facts.value_range == (-1.0, 1.0)


@pytest.mark.parametrize("network", ["mlp", "exact"])
def test_on_another_device(write_points: Callable[..., Path], network: str) -> None:
    model = registry.load(write_points(network), "meta")
    x_t = torch.empty(3, 2, device="meta")
    labels = torch.zeros(3, dtype=torch.int64, device="meta")
    assert model.denoiser(x_t, 20, labels).x0.device.type == "meta"
    assert model.denoiser(x_t, 20).eps.device.type == "meta"


@pytest.mark.parametrize("name", schedule_names.SCHEDULE_ARGUMENTS)
def test_limits_know_the_schedules(write_points: Callable[..., Path], name: str) -> None:
    from inspect import signature

    from explorer.diffusion.schedules import SCHEDULES

    parameters = signature(SCHEDULES[name]).parameters
    assert set(parameters) == {"T", *schedule_names.SCHEDULE_ARGUMENTS[name]}
    assert parameters["T"].default == schedule_names.DEFAULT_T[name]
    assert set(schedule_names.SCHEDULE_ARGUMENTS) == set(SCHEDULES)
    model = registry.load(write_points("exact", schedule={"name": name}), "cpu")
    assert model.facts.T == model.denoiser.schedule.T
    assert model.facts.schedule == model.denoiser.schedule.name


def test_limits_know_the_network() -> None:
    from dataclasses import fields

    assert set(own.NETWORK_LIMITS["mlp"]) == {field.name for field in fields(MLPConfig)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "classifier"}, "kind"),
        ({"network": "os.system"}, "network"),
        ({"network": None}, "network"),
        ({"network_config": {"hidden": 10**9}}, "hidden"),
        ({"network_config": {"hidden": "8"}}, "hidden"),
        ({"network_config": {"code": "8"}}, "code"),
        ({"network_config": [1]}, "network_config"),
        ({"network_config": {"hidden": 16, "layers": 2, "classes": 2}}, "does not fit"),
        ({"schedule": {"name": "magic"}}, "name"),
        ({"schedule": {"name": "cosine", "T": 10**9}}, "T"),
        ({"schedule": {"name": "cosine", "beta_start": 0.1}}, "beta_start"),
        ({"schedule": {"name": "geometric", "sigma_min": 5, "sigma_max": 1}}, "sigma_min"),
        ({"schedule": None}, "schedule"),
        ({"shape": [3]}, "shape"),
        ({"shape": "2"}, "shape"),
        ({"prediction": "noise"}, "prediction"),
        ({"prediction": None}, "prediction"),
        ({"truth": {"weights": [1.0]}}, "means"),
        ({"truth": {"weights": [0.5], "means": [[0, 0]], "covariances": [[[1, 0], [0, 1]]]}}, "weights"),
        ({"truth": {"weights": [1], "means": [[0]], "covariances": [[[1, 0], [0, 1]]]}}, "means"),
        ({"truth": {"weights": [1], "means": [[0, 0]], "covariances": [[[1, 2], [2, 1]]]}}, "covariances"),
        ({"truth": {"weights": [1], "means": [[0, 0]], "covariances": [[[1, 0], [1, 1]]]}}, "covariances"),
        ({"truth": {"weights": [1], "means": [[0, 0]], "covariances": [[[-1, 0], [0, -1]]]}}, "covariances"),
        ({"samples": {"count": 10**12}}, "count"),
    ],
    ids=str,
)
def test_wrong_configurations(
    write_points: Callable[..., Path], change_json: Callable[..., None], changes: dict[str, Any], says: str
) -> None:
    folder = write_points()
    change_json(folder / "config.json", **changes)
    with pytest.raises(ModelError) as caught:
        registry.load(folder, "cpu")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_exact_without_truth(write_points: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="no truth"):
        registry.inspect(write_points("exact", truth=None))


def test_folder_without_weights(write_points: Callable[..., Path]) -> None:
    folder = write_points()
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        registry.inspect(folder)


def test_a_pickle_with_code_in_place_of_the_weights(write_points: Callable[..., Path], tmp_path: Path) -> None:
    folder, proof = write_points(), tmp_path / "proof"

    class Creates:
        def __reduce__(self) -> Any:
            return Path.touch, (proof,)

    torch.save({"frequencies": Creates()}, folder / "model.safetensors")
    with pytest.raises(ModelError, match="not opened"):
        registry.load(folder, "cpu")
    assert not proof.exists()
