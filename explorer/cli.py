"""The command line: the window, and the same engine without one. Nothing here imports Qt but the window's command,
and nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import __version__
from explorer.facts import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from explorer.engine.frame import ParameterSpec, Seen
    from explorer.state import State

OUT_ENDINGS = (".png", ".npz", ".gif")


class UsageError(Exception):
    """A wrong command line. The message is one plain sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 for anything a user can get wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in COMMANDS:
            parser = _Parser(prog=f"diffusion-explorer {arguments[0]}", description=COMMANDS[arguments[0]][0])
            add_arguments, run = COMMANDS[arguments[0]][1:]
            add_arguments(parser)
            return run(parser.parse_args(arguments[1:]))
        return _window(_window_parser().parse_args(arguments))
    except (UsageError, ModelError, ValueError, OSError, MemoryError, RuntimeError) as error:
        print("error:", " ".join(_sentence(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"“{error.filename}”: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError | RuntimeError):
        from explorer.engine.errors import sentence

        return sentence(error)
    return str(error)


def _window_parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:<9} {text}" for name, (text, _, _) in COMMANDS.items())
    parser = _Parser(
        prog="diffusion-explorer",
        description="Look into a trained diffusion model. Without a command: open the window.",
        epilog=f"commands (diffusion-explorer COMMAND --help says more):\n{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="?", help="a model's folder; without it, the gallery of shipped models")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def _window(options: argparse.Namespace) -> int:
    if options.path is not None:
        from explorer.formats.registry import inspect

        inspect(options.path)  # a bad path is answered at once, before any window
    from explorer.doctor import missing_libraries

    missing = missing_libraries()
    if missing:
        raise UsageError(f"The window needs system libraries that are not installed: {missing}.")
    from explorer.ui.app import has_display, run

    if not has_display():
        raise UsageError("There is no screen to open a window on: set DISPLAY or WAYLAND_DISPLAY.")
    return run(options.path)


# inspect


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a model's folder")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _inspect(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect

    facts = inspect(options.path)
    if options.json:
        print(json.dumps(asdict(facts), indent=2, ensure_ascii=False))
        return 0
    print(f"{facts.title}  —  {facts.format}\n{facts.path}\n")
    width = max((len(fact.name) for fact in facts.evidence), default=0)
    values = max((min(len(fact.value), 60) for fact in facts.evidence), default=0)
    for fact in facts.evidence:
        where = f"{fact.source}: {fact.where}" if fact.where else fact.source
        print(f"{fact.name:<{width}}  {fact.value:<{values}}  {where}")
    for warning in facts.warnings:
        print(f"warning: {warning}")
    return 0


# look and sample


def _common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a model's folder")
    parser.add_argument("--out", required=True, help="the file to write: .png, .npz or .gif")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (0)")
    parser.add_argument("--label", type=int, help="class label; none: unconditional")
    parser.add_argument("--guidance", type=float, default=1.0, help="guidance scale γ (1)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")


def _look_arguments(parser: argparse.ArgumentParser) -> None:
    _common_arguments(parser)
    parser.add_argument("--t", type=int, required=True, help="time, 0 (data) … T (noise)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--sample", type=int, default=0, help="which of the model's data samples is x₀ (0)")
    source.add_argument("--image", help="a picture file as x₀")
    parser.add_argument("--n", type=int, help="how many samples from there on (1 picture, or 5,000 points)")
    parser.add_argument("--lens", default="x_t,x0,eps,score", help="tiles, by name (x_t,x0,eps,score)")


def _state(options: argparse.Namespace, **more: Any) -> State:
    from explorer.state import State

    return State(
        model=options.path, device=options.device, label=options.label, guidance_scale=options.guidance, **more
    )


def _out(options: argparse.Namespace) -> Path:
    out = Path(options.out)
    if out.suffix.lower() not in OUT_ENDINGS:
        raise UsageError(f"--out decides by its ending, one of {', '.join(OUT_ENDINGS)}; “{out.name}” has none of them")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder “{out.parent}” to write into")
    if out.is_dir():
        raise UsageError(f"“{out}” is a folder, not a file to write")
    return out


def _look(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect
    from explorer.state import DEFAULT_POINTS, resolve_look

    out = _out(options)
    lenses = tuple(name.strip() for name in options.lens.split(",") if name.strip())
    if not lenses:
        raise UsageError("--lens names at least one tile")
    facts = inspect(options.path)
    count = options.n
    if count is None:
        count = 1 if facts.kind == "image" or options.image else min(DEFAULT_POINTS, facts.sample_count)
    state = _state(
        options,
        t=options.t,
        sample=options.sample,
        count=count,
        noise_seed=options.seed,
        picture=options.image,
        lenses=lenses,
    )
    look = resolve_look(state, facts)

    from explorer.engine.engine import Engine
    from explorer.engine.frame import Seen

    for frame in Engine().answer(look):
        if isinstance(frame, Seen):
            missing = [name for name in lenses if name not in frame.tiles]
            if missing:
                raise UsageError(f"the lens “{missing[0]}” is not for models of this kind ({facts.kind})")
            _write_look(out, frame)
    return 0


def _write_look(out: Path, seen: Seen) -> None:
    if out.suffix.lower() == ".npz":
        _save_npz(out, {name: drawable.data for name, drawable in seen.tiles.items()})
        return
    from explorer.lenses.picture import picture, side_by_side

    side_by_side([picture(drawable) for drawable in seen.tiles.values()]).save(out)


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    _common_arguments(parser)
    parser.add_argument(
        "--sampler",
        default="ddim",
        help="ddim, ddpm, euler, heun, …, or diffusers:CLASSNAME (ddim)",
    )
    parser.add_argument("--steps", type=int, help="steps; for annealed_langevin its noise levels")
    parser.add_argument("--n", type=int, default=1, help="how many samples (1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first sample: with --n 1, single run k")
    parser.add_argument("--init", help="x_T as a .npy file of shape (n, …)")
    parser.add_argument(
        "--param", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the sampler; may be repeated"
    )
    parser.add_argument("--trajectory", action="store_true", help="keep every step (.npz: x_t, x0, t; .gif: always)")


def _sample(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect
    from explorer.state import resolve_run

    out = _out(options)
    facts = inspect(options.path)
    if options.first < 0:
        raise UsageError("--first counts from 0")
    initial = None if options.init is None else _read_array(options.init)

    import numpy as np

    from explorer.engine.engine import Engine
    from explorer.lenses.base import numpy32

    engine = Engine()
    specs = {spec.name: spec for spec in engine.ready().samplers}
    if options.sampler not in specs and not options.sampler.startswith("diffusers:"):
        raise UsageError(f"there is no sampler “{options.sampler}”; known are {', '.join(specs)}")
    spec = engine.sampler(options.sampler)
    parameters = {parameter.name: parameter for parameter in spec.parameters}
    state = _state(
        options,
        count=len(initial) if initial is not None else options.n,
        sampler=options.sampler,
        steps=options.steps if options.steps is not None else min(spec.default_steps, facts.T),
        sampler_seed=options.seed,
        parameters=dict(_parameter(text, parameters) for text in options.param),
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
        _save_npz(out, arrays)
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


def _save_npz(out: Path, arrays: dict[str, NDArray[Any]]) -> None:
    import numpy as np

    with out.open("wb") as file:  # given a name, numpy appends .npz to .NPZ
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _save_pictures(out: Path, x_t: NDArray[np.float32], kind: str, value_range: tuple[float, float]) -> None:
    """x_t: (steps + 1, n, …). A .png of the last step, or a .gif of them all."""
    import numpy as np

    from explorer.lenses.drawable import Image, Points
    from explorer.lenses.picture import picture

    def frame(x: NDArray[np.float32]) -> Any:
        if kind == "image":
            return picture(Image(x, "data", value_range))
        half = max(3.5, float(np.abs(x_t[-1]).max()) * 1.05)
        return picture(Points(x, np.zeros(len(x), np.uint8), (-half, half, -half, half)))

    if out.suffix.lower() == ".png":
        frame(x_t[-1]).save(out)
        return
    frames = [frame(x) for x in x_t[:: max(1, len(x_t) // 200)]] + [frame(x_t[-1])] * 15
    frames[0].save(out, save_all=True, append_images=frames[1:], duration=50, loop=0)


# elbo


def _elbo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a model's folder")
    parser.add_argument("--n", type=int, help="how many of the model's samples (16 pictures, or 500 points)")
    parser.add_argument("--t-samples", type=int, help="how many of the T − 1 terms (50 for pictures, all for points)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (0)")
    parser.add_argument("--variance", choices=("beta_tilde", "beta"), default="beta_tilde", help="of p(x_{t−1} | x_t)")
    parser.add_argument("--ode", action="store_true", help="also log p by the probability-flow ODE")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--json", action="store_true", help="as JSON, with the terms as curves over t")


def _elbo(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect

    inspect(options.path)  # a bad path is answered at once, before torch is loaded
    from explorer.engine.elbo import ElboRequest, measure
    from explorer.engine.elbo_report import as_table, as_values

    names = ("path", "device", "n", "t_samples", "seed", "variance", "ode")
    found = measure(ElboRequest(**{name: getattr(options, name) for name in names}))
    print(json.dumps(as_values(found), indent=2, ensure_ascii=False) if options.json else as_table(found))
    return 0


# train, doctor


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="which recipe; “list” names them")
    parser.add_argument("--out", help="the folder to write the model into")
    parser.add_argument("--steps", type=int, help="training steps in place of the recipe's own number")


def _train(options: argparse.Namespace) -> int:
    from explorer.training.recipes import RECIPES

    if options.recipe == "list":
        print("\n".join(RECIPES))
        return 0
    if options.recipe not in RECIPES:
        raise UsageError(f"there is no recipe “{options.recipe}”; known are {', '.join(RECIPES)}")
    if options.out is None:
        raise UsageError("--out names the folder to write the model into")
    if options.steps is not None and options.steps < 1:
        raise UsageError("--steps must be at least 1")
    RECIPES[options.recipe](Path(options.out), options.steps, lambda line: print(line, flush=True))
    return 0


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def _doctor(options: argparse.Namespace) -> int:
    from explorer.doctor import report

    found = report()
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        width = max(len(name) for name in found)
        for name, value in found.items():
            text = ", ".join(value) if isinstance(value, list) else str(value)
            print(f"{name:<{width}}  {text or 'none'}")
    return 0


_Command = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]

COMMANDS: dict[str, _Command] = {
    "inspect": ("what a model is, each fact and where it came from", _inspect_arguments, _inspect),
    "look": ("what the model says of a noised sample at a time t", _look_arguments, _look),
    "sample": ("run a sampler and write what comes out", _sample_arguments, _sample),
    "elbo": ("how likely the model finds its samples: the variational bound, log p", _elbo_arguments, _elbo),
    "train": ("train one of the shipped models anew", _train_arguments, _train),
    "doctor": ("devices, versions, and what is missing", _doctor_arguments, _doctor),
}

if __name__ == "__main__":
    sys.exit(main())
