"""The numbers beside the time, each in a place of its own that does not move while they change."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui import theme

BETWEEN = "    "
"""What separates the numbers in the text."""
GAP = 16
"""Pixels between two places."""


class Readout(QWidget):
    """Shows “a = 0.8    s = 0.6    SNR = 1.8”. Where there is no room the last numbers are left out, never half of one.

    The places only grow, until numbers of other names are to be shown. The tooltip has all of them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._parts: list[str] = []
        self._widths: dict[str, int] = {}
        """Of the places, by the name of what is in them: what stands left of “=”, or the first word."""
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Signal, noise and their ratio at this time")

    def sizeHint(self) -> QSize:
        return QSize(240, self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height())

    def text(self) -> str:
        """All of it."""
        return self._text

    def set_text(self, text: str) -> None:
        """Show other numbers."""
        if text == self._text:
            return
        self._text = text
        self._parts = [part.strip() for part in text.split(BETWEEN) if part.strip()]
        names = [_name(part) for part in self._parts]
        if set(names) != set(self._widths):
            self._widths = dict.fromkeys(names, 0)
        metrics = self.fontMetrics()
        for name, part in zip(names, self._parts, strict=True):
            self._widths[name] = max(self._widths[name], metrics.horizontalAdvance(part))
        self.update()

    def places(self) -> list[tuple[str, QRect]]:
        """What is shown, and where: in their order, as many as there is room for."""
        found, x = [], 0
        for part in self._parts:
            width = self._widths[_name(part)]
            if x + width > self.width():
                break
            found.append((part, QRect(x, 0, width, self.height())))
            x += width + GAP
        return found

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(self._text)
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.current().surface))
        painter.setPen(QColor(theme.current().muted))
        for part, place in self.places():
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, part)


def _name(part: str) -> str:
    return part.split("=", maxsplit=1)[0].strip() if "=" in part else part.split(" ", maxsplit=1)[0]
