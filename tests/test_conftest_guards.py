"""The guards of conftest.py and of pytest's settings: they fail what they should, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).resolve().parent.parent

TIDY = """
import os
import subprocess
import sys
import threading
import types

import pytest
from PySide6.QtCore import QRunnable, QSettings, QStandardPaths, QThread, QThreadPool, qWarning
from PySide6.QtWidgets import QComboBox, QMenu, QPushButton, QWidget

USERS = os.path.dirname(os.environ["XDG_CONFIG_HOME"].rstrip("/0123456789"))

@pytest.fixture
def closed_late():
    widget = QWidget()
    yield widget
    widget.close()

@pytest.fixture(scope="module")
def shared_window(qapp):
    return QWidget()

@pytest.fixture(scope="module")
def shared_thread():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield thread
    end.set()
    thread.join()

def test_widget_of_qtbot(qtbot):
    widget = QWidget()
    QMenu(widget)
    combo = QComboBox(widget)
    combo.addItems(["a", "b"])
    qtbot.addWidget(widget)
    widget.show()
    combo.showPopup()
    widget.raise_()

def test_widget_of_fixture(qapp, closed_late):
    closed_late.show()

def test_widget_in_a_cycle(qapp):
    widget = QWidget()
    widget.me = widget
    widget.show()
    widget.close()

def test_shared(shared_window, shared_thread):
    shared_window.show()

def test_ended_threads(qapp):
    threading.Thread(target=lambda: None).start()
    class Short(QThread):
        def run(self):
            threading.current_thread()
    short = Short()
    short.start()
    QThreadPool.globalInstance().start(lambda: None)

def test_settings_are_of_the_test():
    settings = QSettings("someone", "something")
    assert "explorer-tests-" in settings.fileName()
    assert settings.value("seen") is None
    settings.setValue("seen", 1)
    settings.sync()

def test_settings_are_not_of_the_test_before():
    test_settings_are_of_the_test()
    kinds = QStandardPaths.StandardLocation
    for kind in kinds.AppDataLocation, kinds.AppConfigLocation, kinds.CacheLocation, kinds.GenericDataLocation:
        assert "explorer-tests-" in QStandardPaths.writableLocation(kind)

def test_torch_is_not_imported():
    assert "torch" not in sys.modules

@pytest.mark.cuda
def test_cuda():
    raise AssertionError

def test_subprocess_has_the_folders():
    code = "import os; print(os.environ['XDG_CONFIG_HOME'], os.environ['QT_QPA_PLATFORM'])"
    assert "explorer-tests-" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
"""

UNTIDY = """
import threading
import time
import warnings

import pytest
from PySide6.QtCore import QThread, QThreadPool, qWarning
from PySide6.QtWidgets import QWidget

kept = []
end = threading.Event()

def test_window(qapp):
    widget = QWidget()
    widget.setObjectName("lost")
    kept.append(widget)

def test_thread():
    threading.Thread(target=end.wait, name="endless", daemon=True).start()

def test_qthread(qapp):
    thread = QThread()
    thread.setObjectName("spinning")
    thread.start()

def test_pool(qapp):
    QThreadPool.globalInstance().start(lambda: end.wait(1))

def test_warning():
    warnings.warn("old-fashioned", DeprecationWarning)

def test_unclosed_file():
    open(__file__)

def test_thread_that_raises():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

def test_qt_message():
    qWarning("unexpected")

@pytest.mark.xfail
def test_unexpected_pass():
    pass
"""

UNKNOWN_MARKER = """
import pytest

@pytest.mark.cuuda
def test_misspelt():
    pass
"""


def test_guards_fail_untidy_tests_only(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    conftest = (PROJECT / "tests" / "conftest.py").read_text(encoding="utf-8")
    files = {
        "pyproject.toml": (PROJECT / "pyproject.toml").read_text(encoding="utf-8"),
        # Stands in for torch: the real one takes seconds to import.
        "torch.py": "class cuda:\n    is_available = staticmethod(lambda: False)\ndef set_num_threads(n): pass\n",
        "tests/conftest.py": conftest.replace("GRACE_SECONDS = 2.0", "GRACE_SECONDS = 0.5"),
        "tests/test_tidy.py": TIDY,
        "tests/test_untidy.py": UNTIDY,
        "tests/test_unknown_marker.py": UNKNOWN_MARKER,
    }
    pytester.mkdir("tests")
    for name, content in files.items():
        (pytester.path / name).write_text(content, encoding="utf-8")
    monkeypatch.setenv("COLUMNS", "200")
    result = pytester.runpytest_subprocess("--continue-on-collection-errors", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines_random(
        [
            "ERROR tests/test_untidy.py::test_window - *left behind: window QWidget 'lost'",
            "ERROR tests/test_untidy.py::test_thread - *left behind: thread endless",
            "ERROR tests/test_untidy.py::test_qthread - *left behind: QThread QThread 'spinning'",
            "ERROR tests/test_untidy.py::test_pool - *left behind: QThread of the global pool",
            "FAILED tests/test_untidy.py::test_warning - DeprecationWarning: old-fashioned",
            "FAILED tests/test_untidy.py::test_unclosed_file - *PytestUnraisableExceptionWarning*",
            "FAILED tests/test_untidy.py::test_thread_that_raises - *PytestUnhandledThreadExceptionWarning*",
            "FAILED tests/test_untidy.py::test_qt_message",
            "FAILED tests/test_untidy.py::test_unexpected_pass - *XPASS(strict)*",
            "ERROR tests/test_unknown_marker.py - *'cuuda' not found in `markers`*",
            "SKIPPED * needs a CUDA GPU",
        ]
    )
    assert "test_tidy.py::" not in result.stdout.str()
    result.assert_outcomes(passed=13, failed=5, errors=5, skipped=1)
