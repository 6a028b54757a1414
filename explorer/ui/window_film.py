"""A film of the whole window as it goes through the run on show.

Step after step is shown, and when its pictures are there the window is painted once more, into memory. The pictures are
made into a film in a thread of their own; where that is slower than the painting, the next step waits for it, and the
window stays awake all the while.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMainWindow

from explorer.engine.frame import Seen
from explorer.ui.session import Session
from explorer.ui.status_line import StatusLine

if TYPE_CHECKING:
    from explorer.ui.runs import RunRecord

Picture = NDArray[np.uint8]
MAX_FRAMES = {".mp4": 1200, ".gif": 120}
"""Of a longer run, evenly chosen steps."""
GIF_WIDTH = 960
"""Pixels at most: a .gif of a whole screen would be too large to send to anybody."""
WAITING = 3
"""Pictures that may wait for the film."""
LOOKS_AGAIN_MS = 15


class _StoppedError(Exception):
    """The film is not wanted any more."""


class _Writer(threading.Thread):
    """Makes a film of `count` pictures that are put into the queue; None ends it. error: what went wrong, or None."""

    def __init__(self, path: str, count: int) -> None:
        super().__init__(name="film")
        self._count = count
        self.pictures: queue.Queue[Picture | None] = queue.Queue(WAITING)
        self.error: Exception | None = None
        self.stopped = False
        self._path = path

    def run(self) -> None:
        from explorer.engine.sharing.films import write_pictures  # by now PyTorch is there; it would take seconds

        try:
            write_pictures(self._path, self._given(), self._count)
        except Exception as error:  # noqa: BLE001 — whatever goes wrong with a file, the window says so and goes on
            self.error = error

    def _given(self) -> Iterator[Picture]:
        while True:
            try:
                picture = self.pictures.get(timeout=0.05)
            except queue.Empty:
                picture = None
                if not self.stopped:
                    continue
            if self.stopped:
                raise _StoppedError
            if picture is None:
                return
            yield picture


class WindowFilm(QObject):
    """Films a window. ended: with the file's path, "" where it was stopped or went wrong."""

    ended = Signal(str)

    def __init__(self, window: QMainWindow, session: Session, status: StatusLine) -> None:
        super().__init__(window)
        self._window, self._session, self._status = window, session, status
        self._writer: _Writer | None = None
        self._run: RunRecord | None = None
        self._path = ""
        self._steps: list[int] = []
        self._done = 0
        self._asked = False
        """The step's pictures are on their way."""
        self._picture: Picture | None = None
        self._timer = QTimer(self, interval=LOOKS_AGAIN_MS)
        self._timer.timeout.connect(self._go_on)
        session.seen.connect(self._take)
        status.cancelClicked.connect(self.stop)

    @property
    def running(self) -> bool:
        return self._writer is not None

    def start(self, path: str) -> None:
        """Film the run on show from its first step to its last. Nothing happens without one."""
        run = self._session.run
        if self.running or run is None or not run.made:
            return
        most = MAX_FRAMES[".gif" if path.lower().endswith(".gif") else ".mp4"]
        chosen = np.linspace(0, run.made - 1, min(run.made, most)).round().astype(int)
        self._path, self._run, self._steps, self._done = path, run, chosen.tolist(), 0
        self._asked, self._picture = False, None
        self._session.pause()
        self._writer = _Writer(path, len(self._steps))
        self._writer.start()
        self._tell()
        self._timer.start()

    def stop(self) -> None:
        """Forget the film; what was there before stays."""
        if self._writer is None:
            return
        writer = self._end()
        writer.stopped = True
        writer.join()
        self._status.say("Not saved.")
        self.ended.emit("")

    def _go_on(self) -> None:
        """One thing after the other, as soon as it is possible."""
        writer = self._writer
        assert writer is not None
        if not writer.is_alive():
            self._finish(self._end())
        elif self._session.run is not self._run:
            self.stop()  # the user has gone on to something else
        elif self._picture is not None:
            self._give(writer, self._picture)
        elif self._done == len(self._steps):
            try:
                writer.pictures.put_nowait(None)
            except queue.Full:
                return
            self._done += 1  # it is being finished
        elif self._done < len(self._steps) and not self._asked:
            step = self._steps[self._done]
            if self._session.state.step == step and not self._session.busy:
                self._picture = self._painted()
            elif self._session.state.step != step:
                self._asked = True
                self._session.set_step(step)

    def _take(self, seen: Seen) -> None:
        """Pictures are there; those of the step that was asked for are painted when all else has been told of them."""
        if self._asked and self._run is not None and (seen.run, seen.step) == (self._run.number, self._wanted):
            self._asked = False

    @property
    def _wanted(self) -> int:
        return self._steps[self._done]

    def _give(self, writer: _Writer, picture: Picture) -> None:
        try:
            writer.pictures.put_nowait(picture)
        except queue.Full:
            return
        self._picture = None
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        self._status.set_part(self._done / len(self._steps))
        self._status.say(f"Film of the window: {self._done} of {len(self._steps)}")

    def _painted(self) -> Picture:
        """The window down to its status line, which tells of the film."""
        area = self._window.rect()
        area.setBottom(self._window.statusBar().y() - 1)
        image = self._window.grab(area).toImage()
        if self._path.lower().endswith(".gif") and image.width() > GIF_WIDTH:
            image = image.scaledToWidth(GIF_WIDTH, Qt.TransformationMode.SmoothTransformation)
        image = image.convertToFormat(QImage.Format.Format_RGB888)
        rows: NDArray[Any] = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        picture: Picture = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
        return picture

    def _end(self) -> _Writer:
        writer, self._writer = self._writer, None
        assert writer is not None
        self._timer.stop()
        self._picture = self._run = None
        self._status.set_part(None)
        return writer

    def _finish(self, writer: _Writer) -> None:
        if writer.error is not None:
            self._status.say("")
            self._session.failed.emit(str(writer.error))
            self.ended.emit("")
        else:
            self._status.say(f"Saved to {self._path}.")
            self.ended.emit(self._path)
