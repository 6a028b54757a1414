"""What a session file holds, in words, without reading its arrays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.engine.sharing.session_file import ChainFile, RunFile, RunNotes, SessionFile

ENDING = ".dxsession"


def is_session(path: str) -> bool:
    """By its name: a model is a folder, or has another ending."""
    return path.lower().endswith(ENDING)


def check_session(path: str) -> None:
    """Raises ModelError, one sentence, for a file that is no session, and for one whose model is not to be found."""
    from explorer.engine.sharing.session_file import outline
    from explorer.formats.registry import inspect

    model = outline(path).model
    inspect(model.path, dict(model.overrides))


def session_text(path: str, as_json: bool) -> str:
    """Several lines, or JSON. Raises ModelError for a file that is no session."""
    from explorer.engine.sharing.session_file import outline
    from explorer.state import State

    session = outline(path)
    state = State.from_json(session.notes.state)
    notes = {run.number: run for run in session.notes.runs}
    runs = [_run(run, run.made, len(run.times), notes.get(run.number)) for run in session.runs]
    runs += [_run(run, len(run.steps), run.L + 1, notes.get(run.number)) for run in session.chains]
    shown = {"run": session.notes.shown, "step": state.step} if session.notes.shown is not None else {"t": state.t}
    if as_json:
        model = {"path": session.model.path, "device": session.model.device, "schedule": str(session.model.schedule)}
        values = {"format": session.format, "version": session.version, "model": model, "shown": shown, "runs": runs}
        return json.dumps(values, indent=2, ensure_ascii=False)
    return "\n".join([f"{path}  —  {session.format}", "", *_lines(session, shown, runs)])


def _run(run: RunFile | ChainFile, made: int, planned: int, note: RunNotes | None) -> dict[str, Any]:
    last = run.segments[-1].request
    return {
        "number": run.number,
        "sampler": last.sampler,
        "made": made,
        "planned": planned,
        "samples": last.count,
        "seed": last.seed,
        "label": last.guidance.label,
        "guidance_scale": last.guidance.scale,
        "schedule": str(last.model.schedule),
        "branch_of": list(note.parent) if note is not None and note.parent is not None else None,
        "edited": note.edit_name if note is not None else "",
        "steps_in_file": len(run.steps),
    }


def _lines(session: SessionFile, shown: dict[str, Any], runs: list[dict[str, Any]]) -> list[str]:
    rows = [("model", session.model.path), ("device", session.model.device), ("schedule", str(session.model.schedule))]
    rows.append(("on show", ", ".join(f"{name} {value}" for name, value in shown.items())))
    rows += [(f"run {run['number']}", _sentence(run)) for run in runs]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _sentence(run: dict[str, Any]) -> str:
    parts = [run["sampler"], f"{run['made']} of {run['planned']} states", f"seed {run['seed']}"]
    parts.append("1 sample" if run["samples"] == 1 else f"{run['samples']:,} samples")
    if run["label"] is not None:
        parts.append(f"label {run['label']}, γ {run['guidance_scale']:g}")
    if run["branch_of"] is not None:
        parts.append("branch of run {} at step {}".format(*run["branch_of"]))
    if run["edited"]:
        parts.append(run["edited"])
    parts.append(f"{run['steps_in_file']} in the file" if run["steps_in_file"] else "made again when opened")
    return ", ".join(parts)
