"""Shares in a tile: a bar for each, a line where it should end."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.lenses.drawable import Bars
from explorer.ui import theme
from explorer.ui.plane_layers import group_colours

MARGIN = 12
GAP = 10
"""Between the bars and the numbers."""
LEAST_ROOM = 90
"""Pixels for the bars."""
MAX_ROW = 54
NAMES_SHARE = 0.42
"""Of the width: the most that the names take."""


class BarsView(QWidget):
    """Paints Bars."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: Bars | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 80)

    def show_drawable(self, bars: Bars) -> None:
        """Show shares."""
        self._bars = bars
        self.update()

    def clear_drawable(self) -> None:
        """Show nothing."""
        self._bars = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bars, t = self._bars, theme.current()
        if bars is None or not len(bars.data):
            return
        metrics = painter.fontMetrics()
        names = min(max(metrics.horizontalAdvance(name) for name in bars.names) + 14, round(NAMES_SHARE * self.width()))
        row = min((self.height() - 2 * MARGIN) / len(bars.data), MAX_ROW)
        top = (self.height() - row * len(bars.data)) / 2
        left, free = MARGIN + names, self.width() - 2 * MARGIN - names - GAP
        words = [f"{share:.3f} of {wanted:.3f}" for share, wanted in zip(bars.data, bars.expected, strict=True)]
        numbers = max(metrics.horizontalAdvance(word) for word in words)
        if free - numbers < LEAST_ROOM:  # where it should end is a line as well
            words = [f"{share:.3f}" for share in bars.data]
            numbers = max(metrics.horizontalAdvance(word) for word in words)
        room = max(free - numbers, 20)
        longest = max(float(bars.data.max()), float(bars.expected.max()), 1e-6)
        colours = group_colours()
        centre = Qt.AlignmentFlag.AlignVCenter
        for i, (share, expected, error) in enumerate(zip(bars.data, bars.expected, bars.errors, strict=True)):
            y = top + i * row
            bar = QRectF(left, y + 0.22 * row, room * float(share) / longest, 0.56 * row)
            painter.fillRect(bar, QColor.fromRgb(int(colours[i % len(colours)])))
            wanted = left + room * float(expected) / longest
            painter.setPen(QPen(QColor(t.text), 2))
            painter.drawLine(QLineF(wanted, y + 0.1 * row, wanted, y + 0.9 * row))
            painter.setPen(QColor(t.muted))
            name = metrics.elidedText(bars.names[i], Qt.TextElideMode.ElideRight, names - 10)
            painter.drawText(QRectF(MARGIN, y, names - 10, row), Qt.AlignmentFlag.AlignRight | centre, name)
            painter.setPen(QColor(t.text if abs(share - expected) <= 3 * error + 1e-3 else t.warning))
            place = QRectF(left + room + GAP, y, numbers + 1, row)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | centre, words[i])
