"""The command line: what it writes, and how it refuses. Subprocesses only where what is imported or printed matters."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explorer import __version__
from explorer.cli import COMMANDS, main
from explorer.engine.sharing.session_file import Notes, RunFile, RunNotes, SegmentRecord, SessionFile
from explorer.engine.sharing.session_file import write as write_session
from explorer.request import Guidance, ModelRef, Run
from explorer.state import State
from tests.engine.models import (
    PICTURES,
    POINTS,
    SHAPE,
    T_PICTURES,
    T_POINTS,
    change_weights,
    write_json,
    write_pictures,
    write_points,
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A class-conditional model of pictures; not to be changed."""
    return str(write_pictures(tmp_path_factory.mktemp("models") / "pictures"))


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The exact model of a mixture; not to be changed."""
    return str(write_points(tmp_path_factory.mktemp("models") / "points"))


@pytest.fixture(params=["pictures", "points"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def arrays(out: Path) -> dict[str, NDArray[Any]]:
    with np.load(out) as data:
        return dict(data)


def run(*arguments: object) -> None:
    assert main([str(argument) for argument in arguments]) == 0


Refuse = Callable[..., str]


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Refuse:
    """refused(*arguments) → the one line that the command line refuses them with."""

    def check(*arguments: object) -> str:
        capfd.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        assert len(err) < 700
        return err

    return check


def command(*arguments: object, imports: bool = False) -> subprocess.CompletedProcess[str]:
    """The command line as a program of its own; with imports, its stderr lists what it imported."""
    flags = ["-X", "importtime"] if imports else []
    line = [sys.executable, *flags, "-m", "explorer.cli", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


# --- inspect, help, version, doctor ----------------------------------------------------------------------


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


# --- look ------------------------------------------------------------------------------------------------


def test_look_writes_the_lenses_by_name(path: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    run("look", path, "--t", 20, "--out", out)
    shape = (1, *SHAPE) if path.endswith("pictures") else (POINTS, 2)
    found = arrays(out)
    assert list(found) == ["x_t", "x0", "eps", "score"]
    for values in found.values():
        assert values.dtype == np.float32
        assert values.shape == shape


def test_look_options_reach_the_engine(pictures: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"

    def look(*more: object) -> dict[str, NDArray[Any]]:
        run("look", pictures, "--t", 25, "--out", out, *more)
        return arrays(out)

    plain = look()
    np.testing.assert_array_equal(look("--sample", 0, "--seed", 0)["x_t"], plain["x_t"])
    assert not np.array_equal(look("--seed", 1)["x_t"], plain["x_t"])
    assert not np.array_equal(look("--sample", 1)["x_t"], plain["x_t"])
    assert not np.array_equal(look("--label", 1)["eps"], plain["eps"])
    assert not np.array_equal(look("--label", 1, "--guidance", 3)["eps"], look("--label", 1)["eps"])
    assert list(look("--lens", "v, x_t")) == ["v", "x_t"]
    assert look("--n", 3)["x_t"].shape == (3, *SHAPE)
    np.testing.assert_array_equal(look("--n", 3, "--device", "cpu")["x_t"][:1], plain["x_t"])


def test_look_at_a_picture_file(pictures: str, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "mine.png")
    run("look", pictures, "--t", 0, "--image", tmp_path / "mine.png", "--out", tmp_path / "a.npz")
    np.testing.assert_allclose(arrays(tmp_path / "a.npz")["x_t"][0, 0], grey / 127.5 - 1, atol=1e-6)


def test_look_at_both_ends_of_time(path: str, tmp_path: Path) -> None:
    T = T_PICTURES if path.endswith("pictures") else T_POINTS
    for t in 0, T:
        for ending in "npz", "png":
            run("look", path, "--t", t, "--out", tmp_path / f"a.{ending}")
        found = arrays(tmp_path / "a.npz")
        assert np.isfinite(found["x0"]).all()


def test_look_writes_a_picture_of_all_tiles_beside_each_other(path: str, tmp_path: Path) -> None:
    run("look", path, "--t", 20, "--lens", "x_t", "--out", tmp_path / "one.png")
    run("look", path, "--t", 20, "--lens", "x_t,eps", "--out", tmp_path / "two.PNG")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.PNG") as two:
        assert one.format == two.format == "PNG"
        assert two.height == one.height
        assert two.width > 1.9 * one.width
        assert len(one.convert("RGB").getcolors(100_000) or []) > 1


# --- sample ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "langevin", "annealed_langevin"])
def test_sample_with_every_sampler(path: str, sampler: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    more = ["--param", "steps_per_level=2"] if sampler == "annealed_langevin" else []
    run("sample", path, "--out", out, "--sampler", sampler, "--steps", 3, "--n", 2, *more)
    found = arrays(out)
    assert list(found) == ["x"]
    assert found["x"].dtype == np.float32
    assert found["x"].shape == ((2, *SHAPE) if path.endswith("pictures") else (2, 2))
    assert np.isfinite(found["x"]).all()


def test_sample_with_its_trajectory(path: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    run("sample", path, "--out", out, "--steps", 5, "--n", 3, "--trajectory")
    found = arrays(out)
    one = SHAPE if path.endswith("pictures") else (2,)
    assert set(found) == {"x", "x_t", "x0", "t"}
    assert found["x_t"].shape == found["x0"].shape == (6, 3, *one)
    assert found["x_t"].dtype == found["x0"].dtype == np.float32
    T = T_PICTURES if path.endswith("pictures") else T_POINTS
    assert found["t"].tolist() == [*[1 + i * (T // 5) for i in range(5)][::-1], 0]
    np.testing.assert_array_equal(found["x"], found["x_t"][-1])
    np.testing.assert_array_equal(found["x0"][-1], found["x_t"][-1])
    run("sample", path, "--out", tmp_path / "b.npz", "--steps", 5, "--n", 3)
    np.testing.assert_array_equal(arrays(tmp_path / "b.npz")["x"], found["x"])


def test_look_and_sample_on_another_schedule(points: str, tmp_path: Path) -> None:
    found = {}
    for schedule in ("own", "cosine", "karras:rho=5,sigma_max=20", "rectified_flow", "zero_terminal_snr"):
        run("look", points, "--out", tmp_path / "a.npz", "--t", 30, "--n", 4, "--schedule", schedule)
        run("sample", points, "--out", tmp_path / "b.npz", "--steps", 8, "--n", 4, "--schedule", schedule)
        found[schedule] = arrays(tmp_path / "a.npz")["x_t"], arrays(tmp_path / "b.npz")["x"]
        assert np.isfinite(found[schedule][1]).all()
    np.testing.assert_array_equal(found["own"], found["cosine"])  # which it is
    for schedule in ("karras:rho=5,sigma_max=20", "rectified_flow"):
        assert not np.allclose(found[schedule][0], found["own"][0], atol=1e-2)


def test_sample_follows_a_list_of_times(points: str, tmp_path: Path) -> None:
    run("sample", points, "--out", tmp_path / "a.npz", "--param", "times=40, 20, 5", "--trajectory")
    assert arrays(tmp_path / "a.npz")["t"].tolist() == [40, 20, 5, 0]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_batch_holds_the_single_runs(path: str, sampler: str, tmp_path: Path) -> None:
    def sample(*more: object) -> NDArray[Any]:
        out = tmp_path / "a.npz"
        run("sample", path, "--out", out, "--sampler", sampler, "--steps", 8, "--seed", 5, *more)
        return arrays(out)["x"]

    batch = sample("--n", 4)
    for k in range(4):
        np.testing.assert_allclose(sample("--n", 1, "--first", k)[0], batch[k], atol=1e-4)
    assert not np.allclose(batch[0], batch[1], atol=1e-2)


def test_sample_from_a_given_x_T(path: str, tmp_path: Path) -> None:
    one = SHAPE if path.endswith("pictures") else (2,)
    x_T = np.random.default_rng(1).standard_normal((3, *one))
    np.save(tmp_path / "x_T.npy", x_T)
    out = tmp_path / "a.npz"
    arguments = ["--init", tmp_path / "x_T.npy", "--steps", 4, "--trajectory"]
    run("sample", path, "--out", out, *arguments)
    found = arrays(out)
    assert found["x"].shape == (3, *one)  # as many as were given
    np.testing.assert_array_equal(found["x_t"][0], x_T.astype(np.float32))
    run("sample", path, "--out", out, *arguments, "--seed", 9)
    np.testing.assert_array_equal(arrays(out)["x"], found["x"])  # DDIM takes no other noise


def test_sample_options_reach_the_engine(pictures: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"

    def sample(*more: object) -> NDArray[Any]:
        run("sample", pictures, "--out", out, "--steps", 5, *more)
        return arrays(out)["x"]

    plain = sample()
    np.testing.assert_array_equal(sample("--seed", 0, "--guidance", 5, "--param", "eta=0"), plain)
    for changed in (
        ["--seed", 1],
        ["--label", 2],
        ["--param", "eta=0.5"],
        ["--param", "clip=false"],
        ["--param", "clip_range=0.3", "--param", "clip=TRUE"],
        ["--param", "spacing=trailing"],
    ):
        assert not np.array_equal(sample(*changed), plain)
    assert not np.array_equal(sample("--label", 2), sample("--label", 2, "--guidance", 4))
    assert np.abs(sample("--param", "clip_range=0.3")).max() <= 0.3 + 1e-6


def test_without_steps_a_sampler_takes_its_own_number(points: str, tmp_path: Path) -> None:
    out = tmp_path / "a.npz"
    run("sample", points, "--out", out, "--trajectory")
    assert len(arrays(out)["t"]) == 51
    run("sample", points, "--out", out, "--trajectory", "--sampler", "ddpm")
    assert len(arrays(out)["t"]) == T_POINTS + 1  # of its 1,000 no more than the model has


def test_sample_writes_pictures_and_films(path: str, tmp_path: Path) -> None:
    run("sample", path, "--out", tmp_path / "a.png", "--steps", 3, "--n", 4)
    run("sample", path, "--out", tmp_path / "a.gif", "--steps", 3, "--n", 4)
    with Image.open(tmp_path / "a.png") as still, Image.open(tmp_path / "a.gif") as film:
        assert still.format == "PNG"
        assert film.format == "GIF"
        assert film.size == still.size
        assert getattr(film, "n_frames", 1) > 1
        film.seek(getattr(film, "n_frames", 1) - 1)
        difference = np.asarray(film.convert("RGB"), float) - np.asarray(still.convert("RGB"), float)
        assert np.abs(difference).mean() < 3  # the film ends with the picture


def test_out_may_be_spelt_in_capitals(points: str, tmp_path: Path) -> None:
    run("sample", points, "--out", tmp_path / "A.NPZ", "--steps", 2)
    assert [file.name for file in tmp_path.iterdir()] == ["A.NPZ"]
    assert arrays(tmp_path / "A.NPZ")["x"].shape == (1, 2)


# --- train -----------------------------------------------------------------------------------------------


def test_train_list(capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "list")
    assert {"digits", "faces", "mixture"} <= set(capsys.readouterr().out.split())


def test_train_writes_a_model_that_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.training import mixture

    measure = mixture.mixture_quality
    monkeypatch.setattr(mixture, "mixture_quality", lambda denoiser, truth, n: measure(denoiser, truth, 20))
    run("train", "mixture", "--out", tmp_path / "new", "--steps", 2)
    assert capsys.readouterr().out.strip()
    run("inspect", tmp_path / "new", "--json")
    assert json.loads(capsys.readouterr().out)["T"] == 1000
    run("sample", tmp_path / "new", "--out", tmp_path / "a.npz", "--steps", 2)


# --- what a user can get wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--out"),
        (["--out", "a.npz", "--bogus"], "unrecognized arguments: --bogus"),
        (["--out", "a.npz", "--steps", "many"], "--steps"),
        (["--out", "a.npz", "--seed", "1.5"], "--seed"),
        (["--out", "a.npz", "--guidance", "x"], "--guidance"),
        (["--out", "a.jpg"], "--out decides by its ending"),
        (["--out", "a"], "--out decides by its ending"),
        (["--out", "nowhere/a.npz"], "there is no folder “nowhere”"),
        (["--out", "folder.npz"], "is a folder"),
        (["--out", "a.npz", "--sampler", "dream"], "“dream”"),
        (["--out", "a.npz", "--steps", "0"], "at least one step"),
        (["--out", "a.npz", "--steps", "-3"], "at least one step"),
        (["--out", "a.npz", "--steps", "51"], "between 1 and T = 50"),
        (["--out", "a.npz", "--sampler", "langevin", "--steps", "1000000000"], "at most"),
        (["--out", "a.npz", "--n", "0"], "At least one sample"),
        (["--out", "a.npz", "--n", "-1"], "At least one sample"),
        (["--out", "a.npz", "--n", "1000000000000"], "GB of memory"),
        (["--out", "a.npz", "--n", "1" + 60 * "0"], "GB of memory"),
        (["--out", "a.npz", "--first", "1000000000000"], "GB of memory"),
        (["--out", "a.npz", "--first", "-1"], "--first"),
        (["--out", "a.npz", "--seed", "-1"], "seed"),
        (["--out", "a.npz", "--seed", str(2**64)], "seed"),
        (["--out", "a.npz", "--label", "3"], "classes 0 to 2"),
        (["--out", "a.npz", "--label", "-1"], "classes 0 to 2"),
        (["--out", "a.npz", "--label", "cat"], "--label"),
        (["--out", "a.npz", "--label", "1", "--guidance", "nan"], "finite"),
        (["--out", "a.npz", "--device", "banana"], "no device called “banana”"),
        (["--out", "a.npz", "--device", "cuda:77"], "“cuda:77” is not available"),
        (["--out", "a.npz", "--param", "eta"], "KEY=VALUE"),
        (["--out", "a.npz", "--param", "speed=3"], "eta, spacing, times, clip"),
        (["--out", "a.npz", "--param", "eta=much"], "eta is a number"),
        (["--out", "a.npz", "--param", "eta=nan"], "eta goes from 0 to 1"),
        (["--out", "a.npz", "--param", "eta=1.5"], "eta goes from 0 to 1"),
        (["--out", "a.npz", "--param", "clip=maybe"], "clip is true or false"),
        (["--out", "a.npz", "--schedule", "dream"], "no schedule called “dream”; known are own, zero_terminal_snr"),
        (["--out", "a.npz", "--schedule", "karras:rho"], "NAME:KEY=VALUE"),
        (["--out", "a.npz", "--schedule", "karras:rho=much"], "NAME:KEY=VALUE"),
        (["--out", "a.npz", "--schedule", "karras:rho=1e9"], "rho goes from"),
        (["--out", "a.npz", "--schedule", "linear:rho=2"], "no parameter “rho”"),
        (["--out", "a.npz", "--param", "times=40, soon"], "numbers with commas"),
        (["--out", "a.npz", "--param", "times=20, 40"], "smaller than the one before"),
        (["--out", "a.npz", "--param", "times=60, 40"], "T = 50"),
        (["--out", "a.npz", "--param", "times=40.5, 20"], "whole times"),
        (["--out", "a.npz", "--param", "spacing=custom"], "needs a list of times"),
        (["--out", "a.npz", "--param", "spacing=random"], "spacing cannot be “random”"),
        (
            ["--out", "a.npz", "--sampler", "annealed_langevin", "--param", "steps_per_level=2.5"],
            "steps_per_level is a whole number",
        ),
        (
            ["--out", "a.npz", "--sampler", "annealed_langevin", "--param", "steps_per_level=1000000000"],
            "steps_per_level goes from 1 to 1000",
        ),
    ],
)
def test_sample_refuses(
    refused: Refuse, pictures: str, arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    assert says in refused("sample", pictures, *arguments)
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "a.npz"], "--t"),
        (["--t", "10"], "--out"),
        (["--out", "a.npz", "--t", "soon"], "--t"),
        (["--out", "a.npz", "--t", "-1"], "from 0 to 50"),
        (["--out", "a.npz", "--t", "51"], "from 0 to 50"),
        (["--out", "a.npz", "--t", "5", "--sample", "6"], "samples 0 to 5"),
        (["--out", "a.npz", "--t", "5", "--sample", "-1"], "samples 0 to 5"),
        (["--out", "a.npz", "--t", "5", "--sample", "1", "--image", "b.png"], "not allowed with"),
        (["--out", "a.npz", "--t", "5", "--image", "b.png"], "There is no file “b.png”"),
        (["--out", "a.npz", "--t", "5", "--image", "text.png"], "is not a picture"),
        (["--out", "a.npz", "--t", "5", "--n", "0"], "At least one sample"),
        (["--out", "a.npz", "--t", "5", "--n", "1000000000000"], "GB of memory"),
        (["--out", "a.npz", "--t", "5", "--lens", "x_ray"], "no lens called “x_ray”; known are x_t"),
        (["--out", "a.png", "--t", "5", "--lens", ","], "at least one tile"),
        (["--out", "a.npz", "--t", "5", "--seed", "-4"], "seed"),
        (["--out", "a.npz", "--t", "5", "--label", "9"], "classes 0 to 2"),
        (["--out", "a.txt", "--t", "5"], "--out decides by its ending"),
        (["--out", "a.npz", "--t", "5", "extra"], "unrecognized arguments: extra"),
    ],
)
def test_look_refuses(
    refused: Refuse, pictures: str, arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no picture\n")
    assert says in refused("look", pictures, *arguments)
    assert not (tmp_path / "a.npz").exists()


def test_look_refuses_for_points(refused: Refuse, points: str, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert "not for models of this kind" in refused("look", points, "--t", 5, "--lens", "x_t,v", "--out", out)
    Image.new("L", (4, 4)).save(tmp_path / "b.png")
    assert "pictures only" in refused("look", points, "--t", 5, "--image", tmp_path / "b.png", "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda file: None, "there is no file"),
        (lambda file: file.mkdir(), "is not a .npy file"),
        (lambda file: file.write_text("1 2 3"), "is not a .npy file"),
        (lambda file: file.write_bytes(b""), "is not a .npy file"),
        (lambda file: file.write_bytes(pickle.dumps([1])), "is not a .npy file"),
        (lambda file: np.save(file, np.zeros((2, 1, 8, 9))), "(2, 1, 8, 8)"),
        (lambda file: np.save(file, np.zeros((2, 64))), "(2, 1, 8, 8)"),
        (lambda file: np.save(file, np.zeros(64)), "shape (n, …)"),
        (lambda file: np.save(file, np.zeros((0, 1, 8, 8))), "At least one sample"),
        (lambda file: np.save(file, np.array([["a"]])), "does not hold numbers"),
        (lambda file: np.save(file, np.zeros((1, 1, 8, 8), complex)), "does not hold numbers"),
        (lambda file: np.save(file, np.array([[None]]), allow_pickle=True), "is not a .npy file"),
        (lambda file: np.save(file, np.full((1, 1, 8, 8), np.nan)), "not finite"),
        (lambda file: np.save(file, np.full((1, 1, 8, 8), 1e300)), "not finite"),
        (lambda file: file.write_bytes(b"PK\x03\x04" + bytes(60)), "is not a .npy file"),  # how .npz begins
    ],
)
def test_sample_refuses_an_x_T(
    refused: Refuse, pictures: str, tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    make(tmp_path / "x.npy")
    assert says in refused("sample", pictures, "--out", tmp_path / "a.npz", "--init", tmp_path / "x.npy")


def test_a_damaged_x_T(refused: Refuse, pictures: str, tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    np.save(file, np.zeros((1, 1, 8, 8)))
    whole = file.read_bytes()
    huge = whole.replace(b"(1, 1, 8, 8)", b"(9, 9999999)")
    assert huge != whole
    for content in whole[:200], whole[:9], whole[:-1], huge:
        file.write_bytes(content)
        refused("sample", pictures, "--out", tmp_path / "a.npz", "--init", file)


class RunsCode:
    """A pickle of it creates a file when it is read."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return Path.touch, (self.proof,)


def test_models_that_cannot_be_opened(refused: Refuse, tmp_path: Path) -> None:
    def everything(folder: Path, says: str) -> None:
        out = tmp_path / "a.npz"
        assert says in refused("sample", folder, "--out", out, "--steps", 2)
        assert says in refused("look", folder, "--out", out, "--t", 2)

    assert "no file or folder" in refused("inspect", tmp_path / "absent")
    assert "no file or folder" in refused(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    everything(tmp_path / "empty", "is an empty folder")
    assert "is an empty folder" in refused("inspect", tmp_path / "empty")

    folder = write_pictures(tmp_path / "model")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    everything(folder, "damaged or incomplete")
    weights.write_text("not weights at all\n")
    everything(folder, "a text file")
    weights.write_bytes(whole)
    change_weights(folder, float("nan"))
    everything(folder, "NaN or infinite values")
    weights.unlink()
    everything(folder, "holds no weights")
    assert "holds no weights" in refused("inspect", folder)
    proof = tmp_path / "proof"
    weights.with_name("diffusion_pytorch_model.bin").write_bytes(pickle.dumps({"w": RunsCode(proof)}, protocol=2))
    everything(folder, "was not opened")
    assert not proof.exists()

    write_json(folder / "unet" / "config.json", {"_class_name": "UNet2DModel", "sample_size": "large"})
    everything(folder, "sample_size")


def test_a_network_that_overflows(refused: Refuse, tmp_path: Path) -> None:
    folder = write_points(tmp_path / "model", "mlp")
    change_weights(folder, 1e20)
    assert "not finite at step 0" in refused("sample", folder, "--out", tmp_path / "a.npz")
    assert "not finite at t = 30" in refused("look", folder, "--t", 30, "--out", tmp_path / "a.npz")


def test_a_folder_that_may_not_be_written(refused: Refuse, points: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").symlink_to(tmp_path / "a.npz")  # to itself, which stops even the superuser
    assert "a.npz" in refused("sample", points, "--out", tmp_path / "a.npz", "--steps", 2)
    (tmp_path / "file").write_text("")
    assert "file" in refused("train", "mixture", "--out", tmp_path / "file", "--steps", 2)


def test_commands_refuse(refused: Refuse, points: str) -> None:
    assert "unrecognized arguments: --bogus" in refused("inspect", points, "--bogus")
    assert "path" in refused("inspect")
    assert "unrecognized arguments" in refused("--bogus")
    assert "unrecognized arguments" in refused("doctor", "--loud")
    assert "no recipe “cats”; known are digits" in refused("train", "cats", "--out", "x")
    assert "--out" in refused("train", "mixture")
    assert "at least 1" in refused("train", "mixture", "--out", "x", "--steps", "0")
    assert not Path("x").exists()


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
