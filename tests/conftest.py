"""What every test gets: no screen, one thread, folders of its own, and a look at what it left behind.

None of it imports torch or Qt for a test that does not (pytest-qt loads Qt, but not the program).
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

GRACE_SECONDS = 2.0
"""How long a thread may take to end after its test."""

_USERS = Path(tempfile.mkdtemp(prefix="explorer-tests-"))
_user_numbers = itertools.count()
_started: list[Any] = []  # QThreads
_modules_frozen = [0]


def _become_new_user() -> Path:
    """Point every user folder at one that does not exist yet. Subprocesses inherit that."""
    home = _USERS / str(next(_user_numbers))
    folders = {"CONFIG": "config", "DATA": "data", "CACHE": "cache", "STATE": "state"}
    os.environ.update({f"XDG_{name}_HOME": str(home / folder) for name, folder in folders.items()})
    return home


os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["LC_ALL"] = "C.UTF-8"  # Numbers are read and written with a point; Qt warns of any other encoding.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["XDG_RUNTIME_DIR"] = str(_USERS)
_become_new_user()


def pytest_collection_finish() -> None:
    _freeze()


def _freeze() -> None:
    """Take what has been imported out of every later hunt for reference cycles: with torch, diffusers and Qt there it
    is most of what there is, and takes most of the time."""
    if len(sys.modules) > _modules_frozen[-1] + 100:
        gc.collect()
        gc.freeze()
        _modules_frozen.append(len(sys.modules))


def pytest_unconfigure() -> None:
    shutil.rmtree(_USERS, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA GPU")


@pytest.fixture(autouse=True)
def own_folders() -> Path:
    """The new user's home that this test's settings, data and caches lie in."""
    home = _become_new_user()
    if "PySide6.QtCore" in sys.modules:
        from PySide6.QtCore import QSettings, QStandardPaths

        for format in QSettings.Format.NativeFormat, QSettings.Format.IniFormat:
            for scope in QSettings.Scope.UserScope, QSettings.Scope.SystemScope:
                QSettings.setPath(format, scope, str(home / "config"))
        # Where the XDG variables mean nothing, this is the next best; where they do, it would override them.
        QStandardPaths.setTestModeEnabled(sys.platform in ("darwin", "win32"))
    return home


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """Undo what an earlier test set; OMP_NUM_THREADS already says 1 to a torch that is yet to be imported."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest, own_folders: Path) -> Iterator[None]:
    """Fail a test that leaves a window or a running thread.

    It is set up before the test's own fixtures, so it looks after they have cleaned up, which is also after
    pytest-qt has closed the widgets given to qtbot.
    """
    _freeze()
    _record_started_qthreads()
    threads_before = set(threading.enumerate())
    qthreads_before = [thread for thread in _started if _runs(thread)]
    windows_before = {address for address, _ in _windows()}
    yield
    request.node.funcargs.clear()  # or a window that a fixture has closed would live on in there
    left = [f"window {name}" for name in _windows_left(windows_before)]
    left += [f"thread {thread.name}" for thread in _threads_left(threads_before)]
    left += [f"QThread {name}" for name in _qthreads_left(qthreads_before)]
    if left:
        pytest.fail("the test left behind: " + ", ".join(left), pytrace=False)


def _windows() -> list[tuple[int, str]]:
    """(address, name) of all windows but those that a widget owns or that Qt keeps for itself."""
    if "PySide6.QtWidgets" not in sys.modules:
        return []
    import shiboken6
    from PySide6.QtWidgets import QApplication

    if not isinstance(QApplication.instance(), QApplication):
        return []
    return [
        (shiboken6.getCppPointer(widget)[0], f"{type(widget).__name__} {widget.objectName()!r}")
        for widget in QApplication.topLevelWidgets()
        if widget.parent() is None and widget.metaObject().className() != "QTipLabel"  # the one of all tool tips
    ]


def _windows_left(before: set[int]) -> list[str]:
    if all(address in before for address, _ in _windows()):
        return []
    from PySide6.QtCore import QCoreApplication, QEvent

    # First those that wait to be deleted, which takes no hunt for reference cycles; then those that wait in one;
    # then what the deleted ones held, which may be in a cycle of its own.
    for collects in False, True, True:
        if collects:
            gc.collect()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        left = [name for address, name in _windows() if address not in before]
        if not left:
            break
    return left


def _threads_left(before: set[threading.Thread]) -> list[threading.Thread]:
    deadline = time.monotonic() + GRACE_SECONDS
    left = []
    for thread in set(threading.enumerate()) - before:
        # A foreign thread that once ran Python, a QThread for one, has a dummy that outlives it.
        if not isinstance(thread, threading._DummyThread):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                left.append(thread)
    return left


def _record_started_qthreads() -> None:
    """Qt keeps no list of its threads, and looking for them among all Python objects takes too long."""
    if "PySide6.QtCore" not in sys.modules:
        return
    from PySide6.QtCore import QThread

    start = QThread.start
    if start.__name__ == "recorded_start":
        return

    def recorded_start(thread: QThread, *args: Any) -> None:
        _started.append(thread)
        start(thread, *args)

    QThread.start = recorded_start  # type: ignore[method-assign, assignment]


def _runs(qthread: Any) -> bool:
    import shiboken6

    return shiboken6.isValid(qthread) and qthread.isRunning()


def _qthreads_left(before: list[Any]) -> list[str]:
    if "PySide6.QtCore" not in sys.modules:
        return []
    from PySide6.QtCore import QDeadlineTimer, QThreadPool

    deadline = QDeadlineTimer(int(1000 * GRACE_SECONDS))
    new = [thread for thread in _started if _runs(thread) and not any(thread is old for old in before)]
    left = [thread for thread in new if not thread.wait(deadline)]
    names = [f"{type(thread).__name__} {thread.objectName()!r}" for thread in left]
    for thread in left:
        thread.quit()
    _started[:] = [thread for thread in _started if _runs(thread)]
    if not QThreadPool.globalInstance().waitForDone(deadline):
        names.append("of the global pool")
    return names
