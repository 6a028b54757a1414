"""Saving and opening from the window: the share menu, sessions, and what is left of a program that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu

from explorer.engine.sharing.session_file import outline
from explorer.ui.app import offer
from explorer.ui.autosave import Autosave
from explorer.ui.restore_strip import RestoreStrip
from explorer.ui.runs_before import add_runs_before
from explorer.ui.share import ROWS

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that every dialog answers with, without an ending."""
    file = tmp_path / "kept"

    def answer(parent: object, title: str, name: str, filters: str) -> tuple[str, str]:
        return str(file), filters.split(";;", maxsplit=1)[0]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    return file


def share_menu(hand: Hand) -> QMenu:
    menu = hand.find(QMenu, "shareMenu")
    menu.aboutToShow.emit()
    return menu


def test_a_run_is_saved_from_the_menu(hand: Hand, chosen: Path) -> None:
    greyed = [action.objectName() for action in share_menu(hand).actions() if not action.isEnabled()]
    assert "shareFilm" in greyed
    assert "sharePicture" not in greyed
    hand.type_into(hand.spin("stepsSpin"), "3")
    hand.reverse()
    hand.play_to_end()
    for name, ending in (("sharePicture", "png"), ("shareNumbers", "npz"), ("shareScript", "py")):
        action = next(action for action in share_menu(hand).actions() if action.objectName() == name)
        action.trigger()
        hand.settle()
        file = chosen.with_suffix(f".{ending}")
        assert file.stat().st_size > 100
        assert hand.status == f"Saved to {file}."
    with np.load(chosen.with_suffix(".npz")) as arrays:
        np.testing.assert_array_equal(arrays["x"], hand.data("x_t"))


def test_what_cannot_be_saved_is_said_in_the_banner(hand: Hand, tmp_path: Path) -> None:
    hand.session.save(str(tmp_path / "missing" / "run.npz"))
    hand.settle()
    assert "there is no such folder" in hand.banner.text()
    hand.session.save(str(tmp_path / "tiles.npz"))
    hand.settle()
    assert not hand.banner.isVisible()
    assert {"sharePlots", *(row.name for row in ROWS)} == {
        a.objectName() for a in share_menu(hand).actions() if a.objectName()
    }


def test_a_session_is_opened_as_it_was(hand: Hand, plane: Path, chosen: Path) -> None:
    hand.type_into(hand.spin("stepsSpin"), "6")
    hand.reverse()
    hand.play_to_end()
    hand.session.set_step(3)
    hand.settle()
    hand.session.branch()
    hand.settle()
    hand.session.set_step(2)
    hand.settle()
    shown, state = hand.shown(), hand.window.state
    marked = set(hand.plot("snrPlot")._marks.getData()[0])
    assert marked
    family = [(run.number, run.parent, run.made) for run in hand.session.family if run.begun]
    hand.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    hand.settle()
    file = chosen.with_suffix(".dxsession")
    assert hand.status == f"Saved to {file}."
    hand.window.open(str(plane))
    hand.settle()
    assert hand.drop(file) == (True, True)
    hand.settle()
    assert hand.window.state == state
    assert [(run.number, run.parent, run.made) for run in hand.session.family] == family
    for lens, array in shown.items():
        np.testing.assert_array_equal(hand.data(lens), array)
    assert set(hand.plot("snrPlot")._marks.getData()[0]) == marked


def test_a_bad_session_leaves_what_was_on_show(hand: Hand, tmp_path: Path) -> None:
    before = hand.shown()
    file = tmp_path / "bad.dxsession"
    file.write_bytes(b"nonsense")
    hand.drop(file)
    hand.settle()
    assert "bad.dxsession" in hand.banner.text()
    for lens, array in before.items():
        np.testing.assert_array_equal(hand.data(lens), array)
    hand.session.set_time(10)
    hand.settle()


KILLED = """
import sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from explorer.ui.autosave import Autosave
from explorer.ui.window import MainWindow

app = QApplication([])
window = MainWindow(sys.argv[1])
autosave = Autosave(window.session, Path(sys.argv[2]), window)
window.show()

def until(condition):
    while not condition():
        app.processEvents()
        time.sleep(0.002)

until(lambda: not window.busy)
window.session.change(source="reverse", steps=100, sampler="ddpm", sampler_seed=5)
window.session.change(steps=100)
until(lambda: not window.busy)
window.session.set_pace(0.02)
window.session.play()
until(lambda: window.state.step >= 20)
since = time.monotonic()
until(lambda: time.monotonic() - since > 1.5)
print("step", flush=True)
until(lambda: False)
"""


def test_the_plots_as_an_svg(hand: Hand, chosen: Path) -> None:
    next(action for action in share_menu(hand).actions() if action.objectName() == "sharePlots").trigger()
    file = chosen.with_suffix(".svg")
    drawing = ET.parse(file).getroot()
    assert drawing.tag.endswith("svg")
    text = "".join(drawing.itertext())
    assert "Noise schedule" in text
    assert "Signal-to-noise ratio" in text
    # The curves themselves, and not a picture of them.
    strokes = [part for part in drawing.iter() if part.tag.endswith(("path", "polyline"))]
    assert sum(len(part.get("d", part.get("points", ""))) for part in strokes) > 5_000
    assert not any(part.tag.endswith("image") for part in drawing.iter())
    assert hand.status == f"Saved to {file}."


def test_plots_that_cannot_be_written(hand: Hand, chosen: Path) -> None:
    hand.window.pictures.save_plots(str(chosen / "absent" / "plots.svg"))
    assert "plots" in hand.banner.text()


def test_a_killed_program_leaves_all_but_the_last_second(make_hand: MakeHand, tiny: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tiny), str(tmp_path / "data")]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "step\n"
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    program.stdout.close()
    hand = make_hand()
    autosave = Autosave(hand.session, tmp_path / "data")
    left = autosave.left
    assert left is not None
    offer(hand.window, autosave, left)
    assert hand.find(RestoreStrip).isVisible()
    hand.click("restoreButton")
    hand.settle()
    run = hand.session.run
    assert run is not None
    assert run.made > 20
    assert (hand.window.state.sampler, hand.window.state.sampler_seed) == ("ddpm", 5)
    assert not left.exists(), "it is this program's now"
    restored = hand.data("x_t")
    step = hand.window.state.step
    hand.session.reset()
    hand.settle()
    hand.session.play()
    hand.until(lambda: hand.window.state.step >= step)
    hand.session.set_step(step)
    hand.settle()
    np.testing.assert_array_equal(hand.data("x_t"), restored)
    hand.window.close()
    autosave.close()
    assert not (tmp_path / "data" / "0.dxsession").exists()


def test_two_programs_do_not_share_a_file(hand: Hand, tmp_path: Path) -> None:
    one, two = (Autosave(hand.session, tmp_path) for _ in range(2))
    (tmp_path / "1.dxsession").write_bytes(b"left")
    assert one.left is None
    assert two.left is None
    two.close()
    (tmp_path / "1.dxsession").write_bytes(b"left")
    three = Autosave(hand.session, tmp_path)
    assert three.left == tmp_path / "1.last.dxsession"
    three.forget_left()
    assert not list(tmp_path.glob("*.dxsession"))
    one.close()
    three.close()


def holds_runs(file: Path) -> bool:
    return file.exists() and len(outline(file).runs) > 0


def test_runs_come_back_after_another_model(hand: Hand, plane: Path, tmp_path: Path) -> None:
    autosave = Autosave(hand.session, tmp_path / "data")
    menu = add_runs_before(hand.window, autosave)
    files = hand.window.menuBar().actions()[0].menu()
    assert isinstance(files, QMenu)
    files.aboutToShow.emit()
    assert not menu.isEnabled()
    model = hand.window.state.model
    assert model is not None
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.reverse()
    hand.play_to_end()
    made = hand.data("x_t")
    file = tmp_path / "data" / "0.dxsession"
    hand.until(lambda: holds_runs(file))
    hand.window.open(str(plane))
    hand.settle()
    hand.window.open(str(plane))  # without runs of its own nothing is set aside
    hand.settle()
    files.aboutToShow.emit()
    assert menu.isEnabled()
    menu.aboutToShow.emit()
    (line,) = menu.actions()
    assert line.text().startswith(f"{Path(model).name}: 1 run, ")
    line.trigger()
    hand.settle()
    assert hand.window.state.model == model
    np.testing.assert_array_equal(hand.data("x_t"), made)
    hand.until(lambda: holds_runs(file))
    autosave.close()
    assert not list((tmp_path / "data").glob("*.dxsession"))
    assert len(autosave.before()) == 2
    files.removeAction(menu.menuAction())


def test_the_last_ten_are_kept(hand: Hand, tmp_path: Path) -> None:
    aside = tmp_path / "0.before"
    aside.mkdir()
    for number in range(1, 12):
        (aside / f"{number:019}.dxsession").write_bytes(b"")
    autosave = Autosave(hand.session, tmp_path)
    hand.type_into(hand.spin("stepsSpin"), "3")
    hand.reverse()
    hand.play_to_end()
    hand.until(lambda: holds_runs(tmp_path / "0.dxsession"))
    autosave.close()
    kept = autosave.before()
    assert len(kept) == 10
    assert kept[0].stat().st_size > 0
    assert kept[-1].name == f"{3:019}.dxsession"
