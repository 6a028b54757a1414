"""`sample`: a run of a sampler, written to a file."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.cli.chain import sample_chain
from explorer.cli.usage import (
    UsageError,
    common_arguments,
    out_file,
    parameter_of,
    save_npz,
    save_pictures,
    schedule_argument,
    schedule_of,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from explorer.diffusion.samplers import Step
    from explorer.engine.engine import Engine
    from explorer.facts import ModelFacts
    from explorer.state import State

SUMMARY = "run a sampler and write what comes out"
FRAME_MS, MOST_FRAMES, FRAMES_AT_END = 50, 200, 15
"""Of a .gif: about how many of the steps are in it, and how often the last is shown again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common_arguments(parser)
    schedule_argument(parser)
    parser.add_argument(
        "--sampler",
        help="ddim, ddpm, euler, heun, …, or diffusers:CLASSNAME (what the model's card proposes, else ddim); of a VAE "
        "or an HVAE: ancestral",
    )
    parser.add_argument("--steps", type=int, help="steps; for annealed_langevin its noise levels")
    parser.add_argument("--n", type=int, default=1, help="how many samples (1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first sample: with --n 1, single run k")
    parser.add_argument("--init", help="x_T as a .npy file of shape (n, …)")
    parser.add_argument(
        "--param", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the sampler; may be repeated"
    )
    parser.add_argument("--trajectory", action="store_true", help="keep every step (.npz: x_t, x0, t; .gif: always)")


def run(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect
    from explorer.state import resolve_run

    out = out_file(options)
    facts = inspect(options.path)
    if options.first < 0:
        raise UsageError("--first counts from 0")
    initial = None if options.init is None else _read_array(options.init)
    if facts.family == "chain":
        return sample_chain(options, facts, out, initial)

    from explorer.engine.engine import Engine

    engine = Engine(memory_budget=sys.maxsize)  # all that is asked for is written
    state = _state(options, facts, engine, len(initial) if initial is not None else options.n)
    every = options.trajectory or out.suffix.lower() == ".gif"
    run = replace(resolve_run(state, facts, run=1), initial=initial, first=options.first, record=every)
    for _ in engine.answer(run):
        pass
    _write(out, engine.trajectory(1).steps, facts, options.trajectory)
    return 0


def _state(options: argparse.Namespace, facts: ModelFacts, engine: Engine, count: int) -> State:
    """What the options say, and where they say nothing what the model's card proposes. Raises UsageError."""
    from explorer.state import with_custom_times

    specs = {spec.name: spec for spec in engine.ready().samplers}
    proposed = facts.proposed if options.sampler is None else None
    name = options.sampler or (proposed.sampler if proposed else "ddim")
    if name not in specs and not name.startswith("diffusers:"):
        own = ", ".join(name for name, spec in specs.items() if not spec.group)
        raise UsageError(f"there is no sampler “{name}”; known are {own} and diffusers:CLASSNAME")
    spec = engine.sampler(name)
    usual = proposed.steps if proposed else min(spec.default_steps, facts.T)
    chosen = dict(parameter_of(text, spec.parameters) for text in options.param)
    return state_of(
        options,
        count=count,
        sampler=name,
        steps=options.steps if options.steps is not None else usual,
        sampler_seed=options.seed,
        parameters=with_custom_times({**(proposed.parameters if proposed else {}), **chosen}),
        schedule=schedule_of(options.schedule),
        lenses=(),
    )


def _write(out: Path, steps: Sequence[Step], facts: ModelFacts, trajectory: bool) -> None:
    """trajectory: an .npz has every step, not the last alone."""
    import numpy as np

    from explorer.lenses.base import numpy32

    x_t = np.stack([numpy32(step.x) for step in steps])
    if out.suffix.lower() == ".npz":
        arrays = {"x": x_t[-1]}
        if trajectory:
            x0 = np.stack([numpy32(step.x0) for step in steps])
            arrays |= {"x_t": x_t, "x0": x0, "t": np.array([step.t for step in steps])}
        save_npz(out, arrays)
    else:
        save_pictures(out, _pictures(x_t, facts, all_steps=out.suffix.lower() == ".gif"), FRAME_MS)


def _read_array(path: str) -> NDArray[np.float32]:
    """x_T, (n, …). Raises UsageError for a file that is not there or holds anything but finite numbers."""
    import numpy as np

    try:
        with Path(path).open("rb") as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"there is no file “{path}”") from None
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as error:
        raise UsageError(f"“{path}” is not a .npy file of numbers: {error}") from None
    if array.ndim < 2 or array.dtype.kind not in "fiu":
        raise UsageError(f"“{path}” does not hold numbers of shape (n, …)")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise UsageError(f"“{path}” holds numbers that are not finite")
    return array


def _pictures(x_t: NDArray[np.float32], facts: ModelFacts, all_steps: bool) -> list[Image]:
    """Of x_t (steps + 1, n, …) the last step, or a film's frames of them all."""
    import numpy as np

    from explorer.lenses import drawable
    from explorer.lenses.line import outline
    from explorer.lenses.picture import picture

    half = max(3.5, float(np.abs(x_t[-1]).max()) * 1.05)

    def frame(x: NDArray[np.float32]) -> Image:
        if facts.kind == "line":
            line, tallest = outline(x, half), 1.1 * float(outline(x_t[-1], half).y.max())
            return picture(drawable.Chart(x, (line,), "x_t", "density", extent=(-half, half, 0.0, tallest)))
        if facts.kind != "points":
            return picture(drawable.Image(x, "data", facts.value_range))
        return picture(drawable.Points(x, np.zeros(len(x), np.uint8), (-half, half, -half, half)))

    if not all_steps:
        return [frame(x_t[-1])]
    return [frame(x) for x in x_t[:: max(1, len(x_t) // MOST_FRAMES)]] + [frame(x_t[-1])] * FRAMES_AT_END
