"""The engine's runs as a session file, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from explorer.diffusion.prediction import Kind
from explorer.diffusion.threshold import Limit
from explorer.engine.chain_runs import ChainRuns
from explorer.engine.frame import Frame, Progress, RestoredRun, Saved
from explorer.engine.kept import Kept
from explorer.engine.runs import Runs
from explorer.engine.sharing.chain_sessions import chain_file, edited_at
from explorer.engine.sharing.files import aside, forget_parts, replacing
from explorer.engine.sharing.plain import from_plain
from explorer.engine.sharing.session_file import Floats, Notes, RunFile, SegmentRecord, SessionFile, StepRecord, write
from explorer.engine.sources import thumbnail
from explorer.engine.trajectory import Segment, Trajectory
from explorer.formats.model import Model
from explorer.lenses.base import number, numpy32
from explorer.request import Autosave, ModelRef, Run, SaveSession
from explorer.state import State

Answers = Callable[[Run], Iterator[Frame]]
BROKEN_OFF = 600.0
"""Seconds: what was begun longer ago and is not a whole session yet was left by a program that was killed."""


def save_session(runs: Runs, chains: ChainRuns, request: SaveSession) -> Iterator[Frame]:
    """With the steps, or for an autosave without them. runs, chains: those of the open model, of either family.

    For an autosave this is asked in a thread of its own, while the runs go on.
    """
    whole = not isinstance(request, Autosave)
    notes = from_plain(Notes, json.loads(request.notes))
    known = {run.number: run for run in notes.runs}
    arrays: dict[int, Floats] = {}
    files = tuple(_file(number, run, whole, arrays) for number, run in runs.all().items() if number in known)
    made = {number: chain_file(number, run, whole) for number, run in chains.all().items() if number in known}
    ways = tuple(way for way in made.values() if way is not None)
    session = SessionFile(request.model, notes, files, ways)
    if whole:
        forget_parts(request.path, BROKEN_OFF)
    with replacing(request.path) as file:
        if whole:
            yield from (Progress("Saving the session…") for _ in aside(lambda: write(session, file)))
        else:
            write(session, file)
    yield Saved(str(Path(request.path)))


def restore(
    runs: Runs, model_of: Callable[[ModelRef], Model], session: SessionFile, answer: Answers
) -> Iterator[Progress | RestoredRun]:
    """Bring every run back, by number, its model being the session's. answer: makes the steps that are
    not in the file."""
    notes = {run.number: run for run in session.notes.runs}
    shared: dict[tuple[int, int, int], Kept] = {}
    for file in (_on_model(file, session.model) for file in session.runs):
        model = model_of(file.segments[-1].request.model)
        if file.steps:
            runs.keep(file.number, _trajectory(file, model, shared))
        else:
            yield from _made_again(file, answer)
        runs.fit()
        run, note = runs.get(file.number), notes.get(file.number)
        thumbnails = {}
        for index in range(run.made):
            if (step := run.step(index)) is not None:
                thumbnails[index] = (round(step.t), thumbnail(model, step.x, step.prediction.x0))
        yield RestoredRun(
            file.number,
            State.from_json(note.choices if note is not None else session.notes.state),
            run.marks,
            tuple(run.scalars),
            note.parent if note is not None else None,
            note.edit_name if note is not None else "",
            thumbnails,
            edited_at(note.parent[1], run.segments) if note is not None and note.parent is not None else None,
        )


def _on_model(file: RunFile, model: ModelRef) -> RunFile:
    """A run can go by another schedule than the session, and by nothing else."""
    segments = tuple(
        replace(s, request=replace(s.request, run=file.number, model=replace(model, schedule=s.request.model.schedule)))
        for s in file.segments
    )
    return replace(file, segments=segments)


def _file(number: int, run: Trajectory, whole: bool, arrays: dict[int, Floats]) -> RunFile:
    segments = tuple(SegmentRecord(s.request, s.start, s.continues, s.memory, _numbers(s.limit)) for s in run.segments)
    if not whole:
        # Of a run that is at this moment beginning there is nothing yet, but its first step can be made as well.
        return RunFile(number, max(run.made, segments[-1].start + 1), run.times, segments)
    steps = tuple(_record(run.kept[index], arrays) for index in sorted(run.kept))
    return RunFile(number, run.made, run.times, segments, run.stride, tuple(run.scalars), steps)


def _record(kept: Kept, arrays: dict[int, Floats]) -> StepRecord:
    """arrays: those of all steps by their tensors; runs of a family share some."""

    def array(tensor: Tensor) -> Floats:
        return arrays.setdefault(id(tensor), numpy32(tensor))

    x, output = array(kept.x), array(kept.output)
    x0 = None if kept.x0 is None else array(kept.x0)
    fraction = None if kept.variance_fraction is None else array(kept.variance_fraction)
    a, s, limit = number(kept.a), number(kept.s), _numbers(kept.limit)
    return StepRecord(kept.index, kept.t, kept.kind, a, s, limit, x, output, x0, kept.extras, fraction)


def _trajectory(file: RunFile, model: Model, shared: dict[tuple[int, int, int], Kept]) -> Trajectory:
    """shared: the steps of all runs by their arrays."""

    def kept(step: StepRecord) -> Kept:
        def tensor(array: Floats | None) -> Tensor | None:
            return None if array is None else torch.from_numpy(array).to(model.device)

        x = torch.from_numpy(step.x).to(model.device)
        output = x if step.output is step.x else torch.from_numpy(step.output).to(model.device)
        kind, limit, fraction = cast("Kind", step.kind), _limit(step.limit), tensor(step.variance_fraction)
        x0 = tensor(step.x0)
        return Kept(step.index, step.t, x, output, kind, step.a, step.s, limit, x0, step.extras, fraction)

    steps = {}
    for step in file.steps:
        key = (step.index, id(step.x), id(step.output))
        if key not in shared:
            shared[key] = kept(step)
        steps[step.index] = shared[key]
    segments = tuple(Segment(s.request, s.start, s.continues, s.memory, _limit(s.limit)) for s in file.segments)
    shown = model.facts.value_range if model.facts.kind == "image" else None
    return Trajectory.restored(file.times, segments, list(file.scalars), file.stride, shown, steps)


def _numbers(limit: Limit | None) -> tuple[float, float, float] | None:
    return None if limit is None else (limit.reach, limit.percentile, limit.most)


def _limit(numbers: tuple[float, ...] | None) -> Limit | None:
    return None if numbers is None else Limit(*numbers)


def _made_again(file: RunFile, answer: Answers) -> Iterator[Progress]:
    ends = [segment.start for segment in file.segments[1:]] + [file.made - 1]
    for place, (segment, end) in enumerate(zip(file.segments, ends, strict=True)):
        asked = replace(
            segment.request, run=file.number, branch_of=None, lenses=(), against=None, second=None, second_own=False
        )
        if place == 0 and asked.edited is not None:
            yield from _words(file, answer(replace(asked, start=None, until=0, edited=None)))
            yield from _words(file, answer(replace(asked, start=0, until=end)))
        else:
            yield from _words(file, answer(replace(asked, start=segment.start if place else None, until=end)))


def _words(file: RunFile, frames: Iterator[Frame]) -> Iterator[Progress]:
    for _ in frames:
        yield Progress(f"Making run {file.number} again…")
