"""`sample`: a run of a sampler, written to a file."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.cli.chain import check_sampler, parameters, sample_chain
from explorer.cli.usage import (
    UsageError,
    common_arguments,
    out_file,
    save_npz,
    schedule_argument,
    schedule_of,
    state_of,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from explorer.engine.frame import ParameterSpec

SUMMARY = "run a sampler and write what comes out"


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
    from explorer.state import resolve_run, with_custom_times

    out = out_file(options)
    facts = inspect(options.path)
    if options.first < 0:
        raise UsageError("--first counts from 0")
    initial = None if options.init is None else _read_array(options.init)
    if facts.family == "chain":
        check_sampler(options.sampler, facts)
        values = dict(_parameter(text, parameters()) for text in options.param)
        return sample_chain(options, facts, out, initial, values)

    import numpy as np

    from explorer.engine.engine import Engine
    from explorer.lenses.base import numpy32

    engine = Engine(memory_budget=sys.maxsize)  # all that is asked for is written
    specs = {spec.name: spec for spec in engine.ready().samplers}
    proposed = facts.proposed if options.sampler is None else None
    name = options.sampler or (proposed.sampler if proposed else "ddim")
    if name not in specs and not name.startswith("diffusers:"):
        own = ", ".join(name for name, spec in specs.items() if not spec.group)
        raise UsageError(f"there is no sampler “{name}”; known are {own} and diffusers:CLASSNAME")
    spec = engine.sampler(name)
    usual = proposed.steps if proposed else min(spec.default_steps, facts.T)
    chosen = dict(_parameter(text, {p.name: p for p in spec.parameters}) for text in options.param)
    state = state_of(
        options,
        count=len(initial) if initial is not None else options.n,
        sampler=name,
        steps=options.steps if options.steps is not None else usual,
        sampler_seed=options.seed,
        parameters=with_custom_times({**(proposed.parameters if proposed else {}), **chosen}),
        schedule=schedule_of(options.schedule),
        lenses=(),
    )
    every = options.trajectory or out.suffix.lower() == ".gif"
    run = replace(resolve_run(state, facts, run=1), initial=initial, first=options.first, record=every)
    for _ in engine.answer(run):
        pass
    steps = engine.trajectory(1).steps
    x_t = np.stack([numpy32(step.x) for step in steps])
    if out.suffix.lower() == ".npz":
        arrays = {"x": x_t[-1]}
        if options.trajectory:
            x0 = np.stack([numpy32(step.x0) for step in steps])
            arrays |= {"x_t": x_t, "x0": x0, "t": np.array([step.t for step in steps])}
        save_npz(out, arrays)
    else:
        _save_pictures(out, x_t, facts.kind, facts.value_range)
    return 0


def _parameter(text: str, parameters: dict[str, ParameterSpec]) -> tuple[str, Any]:
    """KEY=VALUE, the value in the type of the parameter's default and within its range."""
    name, separator, value = text.partition("=")
    if not separator or name not in parameters:
        known = ", ".join(parameters)
        raise UsageError(f"--param takes KEY=VALUE with one of {known} as the key, not “{text}”")
    parameter = parameters[name]
    default, least, greatest = parameter.default, parameter.minimum, parameter.maximum
    if isinstance(default, bool):
        if value.lower() not in ("true", "false"):
            raise UsageError(f"{name} is true or false, not “{value}”")
        return name, value.lower() == "true"
    try:
        converted = type(default)(value)
    except ValueError:
        raise UsageError(f"{name} is a {'whole ' * isinstance(default, int)}number, not “{value}”") from None
    if least is not None and greatest is not None and not least <= converted <= greatest:
        raise UsageError(f"{name} goes from {least:g} to {greatest:g}, and “{value}” is outside")
    return name, converted


def _read_array(path: str) -> NDArray[np.float32]:
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


def _save_pictures(out: Path, x_t: NDArray[np.float32], kind: str, value_range: tuple[float, float]) -> None:
    """x_t: (steps + 1, n, …). A .png of the last step, or a .gif of them all."""
    import numpy as np

    from explorer.lenses.drawable import Chart, Image, Points
    from explorer.lenses.line import outline
    from explorer.lenses.picture import picture

    half = max(3.5, float(np.abs(x_t[-1]).max()) * 1.05)

    def frame(x: NDArray[np.float32]) -> Any:
        if kind == "line":
            line, tallest = outline(x, half), 1.1 * float(outline(x_t[-1], half).y.max())
            return picture(Chart(x, (line,), "x_t", "density", extent=(-half, half, 0.0, tallest)))
        if kind != "points":
            return picture(Image(x, "data", value_range))
        return picture(Points(x, np.zeros(len(x), np.uint8), (-half, half, -half, half)))

    if out.suffix.lower() == ".png":
        frame(x_t[-1]).save(out)
        return
    frames = [frame(x) for x in x_t[:: max(1, len(x_t) // 200)]] + [frame(x_t[-1])] * 15
    frames[0].save(out, save_all=True, append_images=frames[1:], duration=50, loop=0)
