"""Menus that are filled when they open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QMenu

from explorer.engine.frame import LensSpec
from explorer.ui.gallery import shipped_models
from explorer.ui.short_text import capital, plain, typeset


def fill_tiles_menu(
    menu: QMenu, lenses: Sequence[LensSpec], kind: str, shown: Sequence[str], show: Callable[[str, bool], None]
) -> None:
    """The lenses for models of a kind, each to be shown or not."""
    menu.clear()
    menu.setToolTipsVisible(True)
    for lens in lenses:
        if kind not in lens.kinds:
            continue
        formula = typeset(lens.formula)
        action = menu.addAction(f"{capital(plain(lens.label))}\t{lens.words or formula}")
        action.setToolTip(formula)
        action.setData(lens.name)
        action.setCheckable(True)
        action.setChecked(lens.name in shown)
        action.toggled.connect(lambda on, name=lens.name: show(name, on))


def fill_model_menu(
    menu: QMenu,
    recent: Sequence[str],
    open_path: Callable[[str], None],
    ask: Callable[[], None],
    ask_file: Callable[[], None],
) -> None:
    """The shipped models, those opened last, and ways to others."""
    menu.clear()
    for model in shipped_models():
        menu.addAction(model.title).triggered.connect(lambda _=False, path=str(model.path): open_path(path))
    there = [path for path in recent if Path(path).exists()]
    if there:
        menu.addSection("Recent")
        for path in there:
            entry = menu.addAction(f"{Path(path).name}  —  {path}")
            entry.triggered.connect(lambda _=False, path=path: open_path(path))
    menu.addSeparator()
    menu.addAction("Open a model folder…").triggered.connect(lambda _=False: ask())
    menu.addAction("Open a model file…").triggered.connect(lambda _=False: ask_file())
