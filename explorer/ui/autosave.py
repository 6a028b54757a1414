"""The last second's work, should the program be killed: a small session file, written while one works.

Each running program has a slot of its own in the user's data folder. A file that is found in a free slot was left by
a program that did not end as it should have; it is kept aside until the user has decided about it. So are the runs of
a model when another is opened, or the program ends: the last few can be opened again.
"""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QStandardPaths, QTimer

from explorer.engine.sharing.files import forget_parts
from explorer.ui.session import SESSION_ENDING, Session

EVERY_MS = 700
"""With the time of writing, less than a second."""
SLOTS = 8
KEPT = 10
"""How many models' runs are kept aside; the guided tour alone goes from model to model."""


def folder() -> Path:
    """Where the files lie."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)) / (
        "diffusion-explorer"
    )


class Autosave(QObject):
    """Writes when something has changed. left: what a program left that was killed, None for nothing."""

    def __init__(self, session: Session, where: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._lock: QLockFile | None
        self._file = Path()
        self.left: Path | None = None
        self._aside = Path()
        self._has_runs = False
        """Whether the file holds what took the user a while."""
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self._write)
        self._find_slot(where or folder())
        if self._lock is not None:
            session.stateChanged.connect(self._soon)
            session.runChanged.connect(self._soon)
            session.opened.connect(self._set_aside)

    def before(self) -> list[Path]:
        """The runs that were set aside, the last ones first."""
        return sorted(self._aside.glob(f"*{SESSION_ENDING}"), reverse=True)

    def forget_left(self) -> None:
        """The user does not want it, or has it."""
        if self.left is not None:
            self.left.unlink(missing_ok=True)
            self.left = None

    def close(self) -> None:
        """The program ends as it should: nothing is left to be restored."""
        self._timer.stop()
        if self._lock is not None:
            self._set_aside()
            self._file.unlink(missing_ok=True)
            self._lock.unlock()
            self._lock = None

    def _find_slot(self, where: Path) -> None:
        """Without a folder to write to, the program goes on without."""
        self._lock = None
        try:
            where.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        for number in range(SLOTS):
            lock = QLockFile(str(where / f"{number}.lock"))
            lock.setStaleLockTime(0)  # held as long as its program runs
            if lock.tryLock(0):
                self._lock = lock
                self._file = where / f"{number}{SESSION_ENDING}"
                self._aside = where / f"{number}.before"
                last = where / f"{number}.last{SESSION_ENDING}"
                forget_parts(self._file)
                if self._file.exists():
                    self._file.replace(last)
                self.left = last if last.exists() else None
                return

    def _set_aside(self) -> None:
        """The runs will not be on show any longer."""
        if self._has_runs and self._file.exists():
            self._aside.mkdir(exist_ok=True)
            self._file.replace(self._aside / f"{time.time_ns()}{SESSION_ENDING}")
            for old in self.before()[KEPT:]:
                old.unlink(missing_ok=True)
        self._has_runs = False

    def _soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _write(self) -> None:
        if self._lock is not None:
            self._has_runs = any(run.made > 1 for run in self._session.family)
            self._session.autosave(str(self._file))
