"""What an import brings with it. (What may import what is checked by import-linter, in `make check`.)"""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        # A wrong path or --help must answer at once.
        ("explorer.cli", {"torch", "diffusers", "transformers", "scipy", "PySide6", "pyqtgraph"}),
        # The window opens before torch has loaded.
        ("explorer.ui.window", {"torch", "diffusers", "transformers", "scipy"}),
        ("explorer.state", {"torch", "diffusers", "PySide6", "pyqtgraph"}),
    ],
)
def test_import_is_light(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not unwanted & set(run.stdout.split())
