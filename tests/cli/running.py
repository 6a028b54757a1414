"""Running the command line, in this process or as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.cli import main


def arrays(out: Path) -> dict[str, NDArray[Any]]:
    with np.load(out) as data:
        return dict(data)


def run(*arguments: object) -> None:
    assert main([str(argument) for argument in arguments]) == 0


Refuse = Callable[..., str]


def command(*arguments: object, imports: bool = False) -> subprocess.CompletedProcess[str]:
    """The command line as a program of its own; with imports, its stderr lists what it imported."""
    flags = ["-X", "importtime"] if imports else []
    line = [sys.executable, *flags, "-m", "explorer.cli", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
