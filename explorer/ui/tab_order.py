"""Where the key Tab leads. Qt goes by the order in which widgets were made; this is for those made late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def takes_tab(widget: QWidget) -> bool:
    """Whether Tab can lead to a widget; from and to others Qt sets no order."""
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def follow(before: QWidget, parts: Iterable[QWidget]) -> None:
    """Let Tab lead from `before` through some widgets, or what they are made of, in their order."""
    for widget in reached_by_tab(parts):
        QWidget.setTabOrder(before, widget)
        before = widget


def reached_by_tab(parts: Iterable[QWidget]) -> Iterator[QWidget]:
    """Those of some widgets, and of what they are made of, that Tab leads to."""
    for part in parts:
        if takes_tab(part):
            yield part
        else:
            yield from reached_by_tab(child for child in part.children() if isinstance(child, QWidget))
