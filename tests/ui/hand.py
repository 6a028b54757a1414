"""A hand that works the window as a person does: with mouse and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDoubleSpinBox, QLabel, QSpinBox
from pytestqt.qtbot import QtBot

from explorer.ui.banner import ErrorBanner
from explorer.ui.curves import Curves
from explorer.ui.filmstrip import Filmstrip
from explorer.ui.session import Session
from explorer.ui.tiles import Tiles
from explorer.ui.time_plot import TimePlot
from explorer.ui.time_slider import TimeSlider
from explorer.ui.window import MainWindow

PATIENCE_MS = 60_000
"""Not a measure of speed: the machine that runs the tests may be busy with other things."""
Arrays = dict[str, NDArray[np.float32]]
W = TypeVar("W", bound=QObject)


class Hand:
    """Works a MainWindow. `frames` holds what the tiles showed at each Seen that was drawn, copied."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot = qtbot
        self.window = window
        self.frames: list[tuple[Any, Arrays]] = []
        self.sentences: list[str] = []
        window.session.seen.connect(self._keep)
        window.session.failed.connect(self.sentences.append)

    def let_go(self) -> None:
        """Look no longer at what the window does."""
        self.session.seen.disconnect(self._keep)
        self.session.failed.disconnect(self.sentences.append)

    def _keep(self, seen: Any) -> None:
        self.frames.append((seen, self.shown()))

    # Finding

    @property
    def session(self) -> Session:
        return self.window.session

    def find(self, kind: type[W], name: str = "") -> W:
        """The one child of a type and object name; unlike findChild, never None."""
        children = self.window.findChildren(kind, name) if name else self.window.findChildren(kind)
        assert len(children) == 1, f"{len(children)} of {kind.__name__} {name!r}"
        return children[0]

    def spin(self, name: str) -> QSpinBox:
        return self.find(QSpinBox, name)

    def decimal(self, name: str) -> QDoubleSpinBox:
        return self.find(QDoubleSpinBox, name)

    def combo(self, name: str) -> QComboBox:
        return self.find(QComboBox, name)

    def button(self, name: str) -> QAbstractButton:
        return self.find(QAbstractButton, name)

    @property
    def slider(self) -> TimeSlider:
        return self.find(TimeSlider, "timestepSlider")

    @property
    def banner(self) -> ErrorBanner:
        return self.find(ErrorBanner, "errorBanner")

    @property
    def status(self) -> str:
        return self.find(QLabel, "statusMessage").text()

    @property
    def strip(self) -> Filmstrip:
        return self.find(Filmstrip, "filmstrip")

    def plot(self, name: str) -> TimePlot:
        """`schedulePlot`, `snrPlot` or `statisticsPlot` with its cursor and title."""
        curves = self.find(Curves)
        return next(p for p in (curves.schedule, curves.snr, curves.statistics) if p.plot.objectName() == name)

    def cursor(self, name: str) -> int:
        """Where a plot's cursor is."""
        return self.plot(name).time()

    def data(self, lens: str) -> NDArray[np.float32]:
        """A copy of what a tile shows."""
        return self.window.tile(lens).data().copy()

    def shown(self) -> Arrays:
        return {lens: self.data(lens) for lens in self.find(Tiles).names()}

    # Waiting

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=PATIENCE_MS)

    def settle(self) -> None:
        """Wait until everything asked for is on show."""
        self.until(lambda: not self.window.busy)

    # Acting

    def click(self, name: str) -> None:
        button = self.button(name)
        assert button.isEnabled(), f"{name} is disabled"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def key(
        self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, window: object = None
    ) -> None:
        """Press and release a key as the window system reports it: Qt finds the focused widget or the shortcut."""
        target = window or self.window.windowHandle()
        assert isinstance(target, QWindow)
        QTest.keyClick(target, key, modifier)

    def type_into(self, spin: QSpinBox | QDoubleSpinBox, text: str) -> None:
        """Replace the number in a spin box by typing, and press Return."""
        assert spin.isEnabled(), f"{spin.objectName()} is disabled"
        spin.setFocus()
        spin.selectAll()
        QTest.keyClicks(spin, text)
        QTest.keyClick(spin, Qt.Key.Key_Return)

    def choose(self, combo: QComboBox, data: object) -> None:
        """Go through a closed list with the arrow keys until the entry of this data is reached."""
        assert combo.isEnabled(), f"{combo.objectName()} is disabled"
        wanted = combo.findData(data)
        assert wanted >= 0, data
        combo.setFocus()
        while combo.currentIndex() != wanted:
            step = Qt.Key.Key_Down if combo.currentIndex() < wanted else Qt.Key.Key_Up
            QTest.keyClick(combo, step)

    def reverse(self) -> None:
        """Follow a reverse run, and see x_T."""
        self.choose(self.combo("sourceCombo"), "reverse")
        self.settle()

    def play_to_end(self) -> None:
        self.click("playButton")
        self.until(lambda: not self.session.playing and not self.window.busy)

    def place(self, t: int) -> QPoint:
        """Where t is on the slider."""
        return QPoint(round(self.slider.x_of(t)), 14)

    def drag_slider(self, *times: int) -> None:
        """Press at the first time, move over the others, release."""
        QTest.mousePress(self.slider, Qt.MouseButton.LeftButton, pos=self.place(times[0]))
        for t in times[1:]:
            QTest.mouseMove(self.slider, self.place(t))
        QTest.mouseRelease(self.slider, Qt.MouseButton.LeftButton, pos=self.place(times[-1]))

    def drop(self, *paths: Path | str, text: str = "") -> tuple[bool, bool]:
        """Drop files on the window; whether it accepted the drag, and the drop."""
        mime = QMimeData()
        if paths:
            mime.setUrls([QUrl(path) if isinstance(path, str) else QUrl.fromLocalFile(str(path)) for path in paths])
        if text:
            mime.setText(text)
        middle, copy = self.window.rect().center(), Qt.DropAction.CopyAction
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(middle, copy, mime, left, none)
        enter.ignore()
        QApplication.sendEvent(self.window, enter)
        if not enter.isAccepted():
            return False, False
        drop = QDropEvent(QPointF(middle), copy, mime, left, none)
        drop.ignore()
        QApplication.sendEvent(self.window, drop)
        return True, drop.isAccepted()


MakeHand = Callable[..., Hand]
