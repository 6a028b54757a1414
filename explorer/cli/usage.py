"""What the commands share: their common arguments, and the one way to say that something is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from explorer.engine.frame import Frame, ParameterSpec
    from explorer.request import ScheduleChoice
    from explorer.state import State

OUT_ENDINGS = (".png", ".npz", ".gif")
MODEL = "a model's folder or file"
AnyFrame = TypeVar("AnyFrame")


class UsageError(Exception):
    """A wrong command line. The message is one plain sentence."""


def common_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the commands that look at a model or run one: its path, the file to write, condition, guidance, device."""
    parser.add_argument("path", help=MODEL)
    parser.add_argument("--out", required=True, help="the file to write: .png, .npz or .gif")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (0)")
    parser.add_argument("--label", type=int, help="class label; none: unconditional")
    parser.add_argument("--prompt", default="", help="what a model that reads text is led to")
    parser.add_argument("--negative-prompt", default="", help="what guidance leads away from (nothing)")
    parser.add_argument("--guidance", type=float, default=1.0, help="guidance scale γ (1)")
    parser.add_argument(
        "--guidance-kind",
        choices=("classifier-free", "classifier"),
        default="classifier-free",
        help="what leads to the label: the network itself, or a classifier that fits the model (classifier-free)",
    )
    parser.add_argument(
        "--guidance-interval", type=_interval, metavar="LOW:HIGH", help="γ counts at these t alone; elsewhere it is 1"
    )
    parser.add_argument(
        "--guidance-rescale",
        type=float,
        default=0.0,
        help="φ: hold the contrast of the conditional output (0; classifier-free guidance alone)",
    )
    device_argument(parser)


def device_argument(parser: argparse.ArgumentParser) -> None:
    """Where the network runs."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")


def schedule_argument(parser: argparse.ArgumentParser) -> None:
    """In the words that `schedule_of` reads."""
    parser.add_argument(
        "--schedule",
        default="own",
        metavar="NAME[:KEY=VALUE,…]",
        help="noise schedule to go by: own, zero_terminal_snr, linear, cosine, karras:rho=5, rectified_flow, …, "
        "learned (the shipped VDM's), model:PATH (another model's), file:PATH (.json, .npy or .csv of betas, "
        "alphas_cumprod, log_snr or sigmas, or a scheduler's configuration) (own)",
    )


def schedule_of(text: str) -> ScheduleChoice:
    """The choice that NAME, NAME:KEY=VALUE,…, file:PATH or model:PATH stands for."""
    from explorer.request import ScheduleChoice

    name, _, rest = text.partition(":")
    if name in ("file", "model"):
        return ScheduleChoice(name, path=rest)
    parameters = []
    for pair in rest.split(",") if rest else ():
        key, separator, value = pair.partition("=")
        try:
            parameters.append((key.strip(), float(value)))
        except ValueError:
            separator = ""
        if not separator:
            raise UsageError(f"--schedule takes NAME or NAME:KEY=VALUE,…, such as karras:rho=5, not “{text}”")
    return ScheduleChoice(name, tuple(parameters))


def state_of(options: argparse.Namespace, **more: Any) -> State:
    """The choices of a command with `common_arguments`; more: further fields of State."""
    from explorer.state import State

    return State(
        model=options.path,
        device=options.device,
        label=options.label,
        prompt=options.prompt,
        negative_prompt=options.negative_prompt,
        guidance_scale=options.guidance,
        guidance_kind=options.guidance_kind,
        guidance_interval=options.guidance_interval,
        guidance_rescale=options.guidance_rescale,
        **more,
    )


def parameter_of(text: str, parameters: Sequence[ParameterSpec]) -> tuple[str, Any]:
    """KEY=VALUE, the value in the type of the parameter's default and within its range."""
    name, separator, value = text.partition("=")
    parameter = next((parameter for parameter in parameters if parameter.name == name), None)
    if not separator or parameter is None:
        known = ", ".join(parameter.name for parameter in parameters)
        raise UsageError(f"--param takes KEY=VALUE with one of {known} as the key, not “{text}”")
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


def last(frames: Iterable[Frame], kind: type[AnyFrame]) -> AnyFrame:
    """The last frame of a kind among all that a request is answered with; such a one there always is."""
    return [frame for frame in frames if isinstance(frame, kind)][-1]


def _interval(text: str) -> tuple[float, float]:
    """LOW:HIGH as two times."""
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise argparse.ArgumentTypeError(f"two times such as 200:800, not “{text}”") from None


def out_file(options: argparse.Namespace) -> Path:
    """Where to write, known before anything is computed."""
    out = Path(options.out)
    if out.suffix.lower() not in OUT_ENDINGS:
        raise UsageError(f"--out decides by its ending, one of {', '.join(OUT_ENDINGS)}; “{out.name}” has none of them")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder “{out.parent}” to write into")
    if out.is_dir():
        raise UsageError(f"“{out}” is a folder, not a file to write")
    return out


def save_npz(out: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays by name. Raises OSError."""
    from explorer.engine.sharing.files import write_npz

    with out.open("wb") as file:
        write_npz(file, arrays)


def save_pictures(out: Path, frames: Sequence[Image], milliseconds: int) -> None:
    """A .png of the last of them, or a .gif of them all, each shown for so long."""
    if out.suffix.lower() == ".png":
        frames[-1].save(out)
    else:
        frames[0].save(out, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
