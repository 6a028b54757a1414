"""A film of the whole window, and saving that is stopped half-way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageSequence
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QProgressBar, QPushButton

from explorer.engine.sharing import films, saving
from explorer.engine.sharing.material import progress
from explorer.ui.window_film import WindowFilm

if TYPE_CHECKING:
    from tests.ui.hand import Hand


@pytest.fixture
def filmed(hand: Hand) -> Hand:
    """With a run of four states on show."""
    hand.type_into(hand.spin("stepsSpin"), "3")
    hand.reverse()
    hand.play_to_end()
    return hand


def ended(hand: Hand, path: Path) -> str:
    film, said = hand.find(WindowFilm), list[str]()
    film.ended.connect(said.append)
    hand.window.pictures.save_film(str(path))
    assert film.running
    hand.until(lambda: bool(said))
    film.ended.disconnect(said.append)
    return said[0]


def test_every_step_is_a_picture_of_the_window(filmed: Hand, tmp_path: Path) -> None:
    hand, file = filmed, tmp_path / "window.gif"
    hand.session.set_step(1)
    hand.settle()
    assert ended(hand, file) == str(file)
    assert hand.status == f"Saved to {file}."
    assert not hand.find(QProgressBar, "progressBar").isVisible()
    assert hand.window.state.step == 3
    with Image.open(file) as film:
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 4
    window = hand.window
    height, width, _ = frames[0].shape
    assert width / height == pytest.approx(window.width() / window.statusBar().y(), rel=0.01)
    # Each is what the window shows at that step, and at no other.
    shown = []
    for step in range(4):
        hand.session.set_step(step)
        hand.settle()
        picture = (
            window.grab(QRect(0, 0, window.width(), window.statusBar().y()))
            .toImage()
            .convertToFormat(QImage.Format.Format_RGB888)
        )
        small = picture.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        rows = np.frombuffer(small.constBits(), np.uint8).reshape(small.height(), small.bytesPerLine())
        shown.append(rows[:, : 3 * width].reshape(height, width, 3).astype(int))
    for step, frame in enumerate(frames):
        differences = [np.abs(frame - other).mean() for other in shown]
        assert int(np.argmin(differences)) == step, differences


def test_a_film_of_the_window_as_mp4(filmed: Hand, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    file = tmp_path / "window.mp4"
    assert ended(filmed, file) == str(file)
    with av.open(str(file)) as film:
        count = sum(1 for _ in film.decode(video=0))
    assert count == 4 * films.stay(4) + int(films.HELD_SECONDS * films.FRAMES_PER_SECOND)


def test_a_film_is_stopped_with_the_button(filmed: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand, file = filmed, tmp_path / "window.gif"
    monkeypatch.setattr(WindowFilm, "_give", lambda *_: None)  # as if the disk were slow
    hand.window.pictures.save_film(str(file))
    cancel = hand.find(QPushButton, "cancelButton")
    assert cancel.isVisible()
    assert hand.status == "Film of the window: 0 of 4"
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert not hand.find(WindowFilm).running
    assert hand.status == "Not saved."
    assert list(tmp_path.iterdir()) == []
    assert not cancel.isVisible()


def test_a_film_that_cannot_be_written_is_told_of(filmed: Hand, tmp_path: Path) -> None:
    assert ended(filmed, tmp_path / "absent" / "window.gif") == ""
    assert "no such folder" in filmed.banner.text()


def test_saving_is_stopped_with_the_button(filmed: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand, file = filmed, tmp_path / "run.npz"
    file.write_bytes(b"old")

    def for_ever(material: Any, out: Any) -> Iterator[Any]:
        while True:
            out.write(b"new")
            yield progress(1, 2, "numbers")

    monkeypatch.setitem(saving.WRITERS, ".npz", for_ever)
    hand.session.save(str(file))
    cancel = hand.find(QPushButton, "cancelButton")
    hand.until(cancel.isVisible)
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    hand.settle()
    assert hand.status == "Not saved."
    hand.until(lambda: list(tmp_path.iterdir()) == [file])
    assert file.read_bytes() == b"old"
