"""Training the open model where it stands: looks and runs are answered in between, by the same network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch

from explorer.datasets.toy import TOYS, from_strokes
from explorer.engine.frame import Drafted, Frame, Progress, Saved, Trained
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.request import Draft, Keep, Train
from explorer.training.live import LiveTraining, Task, best_loss, draft, keep

SLICE_SECONDS = 0.05
"""A look waits for that long at most, or for one step."""
REPORT_SECONDS = 0.3


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
        if model.network is None or model.truth is None or model.facts.kind != "points":
            raise ModelError("Only small networks of points whose distribution is known can be trained here.")
        if model.device.type != "cpu":
            raise ModelError("Networks are trained here on the CPU: choose the device cpu.")
        task = Task(model.truth, model.denoiser.schedule, model.facts.prediction, request.objective)
        with torch.inference_mode(False):
            begun = self._training
            if begun is None or begun.network is not model.network or begun.task.objective != task.objective:
                begun = self._training = LiveTraining(model.network, task, request.learning_rate, request.seed)
                self._best = best_loss(task)
            begun.set_learning_rate(request.learning_rate)
        losses: list[float] = []
        reported = time.monotonic()
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
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                yield Trained(begun.steps, sum(losses) / len(losses), self._best)
                losses.clear()
            else:
                yield Progress("")


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
