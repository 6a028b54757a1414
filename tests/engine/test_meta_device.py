"""Looks and runs on the device "meta": the engine makes no tensor on the CPU in the step path but the noise."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from explorer.diffusion.samplers import SAMPLERS
from explorer.engine.engine import Engine
from explorer.engine.frame import FilmStrip, Opened, Seen
from explorer.request import Film, Forward, Guidance, Look, ModelRef, Open, Replay, Run

META = torch.device("meta")
KINDS = ("pictures", "points", "learned_points")
LENSES = ("x_t", "x0", "eps", "score", "v")


class NeverMixed(TorchDispatchMode):
    """Fails on any operation that reads tensors of two devices, other than copies; counts those on meta."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the base has no type
        self.on_meta = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if "copy" not in func.__name__:
            read = {leaf.device.type for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
            assert len(read) < 2, f"{func} met tensors on {read}"
            self.on_meta += "meta" in read
        return func(*args, **(kwargs or {}))


ANY_MODEL = [name for name, sampler in SAMPLERS.items() if not sampler.needs_density]
CASES = [
    *itertools.product(SAMPLERS, ["points"], [Guidance()]),
    *itertools.product(ANY_MODEL, ["learned_points"], [Guidance(1), Guidance(1, 3.0)]),
    *itertools.product(["ddim", "ddpm"], ["pictures"], [Guidance(1, 3.0)]),  # slow there, and samplers know no kinds
]


@pytest.mark.parametrize(("sampler", "kind", "guidance"), CASES)
def test_runs(engine: Engine, kind: str, sampler: str, guidance: Guidance, request: pytest.FixtureRequest) -> None:
    ref = ModelRef(request.getfixturevalue(kind), "meta")
    list(engine.answer(Open(ref)))
    parameters = {"eta": 1.0, "steps_per_level": 1}
    with NeverMixed() as watch:
        frames = list(engine.answer(Run(ref, 1, sampler, 2, 0, 2, guidance, LENSES, parameters)))
        steps = engine.trajectory(1).steps
        assert watch.on_meta > 3 * len(steps)
        last = steps[-1].index
        frames += engine.answer(Run(ref, 1, sampler, 2, 0, 2, guidance, LENSES, parameters, start=last - 1))
        frames += engine.answer(Look(ref, Replay(1, 1), 0, guidance, LENSES))
    assert len(frames) == len(steps) + 3
    for frame in frames:
        assert isinstance(frame, Seen)
        assert isinstance(frame.thumbnail, np.ndarray)
        for drawable in frame.tiles.values():
            assert drawable.data.shape == tuple(steps[0].x.shape)
            assert not drawable.data.any()
    for step in steps:
        assert step.x.device == step.x0.device == step.prediction.output.device == META


@pytest.mark.parametrize("kind", KINDS)
def test_looks(engine: Engine, kind: str, request: pytest.FixtureRequest) -> None:
    ref = ModelRef(request.getfixturevalue(kind), "meta")
    (*_, opened) = engine.answer(Open(ref))
    assert isinstance(opened, Opened)
    assert opened.device == "meta"
    T = opened.facts.T
    with NeverMixed():
        for t in 0, T:
            (seen,) = engine.answer(Look(ref, Forward(0, 3), t, Guidance(1, 2.0), LENSES))
            assert isinstance(seen, Seen)
            assert seen.tiles["x_t"].data.shape == (3, *opened.facts.shape)
        (film,) = engine.answer(Film(ref, Forward(0, 2), (0, T)))
    assert isinstance(film, FilmStrip)
    assert len(film.thumbnails) == 2


def test_the_watch_notices_mixed_devices() -> None:
    with pytest.raises(AssertionError, match="meta"), NeverMixed():
        torch.ones(2) + torch.ones(2, device=META)
