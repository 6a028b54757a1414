"""How long until the window is painted, and until a command line without work to do has answered."""

from __future__ import annotations

import subprocess
import sys
import time

from explorer.bench import Row
from explorer.paths import CHECKPOINTS

REPEATS = 5

PAINTED = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
app = QApplication([])
from explorer.ui.window import MainWindow
window = MainWindow(sys.argv[1])
window.show()
window.repaint()
print(time.time(), "torch" in sys.modules, flush=True)
"""


def measure() -> list[Row]:
    painted, torch_loaded = [], False
    for _ in range(REPEATS):
        begin = time.time()
        command = [sys.executable, "-c", PAINTED, str(CHECKPOINTS / "digits")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        at, loaded = done.stdout.split()
        painted.append(float(at) - begin)
        torch_loaded |= loaded == "True"
    return [
        Row("window painted", sorted(painted)[REPEATS // 2], "s", 1.5, f"torch imported: {torch_loaded}"),
        Row("--help", _command("--help"), "s", 0.4),
        Row("a missing path", _command("/nowhere/at/all"), "s", 0.4),
        Row("python -c pass, for comparison", _seconds([sys.executable, "-c", "pass"]), "s"),
    ]


def _command(*arguments: str) -> float:
    return _seconds([sys.executable, "-m", "explorer.cli", *arguments])


def _seconds(command: list[str]) -> float:
    """The median time of a command."""
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        times.append(time.perf_counter() - begin)
    return sorted(times)[REPEATS // 2]
