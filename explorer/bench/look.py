"""Dragging the slider: from the new value to the painted tiles; and whether the window stays awake while a sampler
runs. The network's own time is taken in the same run, alone and in the same thread setting: the drag is made in
pieces, and the network is asked between them, since a machine's pace changes from one second to the next. The 95th
percentile of one is compared with that of the other: what slows a machine for a moment slows both."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QSlider

from explorer.bench import Row, percentile
from explorer.engine.frame import Seen
from explorer.paths import CHECKPOINTS
from explorer.ui.picture_view import PictureView
from explorer.ui.window import MainWindow

PIECES = 10
DRAG_SECONDS = 1.0
"""Of each piece."""
CALLS_BETWEEN = 12
"""Calls of the network alone before each piece, of which the first two do not count."""
EVENTS_PER_SECOND = 60


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder
        app = QApplication.instance() or QApplication([])
        assert isinstance(app, QApplication)
        window = MainWindow(str(CHECKPOINTS / "digits"))
        window.resize(1440, 900)
        window.show()
        _wait(app, lambda: not window.busy)
        network_alone = _network_alone()
        own: list[float] = []
        latencies: list[float] = []
        in_drag: list[float] = []
        for _ in range(PIECES):
            own += network_alone()
            _drag(app, window, latencies, in_drag)
        gap = _longest_gap(app, window)
        window.close()
    rows = [Row("network during the drag, median", 1000 * percentile(in_drag, 0.5), "ms")]
    for name, share in (("median", 0.5), ("p95", 0.95)):
        network = 1000 * percentile(own, share)
        rows += [
            Row(f"network alone, {name}", network, "ms"),
            Row(
                f"slider to painted tiles, {name}",
                1000 * percentile(latencies, share),
                "ms",
                1.25 * network + 8,
                f"limit: 1.25 × network alone, {name}, + 8 ms",
            ),
        ]
    return [
        *rows,
        Row(
            "pictures painted",
            len(latencies) / (PIECES * DRAG_SECONDS),
            "1/s",
            None,
            f"of {EVENTS_PER_SECOND} events/s",
        ),
        Row("longest gap of the event loop while a sampler runs", 1000 * gap, "ms", 20.0),
    ]


class _Painted(QObject):
    """Notes when the last tile has been painted with the newest answer."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self.asked: dict[int, float] = {}
        self.latencies: list[float] = []
        self.network: list[float] = []
        self._arrived: int | None = None
        window.session.seen.connect(self._seen)
        self._view = window.tile("score").findChildren(PictureView)[0]
        self._view.installEventFilter(self)

    def _seen(self, seen: Seen) -> None:
        self._arrived = seen.t
        self.network.append(seen.network_seconds)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._arrived is not None:
            QTimer.singleShot(0, self._done)
        return False

    def _done(self) -> None:
        if self._arrived is not None and self._arrived in self.asked:
            self.latencies.append(time.perf_counter() - self.asked.pop(self._arrived))
        self._arrived = None


def _drag(app: QApplication, window: MainWindow, latencies: list[float], in_drag: list[float]) -> None:
    """Appends the latencies of the pictures painted, and the network's time in each."""
    slider = window.findChild(QSlider, "timestepSlider")
    assert isinstance(slider, QSlider)
    painted = _Painted(window)
    loop = QEventLoop()
    times = itertools.count()

    def move() -> None:
        t = 60 + (next(times) * 7) % 900
        painted.asked[t] = time.perf_counter()
        slider.setValue(t)

    mouse = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=round(1000 / EVENTS_PER_SECOND))
    mouse.timeout.connect(move)
    mouse.start()
    QTimer.singleShot(round(1000 * DRAG_SECONDS), loop.quit)
    loop.exec()
    mouse.stop()
    _wait(app, lambda: not window.busy)
    painted.deleteLater()
    latencies += painted.latencies
    in_drag += painted.network


def _longest_gap(app: QApplication, window: MainWindow) -> float:
    """Seconds between two turns of the event loop, at most, during a run of DDIM-50."""
    ticks: list[float] = []
    timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=1)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    window.session.change(source="reverse")
    _wait(app, lambda: not window.busy)
    loop = QEventLoop()
    window.busyChanged.connect(lambda busy: None if busy else loop.quit())
    timer.start()
    window.session.play()
    loop.exec()
    timer.stop()
    return max(later - earlier for earlier, later in itertools.pairwise(ticks))


def _network_alone() -> Callable[[], list[float]]:
    """Measures the network's own time for one picture, without a window's work beside it."""
    import torch

    from explorer.engine.device import choose
    from explorer.formats.registry import load

    model = load(CHECKPOINTS / "digits", choose("auto"))
    x = torch.zeros(1, *model.facts.shape, device=model.device)

    def measure() -> list[float]:
        times = []
        with torch.inference_mode():
            for i in range(CALLS_BETWEEN):
                begin = time.perf_counter()
                model.denoiser(x, 100 + i)
                times.append(time.perf_counter() - begin)
        return times[2:]

    return measure


def _wait(app: QApplication, until: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 2)
        time.sleep(0.0002)
