"""Forms below each other whose fields begin at one edge, in a panel that scrolls."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget

WIDEST_LABEL = 104
"""Longer labels are wrapped: the fields need the room."""


def section(body: QVBoxLayout, title: str) -> QFormLayout:
    """A new form at the end of a column, below a heading where there is a title."""
    if title:
        heading = QLabel(title)
        heading.setObjectName("sectionTitle")
        body.addWidget(heading)
    form = QFormLayout()
    form.setVerticalSpacing(5)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    body.addLayout(form)
    return form


def label_width(metrics: QFontMetrics, texts: Iterable[str]) -> int:
    """The width of a column of labels."""
    return min(max((metrics.horizontalAdvance(text) for text in texts), default=0) + 2, WIDEST_LABEL)


def labels(forms: Iterable[QFormLayout]) -> list[str]:
    """The texts in the left column of some forms."""
    return [label.text() for form in forms for label in _labels(form)]


def align(form: QFormLayout, width: int) -> None:
    """Give all labels of a form one width, so that its fields begin where those of other such forms do."""
    for label in _labels(form):
        label.setMinimumWidth(width)
        label.setWordWrap(label.fontMetrics().horizontalAdvance(label.text()) > width)


def _labels(form: QFormLayout) -> list[QLabel]:
    items = [form.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(form.rowCount())]
    widgets = [item.widget() for item in items if item is not None]
    return [widget for widget in widgets if isinstance(widget, QLabel)]


class WheelGuard(QObject):
    """Leaves the wheel to the panel: a number is changed by it only where the user has gone to that number."""

    def watch(self, panel: QWidget) -> None:
        """Guard all lists and numbers of a panel; again after some were added."""
        for kind in (QAbstractSpinBox, QComboBox):
            for field in panel.findChildren(kind):
                field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                field.installEventFilter(self)  # a second time changes nothing

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
