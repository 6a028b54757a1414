"""What this machine has: devices, versions, and system libraries that Qt would miss. Imports no Qt."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from importlib import metadata
from typing import Any

from explorer import __version__

PACKAGES = ("torch", "PySide6-Essentials", "pyqtgraph", "numpy", "pillow", "safetensors", "diffusers", "cmap", "av")

LINUX_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""What every Qt window needs, and the Debian package that has it."""

XCB_LIBRARIES = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
"""What a window under X11 needs as well."""


def missing_libraries() -> str:
    """The missing libraries with the command that installs them on Debian, "" where nothing is missing."""
    if not sys.platform.startswith("linux"):
        return ""
    wanted = dict(LINUX_LIBRARIES)
    if os.environ.get("QT_QPA_PLATFORM", "xcb").startswith("xcb") and os.environ.get("DISPLAY"):
        wanted |= XCB_LIBRARIES
    missing = {name: package for name, package in wanted.items() if not _loads(name)}
    if not missing:
        return ""
    return f"{', '.join(missing)}; on Debian: apt-get install {' '.join(missing.values())}"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def report() -> dict[str, Any]:
    """Everything worth knowing when something does not work, by name."""
    import torch

    from explorer.engine.device import available, choose

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    chosen = choose("auto")
    found: dict[str, Any] = {
        "diffusion-explorer": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        **versions,
        "devices": list(available()),
        "device used": str(chosen),
        "cpu threads": torch.get_num_threads(),
        "qt platform": os.environ.get("QT_QPA_PLATFORM") or ("xcb" if os.environ.get("DISPLAY") else "none"),
        "missing libraries": missing_libraries(),
    }
    if chosen.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(chosen)
    return found
