"""Controls as all of the window makes them: each with an object name, what a screen reader says, and a tooltip."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QToolButton,
    QWidget,
)

from explorer.ui.icons import icon

W = TypeVar("W", bound=QWidget)
MOST = 2**31 - 1
"""That a QSpinBox can count to."""
INSET = 4
"""Pixels between a border and the text in it, as in a list."""


def named(widget: W, name: str, accessible: str, tip: str) -> W:
    """The widget itself. name: its objectName; accessible: what a screen reader says; tip: its tooltip."""
    if isinstance(widget, QAbstractSpinBox):
        inset(widget)
    widget.setObjectName(name)
    widget.setAccessibleName(accessible)
    widget.setToolTip(tip)
    return widget


def inset(spin: QAbstractSpinBox) -> None:
    """Move a number's text off its left border, where a stylesheet puts it whatever its padding."""
    spin.lineEdit().setTextMargins(INSET, 0, 0, 0)


def combo(name: str, accessible: str, tip: str, letters: int = 8) -> QComboBox:
    """A list that gets by with the width of so many letters, whatever its entries are."""
    made = named(QComboBox(), name, accessible, tip)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(letters)
    return made


def whole(name: str, accessible: str, tip: str, maximum: int = 0) -> QSpinBox:
    """A whole number from 0 on, which counts when it has been typed to its end."""
    made = named(QSpinBox(), name, accessible, tip)
    made.setMaximum(maximum)
    made.setKeyboardTracking(False)
    made.setMinimumWidth(56)
    return made


def decimal(name: str, accessible: str, tip: str, maximum: float, step: float) -> QDoubleSpinBox:
    """A number from 0 to the maximum, which counts when it has been typed to its end."""
    made = named(QDoubleSpinBox(), name, accessible, tip)
    made.setRange(0.0, maximum)
    made.setSingleStep(step)
    made.setKeyboardTracking(False)
    return made


def tool(name: str, icon_name: str, tip: str, size: int = 14) -> QToolButton:
    """A button that is an icon, `size` pixels wide."""
    made = named(QToolButton(), name, tip, tip)
    made.setIcon(icon(icon_name))
    made.setIconSize(QSize(size, size))
    return made


def button(name: str, text: str, tip: str, accessible: str = "") -> QPushButton:
    """A button with a text, which a screen reader says where `accessible` does not say more."""
    return named(QPushButton(text), name, accessible or text, tip)


def row(*widgets: QWidget) -> QHBoxLayout:
    """Side by side; the first takes the room there is."""
    layout = QHBoxLayout()
    layout.setSpacing(4)
    for i, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if i == 0 else 0)
    return layout
