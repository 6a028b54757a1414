"""One window for many tests, and how it becomes as good as new."""

from __future__ import annotations

import time
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox

from explorer.state import State
from explorer.ui import theme
from explorer.ui.banner import ErrorBanner
from explorer.ui.window import MainWindow
from tests.ui.hand import PATIENCE_MS


def wait_for(window: MainWindow) -> None:
    """Until everything asked for is on show, where no qtbot is at hand."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while window.busy:
        assert time.monotonic() < deadline, "the window stays busy"
        QTest.qWait(1)


def let_go(*windows: MainWindow) -> None:
    """Close and delete. Were they there when a test is over, a hunt for reference cycles would follow."""
    for window in windows:
        for plot in window.findChildren(pg.PlotWidget):
            plot.getPlotItem().ctrlMenu.deleteLater()  # pyqtgraph gives it no parent to be deleted with
        window.close()
        window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


class SharedWindow:
    """One window for all tests that leave it usable: a new one takes two seconds of work.

    It goes when a module has no use for it, lest it takes the keyboard from other widgets.
    """

    def __init__(self) -> None:
        self._window: MainWindow | None = None
        self._user = ""

    def get(self, module: str, path: Path) -> MainWindow:
        """For all tests of a module. path: what a new one opens."""
        self._user = module
        if self._window is None:
            self._window = MainWindow(str(path))
            self._window.show()
            wait_for(self._window)
        return self._window

    def leave_to(self, module: str) -> None:
        """Gone, unless it is this module's own."""
        if self._window is not None and self._user != module:
            let_go(self._window)
            self._window = None


def as_new(window: MainWindow, path: Path) -> None:
    """Bring a window into the state in which it opens a model."""
    session = window.session
    session.pause()
    session.compare_model(None)
    if theme.current().name != "dark":
        window.look.toggle_theme()
    window.resize(1360, 840)
    window.look.reset_zoom()
    for name in ("loopButton", "reversePlayButton"):
        window.findChild(QAbstractButton, name).setChecked(False)  # type: ignore[union-attr]
    window.findChild(ErrorBanner, "errorBanner").clear()  # type: ignore[union-attr]
    for name in ("speedCombo", "scaleCombo"):
        combo = window.findChild(QComboBox, name)
        assert isinstance(combo, QComboBox)
        combo.setCurrentIndex(combo.findText("Full speed") if name == "speedCombo" else 0)
    facts = session.facts
    if facts is None or facts.path != str(path) or not window.tile("x_t").isVisible():
        window.open(str(path))
        wait_for(window)
        facts = session.facts
        assert facts is not None
    image = facts.kind == "image"
    first = State(
        model=facts.path,
        t=round(0.4 * facts.T),
        count=1 if image else facts.sample_count,
        guidance_scale=2.0 if facts.guidable else 1.0,
        steps=min(50, facts.T),
    )
    session.change(t=0, source="forward", sampler=first.sampler)
    session.change(**{name: value for name, value in vars(first).items() if name not in ("model", "device")})
    wait_for(window)
    session.forget_runs()
    assert window.state == first
    window.activateWindow()
    if (focus := QApplication.focusWidget()) is not None:
        focus.clearFocus()
