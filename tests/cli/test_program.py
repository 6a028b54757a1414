"""The command line as a program: what it imports, help, inspect, sessions, doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from explorer import __version__
from explorer.cli import COMMANDS, main
from explorer.engine.sharing.session_file import Notes, RunFile, RunNotes, SegmentRecord, SessionFile
from explorer.engine.sharing.session_file import write as write_session
from explorer.request import Guidance, ModelRef, Run
from explorer.state import State
from tests.cli.running import command, run
from tests.engine.models import (
    PICTURES,
    POINTS,
    SHAPE,
    T_PICTURES,
    T_POINTS,
    write_points,
)

HEAVY = {"torch", "diffusers", "PySide6", "shiboken6", "pyqtgraph"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["inspect", "{pictures}"], 0),
        (["inspect", "/nowhere/at all"], 2),
        (["/nowhere/at all"], 2),
        (["look", "/nowhere", "--t", "3", "--out", "a.png"], 2),
        (["sample", "/nowhere", "--out", "a.npz"], 2),
        (["sample", "{pictures}", "--out", "a.txt"], 2),
        (["train", "list"], 0),
    ],
)
def test_what_needs_no_network_loads_none(arguments: list[str], code: int, pictures: str) -> None:
    done = command(*(argument.format(pictures=pictures) for argument in arguments), imports=True)
    assert done.returncode == code
    lines = done.stderr.splitlines()
    imported = {line.split("|")[-1].strip().partition(".")[0] for line in lines if line.startswith("import time:")}
    assert "argparse" in imported  # or this would not have looked
    assert not imported & HEAVY
    assert sum(line.startswith("error: ") for line in lines) == (code == 2)
    if arguments == ["/nowhere/at all"]:  # answered before the formats are read in
        assert not any("explorer.formats.registry" in line for line in lines)


def test_a_working_command_loads_no_qt(points: str, tmp_path: Path) -> None:
    done = command("sample", points, "--steps", 2, "--out", tmp_path / "a.npz", imports=True)
    assert done.returncode == 0, done.stderr
    imported = {line.split("|")[-1].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "torch" in imported
    assert not imported & {"PySide6", "shiboken6", "pyqtgraph"}


def test_help_names_every_command_and_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    options = {
        "inspect": ["--json"],
        "look": [
            *("--t", "--sample", "--image", "--seed", "--lens", "--out", "--label", "--guidance", "--device"),
            *("--guidance-kind", "--guidance-interval", "--guidance-rescale"),
        ],
        "sample": [
            *("--out", "--sampler", "--steps", "--n", "--seed", "--init", "--label", "--guidance", "--param"),
            *("--device", "--trajectory", "--first"),
        ],
        "train": ["--out", "--steps"],
        "doctor": ["--json"],
    }
    for name, expected in options.items():
        with pytest.raises(SystemExit):
            main([name, "--help"])
        text = capsys.readouterr().out
        assert all(option in text for option in expected)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_inspect(pictures: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", pictures)
    text = capsys.readouterr().out
    assert "Tiny" in text
    assert pictures in text
    assert "file: scheduler/scheduler_config.json" in text
    assert "card: explorer.json" in text


def test_inspect_as_json(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", path, "--json")
    facts = json.loads(capsys.readouterr().out)
    pictures = path.endswith("pictures")
    assert facts["kind"] == ("image" if pictures else "points")
    assert facts["shape"] == (list(SHAPE) if pictures else [2])
    assert facts["T"] == (T_PICTURES if pictures else T_POINTS)
    assert len(facts["class_names"]) == (3 if pictures else 2)
    assert facts["sample_count"] == (PICTURES if pictures else POINTS)
    for fact in facts["evidence"]:
        assert fact["source"] in ("file", "card", "default", "inferred", "user")


@pytest.fixture
def session(pictures: str, tmp_path: Path) -> Path:
    """A run of three steps and a branch of it, without its steps."""
    first = Run(ModelRef(pictures), 1, "ddim", 3, 7, 1, Guidance(1, 2.0), ())
    runs = [
        RunFile(1, 4, (3, 2, 1, 0), (SegmentRecord(first, 0, False, 0, None),)),
        RunFile(2, 2, (3, 2, 1, 0), (SegmentRecord(replace(first, sampler="ddpm"), 0, False, 0, None),)),
    ]
    state = State(model=pictures, source="reverse", step=1).to_json()
    notes = Notes(state, 2, (RunNotes(1, state), RunNotes(2, state, (1, 1), "painted")))
    file = tmp_path / "work.dxsession"
    with file.open("wb") as out:
        write_session(SessionFile(ModelRef(pictures), notes, tuple(runs)), out)
    return file


def test_inspect_a_session(session: Path, pictures: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("inspect", session)
    text = capsys.readouterr().out
    assert pictures in text
    assert "ddim, 4 of 4 states, seed 7, 1 sample, label 1, γ 2, made again when opened" in text
    assert "branch of run 1 at step 1, painted" in text
    run("inspect", session, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["shown"] == {"run": 2, "step": 1}
    assert [one["sampler"] for one in told["runs"]] == ["ddim", "ddpm"]


def test_the_window_is_opened_on_a_session(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str | None] = []

    def window(path: str | None) -> int:
        opened.append(path)
        return 0

    monkeypatch.setattr("explorer.ui.app.run", window)
    run(session)
    assert opened == [str(session)]


@pytest.mark.parametrize("what", ["missing", "nonsense", "model gone"])
@pytest.mark.parametrize("command", [[], ["inspect"]])
def test_a_bad_session_is_refused_before_any_window(
    session: Path, command: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if what == "model gone":
        if command:
            return  # what it holds can be told all the same
        with session.open("wb") as out:
            write_session(SessionFile(ModelRef("/nowhere/at all"), Notes(State().to_json())), out)
    elif what == "nonsense":
        session.write_bytes(b"nonsense")
    else:
        session.unlink()
    assert main([*command, str(session)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_inspect_prints_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_points(tmp_path / "m")
    (folder / "explorer.json").write_text("{")
    run("inspect", folder)
    assert "warning: The card is not used" in capsys.readouterr().out


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    run("doctor", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["diffusion-explorer"] == __version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "cpu" in found["devices"]
    assert found["device used"] in found["devices"]
    assert {"torch", "PySide6-Essentials", "numpy", "missing libraries", "qt platform"} <= set(found)
    run("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(found)
    assert any(line.startswith("torch ") for line in lines)


def test_errors_of_the_program_itself(points: str, tmp_path: Path) -> None:
    """In a program of its own: nothing else on stderr, no warnings of libraries, no traceback."""
    out = tmp_path / "a.npz"
    for arguments in (
        ["look", points, "--out", out, "--t", "61"],
        ["sample", points, "--out", out, "--device", "cuda:77"],
    ):
        done = command(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_a_window_needs_a_screen(points: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    line = [sys.executable, "-m", "explorer.cli", points]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
