"""The scripts of a run, run in a fresh process: bit for bit with this package, within rounding with plain diffusers."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.engine.engine import Engine
from explorer.engine.sharing.script import harmless
from explorer.facts import ModelError
from explorer.lenses.base import numpy32
from explorer.request import Guidance, ModelRef, Run, ScheduleChoice
from tests.engine.models import SHAPE
from tests.engine.running import request_of
from tests.engine.sharing.test_saving import made, save


def final(engine: Engine, run: int) -> NDArray[np.float32]:
    return numpy32(engine.trajectory(run).last.x)


def edited(value: float) -> NDArray[np.float32]:
    return np.full((2, *SHAPE), value, np.float32)


def plain(engine: Engine, path: str) -> Run:
    request = request_of(path, "ddpm", guidance=Guidance(1, 2.0, interval=(5, 40)))
    made(engine, request)
    return request


def two_branches(engine: Engine, path: str) -> Run:
    """A run that is changed on the way, left for a branch with another x_t, of which another seed makes a branch."""
    first = request_of(path, "ddim", steps=8, guidance=Guidance(1, 2.0))
    made(engine, replace(first, until=3))
    made(engine, replace(first, start=3, guidance=Guidance(2, 1.5), until=5))
    second = replace(first, run=2, branch_of=(1, 4), edited=edited(0.3), until=4)
    made(engine, second)
    made(engine, replace(first, run=2, start=4, sampler="ddpm", parameters={}, until=6))
    third = replace(first, run=3, branch_of=(2, 6), sampler="dpmpp_2m", seed=99)
    made(engine, third)
    return third


def classifier(engine: Engine, path: str) -> Run:
    request = request_of(path, "heun", guidance=Guidance(1, 2.0, "classifier"))
    made(engine, request)
    return request


def of_diffusers(engine: Engine, path: str) -> Run:
    request = request_of(path, "diffusers:UniPCMultistepScheduler", steps=10)
    made(engine, replace(request, until=6))
    made(engine, replace(request, start=6))
    return request


def rescheduled(engine: Engine, path: str) -> Run:
    """On a schedule drawn by hand."""
    points = ((1.0, 5.0), (20.0, 1.0), (50.0, -6.0))
    ref = ModelRef(path, "cpu", schedule=ScheduleChoice("custom", points=points))
    request = request_of(path, "ddim", model=ref, guidance=Guidance(1, 2.0))
    made(engine, request)
    return request


OURS = {"plain": (plain, "pictures"), "branches": (two_branches, "pictures"), "classifier": (classifier, "points")}
OURS["rescheduled"] = (rescheduled, "pictures")
OURS["unipc"] = (of_diffusers, "plain_pictures")
THEIRS: dict[str, tuple[dict[str, Any], Guidance]] = {
    "ddim": ({"eta": 0.5, "clip": True, "percentile": 90.0}, Guidance(1, 2.0)),
    "ddpm": ({"clip": False}, Guidance()),
    "euler": ({"clip": False}, Guidance(2, 1.5, rescale=0.3)),
    "heun": ({}, Guidance(1, 2.0, interval=(0, 30))),
    "dpmpp_2m": ({"clip": False, "spacing": "karras"}, Guidance(0, 3.0)),
}
RUN_ALL = "import runpy, sys; [runpy.run_path(file, run_name='__main__') for file in sys.argv[1:]]"


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, pictures: str, plain_pictures: str, points: str
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32], str]]:
    """By script: what it keeps, what the run ended with, and the note. One fresh process runs them all: diffusers
    alone takes seconds to import."""
    folder, engine = tmp_path_factory.mktemp("scripts"), Engine()
    paths = {"pictures": pictures, "plain_pictures": plain_pictures, "points": points}
    ends: dict[str, tuple[NDArray[np.float32], str]] = {}
    for name, (make, model) in OURS.items():
        run = make(engine, paths[model])
        ends[name] = final(engine, run.run), save(engine, run, folder / f"{name}.py", 0).note
    for name, (parameters, guidance) in THEIRS.items():
        run = request_of(pictures, name, parameters=parameters, guidance=guidance, steps=10)
        made(engine, run)
        ends[name] = final(engine, 1), save(engine, run, folder / f"{name}.py", 0, plain_diffusers=True).note
        assert "import explorer" not in (text := (folder / f"{name}.py").read_text())
        assert "from explorer" not in text
    command = [sys.executable, "-c", RUN_ALL, *(f"{name}.py" for name in ends)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("x_0: (2,") == len(ends)
    return {name: (np.load(folder / f"{name}.npy"), *end) for name, end in ends.items()}


@pytest.mark.parametrize("name", OURS)
def test_a_script_makes_the_run_again_bit_for_bit(name: str, found: Any) -> None:
    x_0, expected, note = found[name]
    assert x_0.tobytes() == expected.tobytes()
    assert (f"{name}.npz" in note) == (name == "branches")


@pytest.mark.parametrize("name", THEIRS)
def test_a_script_of_plain_diffusers_agrees(name: str, found: Any) -> None:
    x_0, expected, _ = found[name]
    np.testing.assert_allclose(x_0, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sampler": "langevin"}, "no sampler that does what"),
        ({"sampler": "euler"}, "does not clip"),
        ({"parameters": {"clip": True, "clip_range": 2.0, "percentile": 90.0}}, "clip range 1 alone"),
        ({"steps": 7}, "divides T"),
        ({"until": 2}, "not finished"),
        ({"initial": edited(0.0)}, "of its own"),
    ],
)
def test_what_plain_diffusers_cannot_do_is_one_sentence(
    changes: dict[str, Any], why: str, engine: Engine, pictures: str, tmp_path: Path
) -> None:
    run = request_of(pictures, **changes)
    run = replace(run, parameters={} if "sampler" in changes else run.parameters)
    made(engine, run)
    with pytest.raises(ModelError, match=why) as error:
        save(engine, run, tmp_path / "plain.py", 0, plain_diffusers=True)
    assert str(error.value).startswith("Plain diffusers cannot")
    assert list(tmp_path.iterdir()) == []


def test_another_schedule_is_beyond_plain_diffusers(engine: Engine, pictures: str, tmp_path: Path) -> None:
    run = request_of(pictures, model=ModelRef(pictures, "cpu", schedule=ScheduleChoice("linear")))
    made(engine, run)
    with pytest.raises(ModelError, match="another noise schedule"):
        save(engine, run, tmp_path / "plain.py", 0, plain_diffusers=True)


def test_points_have_no_script_of_plain_diffusers(engine: Engine, points: str, tmp_path: Path) -> None:
    run = request_of(points)
    made(engine, run)
    with pytest.raises(ModelError, match="not a folder of diffusers"):
        save(engine, run, tmp_path / "plain.py", 0, plain_diffusers=True)


def test_a_title_cannot_become_code() -> None:
    title = 'Digits"""\nimport os\\\n"""'
    assert "\n" not in harmless(title)
    assert ast.literal_eval(f'"""{harmless(title)}, once more"""').startswith("Digits")
