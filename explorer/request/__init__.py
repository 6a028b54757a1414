"""What the engine can be asked. Frozen, picklable, without tensors: a Request can cross a thread, a process
or a network."""

from __future__ import annotations

from typing import TypeAlias

from explorer.request.learning import Draft, Keep, Train
from explorer.request.looking import Film, Forms, Look, Open, Prepare, Tabulate
from explorer.request.measuring import Bound, LatentBound, MeasureContinuous, MeasureForms, Probe, ScoreMatching
from explorer.request.running import Axis, AxisName, AxisValue, Grid, Run
from explorer.request.saving import Autosave, OpenSession, Save, SaveSession
from explorer.request.subject import (
    OWN_SCHEDULE,
    ByHand,
    Clip,
    Edited,
    Forward,
    Guidance,
    ModelRef,
    PutIn,
    Replay,
    ScheduleChoice,
)

Request: TypeAlias = (
    Open
    | OpenSession
    | Tabulate
    | Look
    | Film
    | Run
    | Grid
    | ScoreMatching
    | Bound
    | LatentBound
    | Forms
    | MeasureForms
    | MeasureContinuous
    | Probe
    | Prepare
    | Save
    | SaveSession
    | Autosave
    | Draft
    | Train
    | Keep
)

__all__ = [
    "OWN_SCHEDULE",
    "Autosave",
    "Axis",
    "AxisName",
    "AxisValue",
    "Bound",
    "ByHand",
    "Clip",
    "Draft",
    "Edited",
    "Film",
    "Forms",
    "Forward",
    "Grid",
    "Guidance",
    "Keep",
    "LatentBound",
    "Look",
    "MeasureContinuous",
    "MeasureForms",
    "ModelRef",
    "Open",
    "OpenSession",
    "Prepare",
    "Probe",
    "PutIn",
    "Replay",
    "Request",
    "Run",
    "Save",
    "SaveSession",
    "ScheduleChoice",
    "ScoreMatching",
    "Tabulate",
    "Train",
]
