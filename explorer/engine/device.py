"""The one place that chooses a device and the number of threads."""

from __future__ import annotations

import os

import torch

from explorer.facts import ModelError

NUMBERS_HELD = 6
"""Numbers in memory at once for every number of a batch, at least; a recorded step keeps two."""


def available() -> tuple[str, ...]:
    """The names a user may choose, "auto" first."""
    names = ["auto"]
    if torch.cuda.is_available():
        names += [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return (*names, "cpu")


def choose(name: str) -> torch.device:
    """ "auto" is the first GPU, or the CPU where there is none. Raises ModelError for a device that is not here."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"There is no device called “{name}”; known are {', '.join(available())}.") from None
    if device.type in ("cpu", "meta"):
        return device
    # "cuda" is the first of them; "cuda:7" must be there itself.
    if name not in available() and (device.index or device.type not in {other.split(":")[0] for other in available()}):
        raise ModelError(f"The device “{name}” is not available here; there are {', '.join(available())}.")
    return device


def check_memory(numbers: int) -> None:
    """Raises ModelError where so many float32 numbers cannot be held: Linux would grant them, and end the program."""
    needed, installed = 4 * numbers, _installed_memory()
    if installed and needed > installed:
        raise ModelError(
            f"That needs at least {needed / 1e9:,.0f} GB of memory, and {installed / 1e9:,.0f} GB are installed: "
            "take fewer samples or steps."
        )


def _installed_memory() -> int:
    """In bytes, 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def set_threads() -> None:
    """Leave one core to the window. More threads than that gain little for one picture at a time."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
