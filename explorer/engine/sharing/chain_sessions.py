"""Runs down a latent chain as parts of a session file, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from explorer.diffusion.latent import Diagonal
from explorer.engine.chain_runs import ChainRun, ChainRuns, ChainSegment, ChainStep
from explorer.engine.frame import RestoredRun
from explorer.engine.sharing.session_file import (
    ChainFile,
    ChainSegmentRecord,
    ChainStepRecord,
    Floats,
    SessionFile,
)
from explorer.formats.model import LatentModel
from explorer.lenses.base import numpy32
from explorer.request import Edited, Run
from explorer.state import State


class Made(Protocol):
    """Steps made by one request."""

    @property
    def request(self) -> Run: ...

    @property
    def start(self) -> int: ...


def edited_at(step: int, segments: Sequence[Made]) -> Edited | None:
    """What a branch that begins at a step put in the place of its parent's x_t, None for nothing."""
    return next((segment.request.edited for segment in segments if segment.start == step), None)


def chain_file(number: int, run: ChainRun, whole: bool) -> ChainFile | None:
    """whole: with the picture, which otherwise is decoded again. None for a run that is at this moment beginning."""
    steps = tuple(run.steps)
    if not steps or len(steps) <= run.segments[-1].start:
        return None
    segments = tuple(ChainSegmentRecord(s.request, s.start, s.given) for s in run.segments)
    return ChainFile(number, run.L, segments, tuple(_record(step, whole) for step in steps))


def _record(step: ChainStep, whole: bool) -> ChainStepRecord:
    p = step.distribution
    x = numpy32(step.x) if whole and step.x is not None else None
    return ChainStepRecord(step.index, step.t, numpy32(step.z), numpy32(p.mean), numpy32(p.log_std), x)


@torch.inference_mode()
def restore_chain(runs: ChainRuns, model: LatentModel, session: SessionFile) -> Iterator[RestoredRun]:
    """Bring every run back, by number, its model being the session's."""
    notes = {run.number: run for run in session.notes.runs}
    for file in session.chains:
        requests = [replace(s.request, run=file.number, model=session.model) for s in file.segments]
        segments = (ChainSegment(request, s.start, s.given) for request, s in zip(requests, file.segments, strict=True))
        run = ChainRun(tuple(segments), file.L, [_step(record, model) for record in file.steps])
        runs.keep(file.number, run)
        note = notes.get(file.number)
        parent = note.parent if note is not None else None
        yield RestoredRun(
            file.number,
            State.from_json(note.choices if note is not None else session.notes.state),
            run.times,
            tuple({} for _ in run.steps),
            parent,
            note.edit_name if note is not None else "",
            {step.index: (step.t, numpy32(step.picture(model.chain)[0])) for step in run.steps},
            edited_at(parent[1], run.segments) if parent is not None else None,
        )


def _step(record: ChainStepRecord, model: LatentModel) -> ChainStep:
    def tensor(array: Floats) -> Tensor:
        return torch.from_numpy(array).to(model.device)

    z = tensor(record.z)
    step = ChainStep(record.index, record.t, z, Diagonal(tensor(record.mean), tensor(record.log_std)))
    if record.t:
        return step
    x = model.chain.likelihood(z).mean if record.x is None else tensor(record.x)
    return replace(step, x=x)
