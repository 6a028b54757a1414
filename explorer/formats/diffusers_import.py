"""Modules of diffusers without what they would import besides, had it been installed.

With its networks diffusers imports parts of transformers and scipy, where there are such packages: seconds, of which
the opening of a picture model has nothing. They are kept out here until something asks for them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import RLock
from types import ModuleType
from typing import Any

_KEPT_OUT = ("transformers", "scipy")
_NAMES = {
    "diffusers.loaders.lora_base": "PreTrainedModel",
    "diffusers.loaders.single_file_utils": "AutoImageProcessor",
    "diffusers.models.lora": "CLIPTextModelWithProjection",
}
"""What modules of networks take from transformers, for methods that are not called here."""
_SCHEDULERS = "diffusers.schedulers.scheduling_"
_lock = RLock()


def import_lightly(module: str) -> ModuleType:
    """A module of diffusers. transformers and scipy are imported with it only if something has imported them before."""
    if module in sys.modules:
        return sys.modules[module]
    with _lock, _kept_out():
        return importlib.import_module(module)


def complete() -> None:
    """Give the modules what they were imported without, for code that is not ours and may call all of them."""
    waiting = {name: sys.modules[name] for name in _NAMES if name in sys.modules}
    waiting = {name: module for name, module in waiting.items() if not hasattr(module, _NAMES[name])}
    if waiting and find_spec("transformers") is not None:
        library = importlib.import_module("transformers")
        for name, module in waiting.items():
            vars(module).update({_NAMES[name]: getattr(library, _NAMES[name]), "CLIPTextModel": library.CLIPTextModel})


@contextmanager
def _kept_out() -> Iterator[None]:
    for package in ("diffusers", "diffusers.schedulers", "diffusers.loaders"):
        importlib.import_module(package)  # each lists what it has by the packages that there are
    flags: Any = importlib.import_module("diffusers.utils.import_utils")
    out = [name for name in _KEPT_OUT if name not in sys.modules and getattr(flags, f"_{name}_available", False)]
    for name in out:
        setattr(flags, f"_{name}_available", False)
    blocked = "transformers" in out
    if blocked:  # one module asks for it by trying
        sys.modules["transformers"] = None  # type: ignore[assignment]  # Python's own way to say it is not there
    try:
        yield
    finally:
        if blocked:
            del sys.modules["transformers"]
        for name in out:
            setattr(flags, f"_{name}_available", True)
        if "scipy" in out:
            _give_scipy()


def _give_scipy() -> None:
    """The package alone, which imports its parts when they are asked for."""
    scipy = importlib.import_module("scipy")
    for name, module in sys.modules.copy().items():
        if name.startswith(_SCHEDULERS) and not hasattr(module, "scipy"):
            vars(module)["scipy"] = scipy
            vars(module)["integrate"] = _Later("scipy.integrate")


class _Later(ModuleType):
    """A module of this name that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)
