"""The noise schedules that a configuration, a card or the user can name, and the numbers each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, NamedSchedule
from explorer.formats.fields import Fields, finite

if TYPE_CHECKING:  # facts are read without torch
    from explorer.diffusion.schedules import Schedule

SCHEDULE_ARGUMENTS: dict[str, dict[str, tuple[float, float]]] = {
    "linear": {"beta_start": (0.0, 1.0), "beta_end": (0.0, 1.0)},
    "scaled_linear": {"beta_start": (0.0, 1.0), "beta_end": (0.0, 1.0)},
    "cosine": {"offset": (0.0, 1.0), "max_beta": (0.0, 1.0)},
    "sigmoid": {"beta_start": (0.0, 1.0), "beta_end": (0.0, 1.0)},
    "sigmoid_alpha_bar": {
        "start": (-100.0, 100.0),
        "end": (-100.0, 100.0),
        "tau": (1e-3, 1e3),
        "max_beta": (0.0, 1.0),
    },
    "laplace": {"scale": (1e-3, 10.0), "max_beta": (0.0, 1.0)},
    "geometric": {"sigma_min": (1e-9, 1e9), "sigma_max": (1e-9, 1e9)},
    "karras": {"sigma_min": (1e-9, 1e9), "sigma_max": (1e-9, 1e9), "rho": (0.1, 100.0)},
    "vp_sde": {"beta_min": (0.0, 1e3), "beta_max": (1e-9, 1e3)},
    "sub_vp_sde": {"beta_min": (0.0, 1e3), "beta_max": (1e-9, 1e3)},
    "ve_sde": {"sigma_min": (1e-9, 1e9), "sigma_max": (1e-9, 1e9)},
    "rectified_flow": {},
}
"""The least and greatest of each number."""
DEFAULT_T = dict.fromkeys(SCHEDULE_ARGUMENTS, 1000) | {"geometric": 100, "karras": 100}
MAX_T = 100_000


def schedule_arguments(name: str, fields: Fields) -> dict[str, float]:
    """The numbers a configuration's schedule entry gives. Raises ModelError for those that it does not have."""
    known = SCHEDULE_ARGUMENTS[name]
    if unknown := [key for key in fields.values if key not in ("name", "T", *known)]:
        raise ModelError(f"{fields.label} gives {unknown[0][:60]!r}, which the schedule {name} does not have.")
    arguments = {key: fields.number(key, None, *ends) for key, ends in known.items()}
    return {key: value for key, value in arguments.items() if value is not None}


def parse_schedule(value: object) -> NamedSchedule:
    """A schedule as a card has it: {"name": …, its numbers, "zero_terminal_snr": true}, or its name alone.

    Raises ValueError that says what is expected.
    """
    if isinstance(value, NamedSchedule):
        return value
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or value.get("name") not in tuple(SCHEDULE_ARGUMENTS):
        raise ValueError(f"a name, or an object whose name is one, of {', '.join(SCHEDULE_ARGUMENTS)}")
    name, arguments = value["name"], {}
    for key, number in value.items():
        if key in ("name", "zero_terminal_snr"):
            continue
        limits = SCHEDULE_ARGUMENTS[name].get(key)
        if limits is None or not finite(number) or not limits[0] <= number <= limits[1]:
            had = ", ".join(f"{k} from {low:g} to {high:g}" for k, (low, high) in SCHEDULE_ARGUMENTS[name].items())
            raise ValueError(f"the schedule {name} with {had or 'no numbers'}")
        arguments[key] = float(number)
    rescaled = value.get("zero_terminal_snr", False)
    if not isinstance(rescaled, bool):
        raise ValueError("a schedule whose zero_terminal_snr is true or false")
    return NamedSchedule(name, tuple(arguments.items()), rescaled)


def schedule_json(schedule: NamedSchedule) -> dict[str, Any]:
    """The same as a card has it."""
    values: dict[str, Any] = {"name": schedule.name, **dict(schedule.arguments)}
    return {**values, "zero_terminal_snr": True} if schedule.zero_terminal_snr else values


def make_schedule(schedule: NamedSchedule, T: int) -> Schedule:
    """The schedule itself. Raises ModelError for numbers that give none."""
    from explorer.diffusion.schedules import SCHEDULES, DiscreteSchedule, rescale_zero_terminal_snr

    try:
        made = SCHEDULES[schedule.name](T, **dict(schedule.arguments))
        if not schedule.zero_terminal_snr:
            return made
        if not isinstance(made, DiscreteSchedule):
            raise ValueError("only schedules of whole times with β can be rescaled to zero terminal SNR")
        return rescale_zero_terminal_snr(made)
    except ValueError as error:
        raise ModelError(f"The schedule {schedule} for T = {T} is none: {error}.") from error
