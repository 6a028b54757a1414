"""Training the open model where it stands: looks and runs are answered in between, by the same network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch

from explorer.datasets.toy import TOYS, from_strokes
from explorer.engine.frame import Drafted, Frame, Progress, Saved, Trained
from explorer.engine.sharing.files import replacing
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.request import Draft, Keep, Train
from explorer.training.live import (
    CARD,
    WEIGHTS,
    LiveTraining,
    Task,
    best_loss,
    card_after,
    draft,
    keep,
    steps_behind,
    weights,
)

SLICE_SECONDS = 0.05
"""A look waits for that long at most, or for one step."""
REPORT_SECONDS = 0.3
KEEP_SECONDS = 2.0
"""As much is lost where the program is killed."""


def make_draft(request: Draft) -> Iterator[Frame]:
    """An untrained network on the disk."""
    if request.data and request.data not in TOYS:
        raise ModelError(f"There is no data set “{request.data}”; known are {', '.join(TOYS)}.")
    toy = TOYS[request.data]() if request.data else from_strokes(request.strokes)
    try:
        with torch.inference_mode(False):
            draft(Path(request.path), toy, request.prediction, request.title, request.seed)
    except OSError as error:
        raise ModelError(f"The untrained network could not be written: {error.strerror}.") from error
    yield Drafted(request.path)


class Trainer:
    """Keeps the optimiser of the open model from one request to the next, so that a pause loses nothing."""

    def __init__(self) -> None:
        self._training: LiveTraining | None = None
        self._best = 0.0

    def train(self, model: Model, request: Train) -> Iterator[Frame]:
        """For ever. Raises ModelError for a model that cannot be trained here, and where the loss is lost."""
        if model.network is None or model.truth is None:
            raise ModelError("Only small networks of points whose distribution is known can be trained here.")
        if model.device.type != "cpu":
            raise ModelError("Networks are trained here on the CPU: choose the device cpu.")
        task = Task(model.truth, model.denoiser.schedule, model.facts.prediction, request.objective)
        with torch.inference_mode(False):
            begun = self._training
            if begun is None or begun.network is not model.network or begun.task.objective != task.objective:
                behind = steps_behind(Path(model.facts.path)) if request.keep else 0
                begun = LiveTraining(model.network, task, request.learning_rate, request.seed, behind)
                self._training = begun
                self._best = best_loss(task)
            begun.set_learning_rate(request.learning_rate)
        losses: list[float] = []
        reported = kept = time.monotonic()
        unkept = ""
        while True:
            until = time.monotonic() + SLICE_SECONDS
            with torch.inference_mode(False), torch.enable_grad():
                while True:
                    losses.append(begun.step())
                    if time.monotonic() >= until:
                        break
            if not all(map(_finite, losses)):
                self._training = None
                raise ModelError(f"The loss is no longer finite at step {begun.steps}: try a smaller learning rate.")
            if request.keep and time.monotonic() - kept >= KEEP_SECONDS:
                unkept = _written(begun, model, request)
                kept = time.monotonic()
            try:
                if time.monotonic() - reported >= REPORT_SECONDS:
                    reported = time.monotonic()
                    yield Trained(begun.steps, sum(losses) / len(losses), self._best, unkept)
                    losses.clear()
                else:
                    yield Progress("")
            except GeneratorExit:  # a pause, another model, the end of the program
                if request.keep:
                    _written(begun, model, request)
                raise


def _written(training: LiveTraining, model: Model, request: Train) -> str:
    """Write what was learned in place of what lies there; "", or why that did not work: training goes on."""
    folder = Path(model.facts.path)
    try:
        with replacing(folder / WEIGHTS) as file:
            file.write(weights(training.network))
        card = card_after(folder, training, request.learning_rate)
        with replacing(folder / CARD) as file:
            file.write(card)
    except (OSError, ValueError, ModelError) as error:
        return f"what it learns is not kept: {error}"
    return ""


def keep_model(model: Model, request: Keep) -> Iterator[Frame]:
    """The network as it is now, in a folder."""
    if model.network is None:
        raise ModelError("This model cannot be written as a folder of our own.")
    try:
        keep(Path(model.facts.path), model.network, Path(request.path))
    except OSError as error:
        raise ModelError(f"The model could not be written: {error.strerror}.") from error
    yield Saved(request.path)


def _finite(value: float) -> bool:
    return abs(value) < float("inf")
