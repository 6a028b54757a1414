"""`.npz` of a run down a latent chain: the numbers of its levels, with the choices that made them as JSON."""

from __future__ import annotations

import json
from typing import BinaryIO

import numpy as np

from explorer.engine.sharing.files import write_npz
from explorer.engine.sharing.material import ChainMaterial, Saving, progress
from explorer.engine.sharing.numbers import Arrays, of_a_look
from explorer.engine.sharing.plain import to_plain
from explorer.lenses.base import numpy32


def write(material: ChainMaterial, file: BinaryIO) -> Saving:
    """z_1 … z_L, as far as they were made: (n, d_t) float32. x_hat: the mean picture that each step leads to,
    (steps, n, …), from z_L down; x: the last of them. t: the level of each step, 0 for the picture.
    mean_z_t, std_z_t: of what z_t was drawn from. choices: the requests, JSON text. Of a look, its tiles."""
    if material.recorded is None:
        write_npz(file, (yield from of_a_look(material)))
        return
    run, arrays, x_hat = material.recorded, Arrays(), []
    for step in run.steps:
        x_hat.append(numpy32(step.picture(material.model.chain)))
        if step.t:
            level = f"z_{step.t}"
            arrays[level] = numpy32(step.z)
            arrays[f"mean_{level}"] = numpy32(step.distribution.mean)
            arrays[f"std_{level}"] = numpy32(step.distribution.std)
        yield progress(step.index + 1, run.made, "numbers")
    arrays |= {"x": x_hat[-1], "x_hat": np.stack(x_hat), "t": np.array([step.t for step in run.steps], np.int64)}
    plain = [{**to_plain(segment.request), "start": segment.start} for segment in run.segments]
    arrays["choices"] = np.array(json.dumps(plain, ensure_ascii=False))
    write_npz(file, arrays)
