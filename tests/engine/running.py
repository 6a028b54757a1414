"""Runs asked of an engine, and their frames compared bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.request import Guidance, Look, ModelRef, Replay, Run

CPU = torch.device("cpu")
LENSES = ("x_t", "x0", "eps", "score")
NOISY: dict[str, dict[str, Any]] = {
    "ddim": {"eta": 0.6},
    "ddpm": {},
    "langevin": {"level": 0.8},
    "annealed_langevin": {"steps_per_level": 3},
}
"""Parameters with which every sampler draws fresh noise."""


def request_of(path: str, sampler: str = "ddim", **changes: Any) -> Run:
    run = Run(ModelRef(path, "cpu"), 1, sampler, 4, 11, 2, Guidance(), LENSES, NOISY.get(sampler, {}))
    return replace(run, **changes)


def run(engine: Engine, request: Run) -> list[Seen]:
    """Every frame, all of them Seen."""
    frames = list(engine.answer(request))
    seen = [frame for frame in frames if isinstance(frame, Seen)]
    assert len(seen) == len(frames)
    return seen


def replay(engine: Engine, request: Run, step: int, lenses: tuple[str, ...] = LENSES) -> Seen:
    (frame,) = engine.answer(Look(request.model, Replay(request.run, step), 0, Guidance(), lenses))
    assert isinstance(frame, Seen)
    return frame


def arrays(frames: list[Seen], name: str = "x_t") -> list[NDArray[np.float32]]:
    return [frame.tiles[name].data for frame in frames]


def assert_same(found: list[Seen], expected: list[Seen]) -> None:
    """Bit for bit."""
    assert [(f.step, f.t, f.finished) for f in found] == [(f.step, f.t, f.finished) for f in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.tiles.keys() == other.tiles.keys()
        for name, drawable in one.tiles.items():
            np.testing.assert_array_equal(drawable.data, other.tiles[name].data)
        assert dict(one.scalars) == dict(other.scalars)
