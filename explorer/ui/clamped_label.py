"""A few lines of text: what does not fit is left out from the end of a sentence on, or ends in “…”."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui import theme

LEAST_SHARE = 0.5
"""Of what there is room for: whole sentences that take less of it are followed by the beginning of the next."""


class ClampedLabel(QWidget):
    """Plain text in as many lines as it has height, in the theme's muted colour."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return QSize(160, 3 * self.fontMetrics().lineSpacing())

    def lines(self) -> list[str]:
        """What is painted, line by line: whole sentences where they say enough."""
        found = self._broken(self._text)
        if not found or not found[-1].endswith(" …"):
            return found
        fitting = len(" ".join(found).removesuffix(" …"))
        end = self._text.rfind(". ", 0, fitting + 1) + 1
        return self._broken(self._text[:end]) if end > LEAST_SHARE * fitting else found

    def _broken(self, text: str) -> list[str]:
        """A text in lines, the last of which may end in “…”."""
        metrics, width = self.fontMetrics(), self.width()
        most = max(self.height() // metrics.lineSpacing(), 1)
        layout = QTextLayout(text, self.font())
        layout.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
        layout.beginLayout()
        found: list[str] = []
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            if len(found) == most - 1:
                rest = text[line.textStart() :]
                cut = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
                found.append(cut if cut == rest else cut.rpartition(" ")[0] + " …")
                break
            found.append(text[line.textStart() : line.textStart() + line.textLength()].rstrip())
        layout.endLayout()
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(QColor(theme.current().muted))
        metrics = self.fontMetrics()
        for i, line in enumerate(self.lines()):
            painter.drawText(QPointF(0, metrics.ascent() + i * metrics.lineSpacing()), line)
