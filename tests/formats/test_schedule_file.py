"""Noise schedules as files of numbers."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from explorer.diffusion.schedules import Schedule, cosine, geometric, linear, trained
from explorer.facts import ModelError
from explorer.formats.schedule_file import read_schedule

T = 40
TIMES = torch.arange(1, T + 1)


def levels(schedule: Schedule) -> dict[str, list[float]]:
    """What a file may hold of a schedule."""
    found = {"log_snr": schedule.log_snr(TIMES).tolist(), "alphas_cumprod": (schedule.signal(TIMES) ** 2).tolist()}
    return found if schedule.betas is None else {**found, "betas": schedule.betas.tolist()}


def written(folder: Path, name: str, values: Any, ending: str) -> Path:
    """values under a name, or none, as a file of that kind."""
    path = folder / f"file{ending}"
    if ending == ".npy":
        np.save(path, np.array(values))
    elif ending == ".json":
        path.write_text(json.dumps({name: values} if name else values))
    else:
        path.write_text("\n".join([name, *map(str, values)]))
    return path


def assert_same(found: Schedule, expected: Schedule) -> None:
    assert found.T == expected.T
    times = torch.arange(expected.T + 1)
    torch.testing.assert_close(found.signal(times), expected.signal(times), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.noise(times), expected.noise(times), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ending", [".json", ".npy", ".csv"])
@pytest.mark.parametrize("kind", ["betas", "alphas_cumprod", "log_snr"])
@pytest.mark.parametrize("named", [True, False])
def test_the_same_schedule_in_every_form(tmp_path: Path, ending: str, kind: str, named: bool) -> None:
    """Without a name the numbers tell what they are: β rises, ᾱ falls within 0 … 1, log SNR falls beyond."""
    expected = linear(T, 1e-3, 0.2)
    found = read_schedule(written(tmp_path, kind if named else "", levels(expected)[kind], ending))
    assert_same(found, expected)
    assert found.betas is not None
    torch.testing.assert_close(found.betas, expected.betas, rtol=1e-8, atol=0)


def test_an_entry_for_the_data_is_left_out(tmp_path: Path) -> None:
    expected = cosine(T)
    assert_same(read_schedule(written(tmp_path, "", [1.0, *levels(expected)["alphas_cumprod"]], ".json")), expected)
    assert_same(read_schedule(written(tmp_path, "", [np.inf, *levels(expected)["log_snr"]], ".npy")), expected)


def test_sigmas_either_way_round(tmp_path: Path) -> None:
    expected = geometric(T, 0.02, 10)
    sigmas = expected.noise(TIMES).tolist()
    for values in (sigmas, [0.0, *sigmas], [*sigmas[::-1], 0.0]):
        assert_same(read_schedule(written(tmp_path, "sigmas", values, ".json")), expected)


def test_the_configuration_of_a_scheduler(tmp_path: Path) -> None:
    theirs: Any = DDPMScheduler(num_train_timesteps=T, beta_schedule="scaled_linear", beta_start=1e-3, beta_end=0.1)
    theirs.save_pretrained(tmp_path)
    found = read_schedule(tmp_path / "scheduler_config.json")
    torch.testing.assert_close(found.signal(TIMES) ** 2, theirs.alphas_cumprod.double(), rtol=1e-5, atol=0)
    betas = [0.1, 0.3, 0.2]
    (tmp_path / "own.json").write_text(json.dumps({"_class_name": "DDIMScheduler", "trained_betas": betas}))
    assert_same(read_schedule(tmp_path / "own.json"), trained(betas))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "must hold a list"),
        (b"[0.1, 0.2", "not valid JSON"),
        (b'{"speed": [1]}', "one list called betas"),
        (b'{"betas": [0.1], "log_snr": [3]}', "one list called betas"),
        (b'{"betas": 3}', "must hold a list"),
        (b'{"betas": [0.1, "a"]}', "at place 2"),
        (b'{"betas": [0.1, NaN]}', "at place 2"),
        (b'{"betas": [0.1, 1.5]}', "between 0 and 1"),
        (b'{"alphas_cumprod": [0.9, 0.95]}', "must fall"),
        (b'{"alphas_cumprod": [0.9, 1.5]}', "between 0 and 1"),
        (b'{"log_snr": [3, 4]}', "must fall"),
        (b'{"log_snr": [3000, 4]}', "between −80 and 80"),
        (b'{"sigmas": [-1, 4]}', "above 0"),
        (b"3\n7\n5", "give them a name"),
        (b"betas\n0.1\nmuch", "“much”"),
        (b"\x89PNG\r\n\x1a\n\x00\x01", "neither JSON"),
        (b"\x93NUMPY\x01\x00\xff\xff{'descr'", "no readable .npy"),
        (b"[" * 100_000, "not valid JSON"),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_none(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=says) as caught:
        read_schedule(path)
    assert "\n" not in str(caught.value)


def test_no_code_is_run_by_an_array(tmp_path: Path) -> None:
    ran: list[int] = []

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return ran.append, (1,)

    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    (tmp_path / "evil.json").write_bytes(pickle.dumps(Evil()))
    (tmp_path / "folder").mkdir()
    for name in ("evil.npy", "evil.json", "folder", "absent"):
        with pytest.raises(ModelError):
            read_schedule(tmp_path / name)
    assert not ran
