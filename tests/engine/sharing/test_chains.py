"""Runs down a latent chain as files: sessions that open as they were, numbers, pages, and scripts run elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer.engine.chain_runs import ChainRun
from explorer.engine.engine import Engine
from explorer.engine.frame import Progress, Restored, Saved, Seen
from explorer.engine.sharing.plain import to_plain
from explorer.engine.sharing.session_file import Notes, RunNotes
from explorer.engine.sharing.sheet import Sheet
from explorer.facts import ModelError
from explorer.formats.model import LatentModel
from explorer.lenses.base import numpy32
from explorer.request import (
    Autosave,
    ByHand,
    Forward,
    Guidance,
    Look,
    ModelRef,
    OpenSession,
    Replay,
    Run,
    Save,
    SaveSession,
)
from explorer.state import State
from tests.chains import LEVELS, SHAPE, write_chain

L = len(LEVELS)
LENSES = ("z_t", "decoded", "levels")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    return ModelRef(str(write_chain(tmp_path_factory.mktemp("chains"))), "cpu")


def request_of(ref: ModelRef, **values: Any) -> Run:
    return replace(Run(ref, 1, "ancestral", L, 3, 2, Guidance(), LENSES, {"temperature": 0.8}), **values)


def run(engine: Engine, request: Run) -> ChainRun:
    for _ in engine.answer(request):
        pass
    return engine.chains.runs.get(request.run)


def family(engine: Engine, ref: ModelRef) -> None:
    """A run; a branch with numbers set by hand and another temperature; one of that, with another seed; one whose z_L
    was drawn with another seed than what follows."""
    first = request_of(ref)
    run(engine, first)
    run(engine, replace(first, run=2, branch_of=(1, 1), edited=ByHand((0.4, -0.2), ((1, 1.5),)), until=1))
    run(engine, replace(first, run=2, start=1, parameters={"temperature": 1.0}))
    run(engine, replace(first, run=3, branch_of=(2, 2), seed=9))
    run(engine, replace(first, run=4, until=0))
    run(engine, replace(first, run=4, start=0, seed=11, until=2))


def assert_same(one: ChainRun, other: ChainRun) -> None:
    assert (one.times, one.made) == (other.times, other.made)
    for a, b in zip(one.steps, other.steps, strict=True):
        assert (a.index, a.t) == (b.index, b.t)
        for x, y in ((a.z, b.z), (a.distribution.mean, b.distribution.mean), (a.distribution.std, b.distribution.std)):
            np.testing.assert_array_equal(numpy32(x), numpy32(y))
        assert (a.x is None) == (b.x is None)
        if a.x is not None and b.x is not None:
            np.testing.assert_array_equal(numpy32(a.x), numpy32(b.x))


def write(engine: Engine, ref: ModelRef, file: Path, kind: type[SaveSession] = SaveSession) -> None:
    state = State(model=ref.path, source="reverse", step=1).to_json()
    runs = tuple(RunNotes(n, state, parent) for n, parent in ((1, None), (2, (1, 1)), (3, (2, 2)), (4, None)))
    *_, last = engine.answer(kind(ref, str(file), json.dumps(to_plain(Notes(state, 2, runs)))))
    assert isinstance(last, Saved)


def reopen(file: Path) -> tuple[Engine, Restored]:
    engine = Engine()
    *on_the_way, last = engine.answer(OpenSession(str(file)))
    assert all(isinstance(frame, Progress) for frame in on_the_way)
    assert isinstance(last, Restored)
    return engine, last


def tiles(engine: Engine, ref: ModelRef, number: int, step: int) -> dict[str, Any]:
    (seen,) = engine.answer(Look(ref, Replay(number, step), 0, Guidance(), LENSES))
    assert isinstance(seen, Seen)
    return {name: drawable.data for name, drawable in seen.tiles.items()}


@pytest.mark.parametrize("kind", [SaveSession, Autosave])
def test_a_session_of_a_chain_comes_back_bit_for_bit(kind: type[SaveSession], chain: ModelRef, tmp_path: Path) -> None:
    before, file = Engine(), tmp_path / "a.dxsession"
    family(before, chain)
    write(before, chain, file, kind)
    after, restored = reopen(file)
    assert (restored.shown, [r.number for r in restored.runs]) == (2, [1, 2, 3, 4])
    assert restored.runs[1].parent == (1, 1)
    assert restored.runs[1].edited == ByHand((0.4, -0.2), ((1, 1.5),))
    assert restored.runs[2].edited is None
    for number in (1, 2, 3, 4):
        one, other = before.chains.runs.get(number), after.chains.runs.get(number)
        assert_same(one, other)
        for step in range(one.made):
            shown = [tiles(engine, chain, number, step) for engine in (before, after)]
            for name in LENSES:
                np.testing.assert_array_equal(shown[0][name], shown[1][name])
    # And they go on alike, a further branch among them.
    assert_same(*(run(engine, request_of(chain, run=4, start=2, seed=11)) for engine in (before, after)))
    assert_same(*(run(engine, request_of(chain, run=5, branch_of=(2, 2), seed=5)) for engine in (before, after)))


DAMAGE: dict[str, Any] = {
    "gap": lambda run: run["steps"].pop(1),
    "level": lambda run: run["steps"][1].update(t=1),
    "array": lambda run: run["steps"][0].update(z=run["steps"][2]["z"]),
    "levels": lambda run: run.update(L=2),
    "no start": lambda run: run["segments"][0].update(start=2),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_bad_session_is_refused_in_one_sentence(how: str, chain: ModelRef, tmp_path: Path) -> None:
    engine, file = Engine(), tmp_path / "a.dxsession"
    family(engine, chain)
    write(engine, chain, file)
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    plain = json.loads(entries["session.json"])
    DAMAGE[how](plain["chains"][0])
    entries["session.json"] = json.dumps(plain).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry)
    held = engine.chains
    with pytest.raises(ModelError) as error:
        list(engine.answer(OpenSession(str(file))))
    assert "\n" not in str(error.value)
    assert engine.chains is held
    assert held.runs.get(1).made == L + 1


def save(engine: Engine, ref: ModelRef, number: int, path: Path, **options: bool) -> Saved:
    *_, last = engine.answer(Save(Look(ref, Replay(number, 1), 0, Guidance(), LENSES), str(path), **options))
    assert isinstance(last, Saved)
    return last


def test_the_scripts_make_the_runs_again_bit_for_bit(chain: ModelRef, tmp_path: Path) -> None:
    engine, numbers = Engine(), (1, 2, 3, 4)
    family(engine, chain)
    for number in numbers:
        saved = save(engine, chain, number, tmp_path / f"run{number}.py")
        assert bool(saved.note) == (number > 1) == (tmp_path / f"run{number}.npz").exists()
    one_after_another = "import runpy, sys\nfor path in sys.argv[1:]: runpy.run_path(path)"
    command = [sys.executable, "-c", one_after_another, *(str(tmp_path / f"run{number}.py") for number in numbers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    model = engine.loaded(chain)
    assert isinstance(model, LatentModel)
    for number in numbers:
        expected = numpy32(engine.chains.runs.get(number).steps[-1].picture(model.chain))
        np.testing.assert_array_equal(np.load(tmp_path / f"run{number}.npy"), expected)


def test_numbers_are_those_of_the_run(chain: ModelRef, tmp_path: Path) -> None:
    engine = Engine()
    family(engine, chain)
    save(engine, chain, 2, tmp_path / "run.npz")
    steps = engine.chains.runs.get(2).steps
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:
        for step in steps[:-1]:
            np.testing.assert_array_equal(file[f"z_{step.t}"], numpy32(step.z))
            np.testing.assert_array_equal(file[f"std_z_{step.t}"], numpy32(step.distribution.std))
        assert steps[-1].x is not None
        np.testing.assert_array_equal(file["x"], numpy32(steps[-1].x))
        assert file["x_hat"].shape == (L + 1, 2, *SHAPE)
        assert file["t"].tolist() == [3, 2, 1, 0]
        choices = json.loads(str(file["choices"]))
    assert [choice["start"] for choice in choices] == [0, 1]
    assert choices[1]["edited"]["is"] == "ByHand"


def test_a_look_up_the_chain_has_numbers_too(chain: ModelRef, tmp_path: Path) -> None:
    engine = Engine()
    *_, _saved = engine.answer(Save(Look(chain, Forward(1), 2, Guidance(), LENSES), str(tmp_path / "a.npz")))
    with np.load(tmp_path / "a.npz") as file:
        assert {"z_t", "decoded", "levels", "t"} <= set(file)
        assert float(file["t"]) == 2


@pytest.mark.parametrize("ending", [".png", ".gif"])
def test_pictures_and_films(ending: str, chain: ModelRef, tmp_path: Path) -> None:
    engine = Engine()
    run(engine, request_of(chain))
    save(engine, chain, 1, tmp_path / f"run{ending}")
    with Image.open(tmp_path / f"run{ending}") as picture:
        assert picture.width > 400
        assert getattr(picture, "n_frames", 1) == (L + 1 if ending == ".gif" else 1)


def test_every_picture_of_a_film_has_the_same_size(chain: ModelRef) -> None:
    """The rows of `levels` grow, and z_t becomes a picture."""
    engine, sheet = Engine(), Sheet()
    run(engine, request_of(chain))
    seen = [frame for i in range(L + 1) for frame in engine.answer(Look(chain, Replay(1, i), 0, Guidance(), LENSES))]
    assert len({sheet.draw(one).size for one in seen if isinstance(one, Seen)}) == 1


def test_the_page_shows_the_chain_and_its_levels(chain: ModelRef, tmp_path: Path) -> None:
    engine = Engine()
    run(engine, request_of(chain))
    save(engine, chain, 1, tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "{{" not in text
    assert text.count('class="sprite') == len(LENSES)
    assert text.count('class="node"') == L + 1
    for words in ("Tiny chain", "step 1 of 3", "level 2 of 3", "the picture x", "z<sub>t</sub>", "temperature"):
        assert words in text


def test_what_diffusers_has_not_and_what_takes_a_run_is_one_sentence(chain: ModelRef, tmp_path: Path) -> None:
    engine = Engine()
    run(engine, request_of(chain))
    with pytest.raises(ModelError, match="chain of latent variables"):
        save(engine, chain, 1, tmp_path / "run.py", plain_diffusers=True)
    with pytest.raises(ValueError, match="takes a run"):
        list(engine.answer(Save(Look(chain, Forward(), 1, Guidance(), LENSES), str(tmp_path / "a.html"))))
    assert list(tmp_path.iterdir()) == []
