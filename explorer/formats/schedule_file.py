"""A noise schedule as a file of numbers: β_t, ᾱ_t, log SNR or σ_t for t = 1 … T, whose number is T.

Read are
* JSON: a list of numbers, or an object with one of the names in NAMES, or a scheduler's configuration of diffusers;
* .npy: an array of one dimension (never a pickled one);
* text: numbers with commas, spaces or lines between them, below one of those names, or none.

Numbers without a name are ᾱ where they fall within 0 … 1, β where they lie there otherwise, and log SNR where they
fall beyond. A first entry for t = 0 (ᾱ = 1, log SNR = ∞, σ = 0) is left out.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.schedules import DiscreteSchedule, Schedule, trained
from explorer.diffusion.schedules.custom import MAX_LOG_SNR, from_log_snr
from explorer.facts import ModelError
from explorer.formats.evidence import Evidence
from explorer.formats.fields import MAX_JSON_BYTES, Fields, read_json, short
from explorer.formats.schedule_names import MAX_T
from explorer.formats.scheduler_config import read_scheduler_config

NUMPY_MAGIC = b"\x93NUMPY"
NAMES = {
    "betas": "betas",
    "trained_betas": "betas",
    "beta": "betas",
    "alphas_cumprod": "alphas_cumprod",
    "alpha_bar": "alphas_cumprod",
    "log_snr": "log_snr",
    "sigmas": "sigmas",
    "sigma": "sigmas",
}
"""What a file may call its numbers."""
KINDS = "betas, alphas_cumprod, log_snr or sigmas"


def read_schedule(path: str | Path) -> Schedule:
    """The schedule in a file. Raises ModelError, one sentence, for a file that holds none."""
    file = Path(path)
    label = f"The schedule file {file.name}"
    data = _read(file, label)
    if data.startswith(NUMPY_MAGIC):
        return _schedule(label, "", _array(data, label))
    text = _decoded(data, label)
    if text.lstrip().startswith("{"):
        return _of_object(file, label)
    if text.lstrip().startswith("["):
        return _schedule(label, "", _checked(_json(text, label), label))
    return _of_text(text, label)


def _read(file: Path, label: str) -> bytes:
    try:
        if not file.is_file():
            raise ModelError(f"{label} is missing or is no regular file.")
        with file.open("rb") as opened:
            data = opened.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{label} cannot be read: {error.strerror or error}.") from error
    if len(data) > MAX_JSON_BYTES:
        raise ModelError(f"{label} is larger than {MAX_JSON_BYTES // 1_000_000} MB, too large for a list of numbers.")
    return data


def _decoded(data: bytes, label: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ModelError(f"{label} is neither JSON nor .npy nor a text of numbers.")
    return text


def _array(data: bytes, label: str) -> list[float]:
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError, OverflowError) as error:
        raise ModelError(f"{label} is no readable .npy array of numbers.") from error
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise ModelError(f"{label} must hold one list of numbers, not {array.dtype} of shape {array.shape}.")
    return _checked(array.astype(np.float64).tolist(), label)


def _json(text: str, label: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError(f"{label} is not valid JSON.") from None


def _of_object(file: Path, label: str) -> Schedule:
    values = read_json(file, label)
    if "_class_name" in values or "beta_schedule" in values:
        return read_scheduler_config(Fields(values, label), file.name, Evidence()).schedule()
    found = [key for key in NAMES if key in values]
    if len(found) != 1:
        raise ModelError(f"{label} must hold one list called {KINDS}, not {', '.join(found) or short(list(values))}.")
    return _schedule(label, NAMES[found[0]], _checked(values[found[0]], label))


def _of_text(text: str, label: str) -> Schedule:
    words = text.replace(",", " ").replace(";", " ").split()
    name = NAMES.get(words[0].strip("\"'").lower(), "") if words else ""
    try:
        numbers = [float(word) for word in words[bool(name) :]]
    except ValueError:
        wrong = next(word for word in words[bool(name) :] if not _is_float(word))
        raise ModelError(f"{label} holds “{wrong[:40]}”, which is neither a number nor one of {KINDS}.") from None
    return _schedule(label, name, _checked(numbers, label))


def _is_float(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _checked(values: object, label: str) -> list[float]:
    """A list of 1 … MAX_T numbers, of which the first alone may be infinite."""
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_T:
        raise ModelError(f"{label} must hold a list of 1 to {MAX_T:,} numbers.")
    for place, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e300:
            if place == 0 and value == math.inf:
                continue
            raise ModelError(f"{label} holds {short(value)} at place {place + 1}, which is no finite number.")
    return [float(value) for value in values]


def _schedule(label: str, kind: str, numbers: Sequence[float]) -> Schedule:
    kind = kind or _guessed(label, numbers)
    if len(numbers) > 1 and kind != "betas" and numbers[0] == _AT_DATA[kind]:
        numbers = numbers[1:]
    try:
        return _MADE[kind](torch.tensor(numbers, dtype=torch.float64))
    except ValueError as error:
        raise ModelError(f"{label} gives no noise schedule: {error}.") from error


def _guessed(label: str, numbers: Sequence[float]) -> str:
    falls = all(r > t for r, t in pairwise(numbers)) and len(numbers) > 1
    if all(0 <= number <= 1 for number in numbers):
        return "alphas_cumprod" if falls else "betas"
    if not falls:
        raise ModelError(f"{label} does not say what its numbers are: give them a name, one of {KINDS}.")
    return "log_snr"


def _of_alphas_cumprod(alphas_cumprod: Tensor) -> DiscreteSchedule:
    if not bool(((alphas_cumprod >= 0) & (alphas_cumprod < 1)).all() and (alphas_cumprod[:-1] > 0).all()):
        raise ValueError("ᾱ must lie between 0 and 1, and may be 0 at the end alone")
    _fall("ᾱ", alphas_cumprod)
    one = torch.ones(1, dtype=torch.float64)
    return trained(1 - alphas_cumprod / torch.cat([one, alphas_cumprod[:-1]]))


def _of_log_snr(log_snr: Tensor) -> DiscreteSchedule:
    if float(log_snr.abs().max()) > MAX_LOG_SNR:
        raise ValueError(f"log SNR must lie between −{MAX_LOG_SNR:g} and {MAX_LOG_SNR:g}")
    _fall("log SNR", log_snr)
    return from_log_snr("log SNR", log_snr)


def _of_sigmas(sigmas: Tensor) -> DiscreteSchedule:
    if len(sigmas) > 1 and sigmas[0] > sigmas[-1]:  # as samplers list them
        sigmas = sigmas.flip(0)
        sigmas = sigmas[1:] if sigmas[0] == 0 else sigmas
    if not bool((sigmas > 0).all()):
        raise ValueError("σ must be above 0")
    _fall("σ, from noise to data,", sigmas.flip(0))
    zero = torch.zeros(1, dtype=torch.float64)
    return DiscreteSchedule("σ", torch.ones(len(sigmas) + 1, dtype=torch.float64), torch.cat([zero, sigmas]))


def _fall(name: str, values: Tensor) -> None:
    if bool((values.diff() >= 0).any()):
        raise ValueError(f"{name} must fall from each time to the next")


_AT_DATA = {"alphas_cumprod": 1.0, "log_snr": math.inf, "sigmas": 0.0}
"""The entry for t = 0."""
_MADE: dict[str, Callable[[Tensor], DiscreteSchedule]] = {
    "betas": trained,
    "alphas_cumprod": _of_alphas_cumprod,
    "log_snr": _of_log_snr,
    "sigmas": _of_sigmas,
}
