"""The forms of a prediction: how each follows from each at a time, and how wrong each is over t."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from explorer.diffusion.equivalences import (
    FORMULAS,
    SOURCES,
    coefficients,
    largest_difference,
    measured_times,
    rates,
    squared_errors,
)
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.prediction import Prediction
from explorer.engine.forms_frame import Conversion, Floats, FormCurves, FormsMeasured, FormsShown
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.formats.registry import inspect
from explorer.training.twins_quality import STORED_ERRORS

MAX_CARD = 1_000_000


def conversions(model: Model, prediction: Prediction) -> FormsShown:
    """Every formula at the prediction's time, with its numbers."""
    t, at = prediction.t, rates(model.denoiser.schedule, prediction.t)
    rows = []
    if at.a > 0 and at.s > 0:
        for (source, target), formula in FORMULAS.items():
            p, q = coefficients(source, target, at)
            rows.append(Conversion(source, target, formula, p, q, largest_difference(prediction, source, target, at)))
    return FormsShown(
        t, at.a, at.s, at.a_slope, at.s_slope, prediction.kind, tuple(rows), stored_curves(model.facts.path)
    )


def measure_forms(model: Model, samples: int, seed: int) -> Iterator[FormsMeasured]:
    """One time after the other, on the model's first samples with their labels where it takes any. At last all.

    Raises ModelError for a model without samples, and for a network that gives no numbers.
    """
    x_0 = torch.from_numpy(model.samples[:samples]).to(model.device)
    if not len(x_0):
        raise ModelError("This model comes without samples to measure on.")
    known = model.facts.sample_labels[: len(x_0)] if model.facts.conditional else ()
    labels = torch.tensor(known, device=model.device) if len(known) == len(x_0) else None
    noise = NoiseSource(seed, len(x_0), model.facts.shape, model.device)
    times = measured_times(model.facts.T)
    found: dict[str, list[float]] = {kind: [] for kind in SOURCES}
    for done, t in enumerate(times, 1):
        for kind, values in squared_errors(model.denoiser, x_0, noise(t, Stream.FORWARD), t, labels).items():
            found[kind].append(math.sqrt(float(values.mean())))
        if not math.isfinite(found["eps"][-1]):
            raise ModelError(f"The network returned values that are not finite at t = {t}.")
        errors: dict[str, Floats] = {kind: np.array(values) for kind, values in found.items()}
        curves = FormCurves(
            model.facts.path, model.facts.title, model.facts.T, np.array(times[:done], np.float64), errors, len(x_0)
        )
        yield FormsMeasured(curves, done / len(times))


@lru_cache(maxsize=8)
def stored_curves(path: str) -> tuple[FormCurves, ...]:
    """What the cards of a model and of those beside it hold, for pictures or points of the same shape; the model's own
    first. A card that cannot be read holds nothing."""
    own = Path(path)
    folders = [own, *(folder for folder in sorted(own.parent.glob("*/")) if folder != own)]
    try:
        facts = inspect(own)
        found = [_read(folder, facts.shape) for folder in folders]
    except (ModelError, OSError):
        return ()
    return tuple(curves for curves in found if curves is not None)


def _read(folder: Path, shape: Sequence[int]) -> FormCurves | None:
    file = folder / "explorer.json"
    try:
        if file.stat().st_size > MAX_CARD:
            return None
        entry = json.loads(file.read_text(encoding="utf-8"))["quality"][STORED_ERRORS]
        facts = inspect(folder)
        if facts.shape != tuple(shape):
            return None
        t = np.array(entry["t"], np.float64)
        errors: dict[str, Floats] = {kind: np.array(entry[kind], np.float64) for kind in SOURCES}
        if not all(values.shape == t.shape and np.isfinite(values).all() for values in errors.values()) or not len(t):
            return None
        return FormCurves(str(folder), facts.title, facts.T, t, errors, int(entry["samples"]))
    except (ModelError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
