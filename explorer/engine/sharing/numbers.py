"""`.npz`: the numbers of a run, with the choices that made them as JSON; of a forward view, those of its tiles."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from explorer.engine.frame import Frame
from explorer.engine.sharing.files import aside, write_npz
from explorer.engine.sharing.material import AnyMaterial, Material, Saving, progress
from explorer.engine.sharing.plain import to_plain
from explorer.lenses.base import numpy32

Arrays = dict[str, NDArray[Any]]


def write(material: Material, file: BinaryIO) -> Saving:
    """x: the last x_t, (n, …) float32. x_t, x0: (steps, n, …). t: (steps,). scalar_NAME: (steps,), NaN where there
    is none. choices: the requests, JSON text."""
    if material.recorded is None:
        arrays = yield from of_a_look(material)
    else:
        run = material.recorded
        x_t, x0, t = [], [], []
        for index in range(run.made):
            step = yield from material.step(index)
            x_t.append(numpy32(step.x))
            x0.append(numpy32(step.x0))
            t.append(step.t)
            yield progress(index + 1, run.made, "numbers")
        arrays = {"x": x_t[-1], "x_t": np.stack(x_t), "x0": np.stack(x0), "t": np.array(t, np.float64)}
        for name in sorted({name for values in run.scalars for name in values}):
            arrays[f"scalar_{name}"] = np.array([values.get(name, np.nan) for values in run.scalars], np.float64)
        plain: Any = [{**to_plain(segment.request), "start": segment.start} for segment in run.segments]
        arrays["choices"] = np.array(json.dumps(plain, ensure_ascii=False))

    yield from (progress(1, 1, "numbers") for _ in aside(lambda: write_npz(file, arrays)))


def of_a_look(material: AnyMaterial) -> Generator[Frame, None, Arrays]:
    """The tiles of a forward view by name, t, and the choices."""
    seen = yield from material.seen()
    arrays: Arrays = {name: drawable.data for name, drawable in seen.tiles.items()}
    arrays["t"] = np.array(float(seen.t))
    arrays["choices"] = np.array(json.dumps(to_plain(material.look), ensure_ascii=False))
    return arrays
