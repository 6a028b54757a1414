"""Requests and frames are values that can cross a process: picklable, and without tensors."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import torch

from explorer.engine.engine import Engine
from explorer.engine.frame import FilmStrip, Frame, Opened, Progress, Ready, Seen
from explorer.request import Film, Forward, Guidance, Look, ModelRef, Open, Replay, Request, Run

LENSES = ("x_t", "x0", "eps", "score", "v")


def parts(value: Any) -> Iterator[Any]:
    """A value and all that it holds."""
    yield value
    if is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            yield from parts(getattr(value, f.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from parts(key)
            yield from parts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts(item)


def assert_same(found: Any, expected: Any) -> None:
    """Equal, arrays and all."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected)
    elif is_dataclass(expected) and not isinstance(expected, type):
        for f in fields(expected):
            assert_same(getattr(found, f.name), getattr(expected, f.name))
    elif isinstance(expected, Mapping):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


def requests(path: str) -> list[Request]:
    model = ModelRef(path, "cpu", (("title", "Another"),))
    initial = np.zeros((2, 1, 8, 8), np.float32)
    run = Run(model, 1, "ddim", 3, 0, 2, Guidance(1, 2.0), LENSES, {"eta": 0.5}, 1, initial, None, 2, True)
    return [
        Open(model),
        Look(model, Forward(0, 2, 3), 20, Guidance(1, 2.0), LENSES),
        Film(model, Forward(), (0, 10, 50)),
        run,
        Look(model, Replay(1, 1), 0, Guidance(), LENSES),
    ]


def frames(engine: Engine, path: str) -> list[Frame]:
    found: list[Frame] = [engine.ready()]
    for request in requests(path):
        found += engine.answer(request)
    return found


def test_requests_are_values(pictures: str) -> None:
    for request in requests(pictures):
        assert_same(pickle.loads(pickle.dumps(request)), request)  # noqa: S301 — the test's own
        assert not any(isinstance(part, torch.Tensor) for part in parts(request))


def test_frames_are_values(engine: Engine, pictures: str) -> None:
    found = frames(engine, pictures)
    assert {type(frame) for frame in found} == {Ready, Progress, Opened, Seen, FilmStrip}
    for frame in found:
        for part in parts(frame):
            assert not isinstance(part, torch.Tensor | torch.device)
            assert not isinstance(part, np.ndarray) or part.dtype != np.dtype(object)
        assert_same(pickle.loads(pickle.dumps(frame)), frame)  # noqa: S301 — the test's own


def test_frames_of_points_are_values(engine: Engine, points: str) -> None:
    model = ModelRef(points, "cpu")
    for source, t in (Forward(0, 5), 30), (Forward(0, 5), 0):
        (seen,) = engine.answer(Look(model, source, t, Guidance(), LENSES))
        assert not any(isinstance(part, torch.Tensor) for part in parts(seen))
        assert_same(pickle.loads(pickle.dumps(seen)), seen)  # noqa: S301 — the test's own


@pytest.mark.parametrize(
    ("kind", "sampler"),
    [("pictures", "ddpm"), *(("points", name) for name in ("ddim", "ddpm", "langevin", "annealed_langevin"))],
)
def test_frames_do_not_change_afterwards(
    engine: Engine, kind: str, sampler: str, request: pytest.FixtureRequest
) -> None:
    """The window draws a frame while the engine is at the next step: they share no memory that is written to."""
    model = ModelRef(request.getfixturevalue(kind), "cpu")
    kept, copies = [], []
    for frame in engine.answer(Run(model, 1, sampler, 4, 0, 2, Guidance(), LENSES, {"steps_per_level": 2})):
        kept.append(frame)
        copies.append(pickle.dumps(frame))
    assert len(kept) > 4
    for frame, copy in zip(kept, copies, strict=True):
        assert_same(frame, pickle.loads(copy))  # noqa: S301 — the test's own
