"""Sessions: saved, opened in another engine, and the same to the last bit; or refused in one sentence."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.engine.engine import Engine
from explorer.engine.frame import Opened, Progress, Restored, Saved
from explorer.engine.sharing.plain import Arrays, from_plain, to_plain
from explorer.engine.sharing.session_file import Notes, RunNotes
from explorer.facts import ModelError
from explorer.request import Autosave, Forward, Guidance, Open, OpenSession, Run, SaveSession, ScheduleChoice
from explorer.state import State
from tests.engine.models import SHAPE
from tests.engine.running import assert_same, replay, request_of, run


def notes_of(engine: Engine, *numbers: int, shown: int | None = None) -> str:
    state = State(model="m", source="reverse", step=3).to_json()
    runs = tuple(RunNotes(number, state, (1, 2) if number > 1 else None, "edited") for number in numbers)
    return json.dumps(to_plain(Notes(state, shown, runs)))


def family(engine: Engine, path: str) -> Run:
    """Three runs: one changed on the way, a branch of it with another x_t, and one with noise of data put in."""
    first = request_of(path, "ddpm", steps=8, guidance=Guidance(1, 2.0))
    run(engine, replace(first, until=3))
    run(engine, replace(first, start=3, guidance=Guidance(2, 1.5), until=6))
    x = np.full((2, *SHAPE), 0.2, np.float32)
    run(engine, replace(first, run=2, branch_of=(1, 4), edited=x, until=4))
    run(engine, replace(first, run=2, start=4, sampler="dpmpp_2m", parameters={"clip": False}))
    run(engine, replace(first, run=3, branch_of=(1, 0), edited=Forward(first=1)))
    return first


def write(engine: Engine, request: Run, file: Path, kind: type[SaveSession] = SaveSession) -> None:
    *_, last = engine.answer(kind(request.model, str(file), notes_of(engine, 1, 2, 3, shown=2)))
    assert isinstance(last, Saved)


def reopen(file: Path, engine: Engine | None = None) -> tuple[Engine, Restored]:
    engine = engine or Engine()
    *on_the_way, last = engine.answer(OpenSession(str(file)))
    assert all(isinstance(frame, Progress) for frame in on_the_way)
    assert isinstance(last, Restored)
    return engine, last


@pytest.mark.parametrize("kind", [SaveSession, Autosave])
@pytest.mark.parametrize("budget", [2**30, 30_000])
def test_a_session_comes_back_bit_for_bit(kind: type[SaveSession], budget: int, pictures: str, tmp_path: Path) -> None:
    before, file = Engine(memory_budget=budget), tmp_path / "a.dxsession"
    request = family(before, pictures)
    write(before, request, file, kind)
    if kind is Autosave:
        assert file.stat().st_size < 20_000
    after, restored = reopen(file)
    assert isinstance(restored.opened, Opened)
    assert (restored.shown, restored.state.step) == (2, 3)
    assert [(r.number, r.parent, r.edit_name) for r in restored.runs][1] == (2, (1, 2), "edited")
    for number in (1, 2, 3):
        one, other = before.trajectory(number), after.trajectory(number)
        assert (one.times, one.made) == (other.times, other.made)
        np.testing.assert_equal([dict(s) for s in other.scalars], [dict(s) for s in one.scalars])
        which = replace(request, run=number)
        frames = [[replay(engine, which, i) for i in range(one.made)] for engine in (before, after)]
        assert_same(frames[1], frames[0])
    # And they go on alike.
    assert_same(*(run(engine, replace(request, start=6)) for engine in (before, after)))


def test_steps_that_runs_share_are_stored_once(pictures: str, tmp_path: Path) -> None:
    engine, sizes = Engine(), []
    request = request_of(pictures, steps=20)
    run(engine, request)
    for number in (2, 3):
        run(engine, replace(request, run=number, branch_of=(1, 19), until=19))
        *_, _saved = engine.answer(SaveSession(request.model, str(tmp_path / "a"), notes_of(engine, *range(1, number))))
        sizes.append((tmp_path / "a").stat().st_size)
    assert sizes[1] < 1.3 * sizes[0]
    after, _ = reopen(tmp_path / "a")
    one, two = after.trajectory(1), after.trajectory(2)
    assert one.kept[5].x is two.kept[5].x


def test_a_run_on_another_schedule_comes_back(pictures: str, tmp_path: Path) -> None:
    engine = Engine()
    request = request_of(pictures)
    request = replace(request, model=replace(request.model, schedule=ScheduleChoice("linear")))
    whole = run(engine, request)
    *_, _saved = engine.answer(Autosave(request.model, str(tmp_path / "a"), notes_of(engine, 1)))
    after, _ = reopen(tmp_path / "a")
    assert_same([replay(after, request, i) for i in range(5)], whole)


def damaged(file: Path, how: str) -> None:
    """Make it what nobody should open."""
    data = file.read_bytes()
    if how == "truncated":
        file.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "noise":
        file.write_bytes(bytes(range(256)) * 50)
    else:
        with zipfile.ZipFile(file) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        plain: Any = json.loads(entries["session.json"])
        DAMAGE[how](plain)
        entries["session.json"] = json.dumps(plain).encode()
        if how == "pickle":
            entries["0.npy"] = entries["0.npy"].replace(b"'<f4'", b"'|O' ")
        if how == "huge":
            entries["0.npy"] = entries["0.npy"].replace(b"(2, 1, 8, 8), }", b"(99999999, 8,)}")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if how == "packed" else zipfile.ZIP_STORED) as archive:
            for name, entry in entries.items():
                archive.writestr(name, entry)


DAMAGE: dict[str, Any] = {
    "other": lambda plain: plain.update(format="something"),
    "newer": lambda plain: plain.update(version=99),
    "no runs": lambda plain: plain.update(runs=7),
    "wrong type": lambda plain: plain["runs"][0]["segments"][0]["request"].update(seed="zero"),
    "wrong array": lambda plain: plain["runs"][0]["steps"][0].update(x={"array": 10_000}),
    "no last step": lambda plain: plain["runs"][0]["steps"].pop(),
    "bad state": lambda plain: plain["notes"].update(state='{"t": "now"}'),
    "another model": lambda plain: plain["runs"][0]["segments"][0]["request"].update(count=5),
    "no model": lambda plain: plain["model"].update(path="/nowhere/at/all"),
    "pickle": lambda plain: None,
    "huge": lambda plain: None,
    "packed": lambda plain: None,
}


@pytest.mark.parametrize("how", ["truncated", "empty", "noise", *DAMAGE])
def test_a_bad_session_is_one_sentence_and_what_was_open_stays(
    how: str, pictures: str, points: str, tmp_path: Path
) -> None:
    file, writer, engine = tmp_path / "a.dxsession", Engine(), Engine()
    request = request_of(pictures, steps=2)
    run(writer, request)
    *_, _saved = writer.answer(SaveSession(request.model, str(file), notes_of(writer, 1)))
    damaged(file, how)
    other = request_of(points)
    for _ in engine.answer(Open(other.model)):
        pass
    whole = run(engine, other)
    with pytest.raises(ModelError) as error:
        reopen(file, engine)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
    assert_same([replay(engine, other, i) for i in range(5)], whole)


def test_a_session_whose_run_cannot_be_made_leaves_what_was_open(pictures: str, points: str, tmp_path: Path) -> None:
    file, writer, engine = tmp_path / "a.dxsession", Engine(), Engine()
    request = request_of(pictures, steps=2)
    run(writer, request)
    *_, _saved = writer.answer(Autosave(request.model, str(file), notes_of(writer, 1)))
    with zipfile.ZipFile(file, "a") as archive:
        text = archive.read("session.json").replace(b'"ddim"', b'"none"')
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("session.json", text)
    other = request_of(points)
    whole = run(engine, other)
    with pytest.raises(ModelError, match="no sampler"):
        reopen(file, engine)
    assert_same([replay(engine, other, i) for i in range(5)], whole)


def test_requests_survive_json() -> None:
    x = np.ones((2, 3), np.float32)
    request = Run(
        request_of("m").model, 1, "ddim", 4, 2**63, 2, Guidance(1, 2.5, interval=(1.0, 9.0)), ("x0",), {"eta": 0.5}
    )
    request = replace(request, edited=x, branch_of=(3, 4))
    arrays = Arrays()
    back = from_plain(Run, json.loads(json.dumps(to_plain(request, arrays))), arrays.all)
    assert back.edited is x
    assert replace(back, edited=None).__dict__ == replace(request, edited=None).__dict__
