"""A line of text for what room there is: said shorter, then ended in “…”; the tooltip says it whole."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from explorer.ui import theme
from explorer.ui.short_text import number_forms, shorter_forms, typeset
from explorer.ui.subscripts import paint_line

LEAST = 36
"""Pixels: in less than that two letters and “…” say nothing."""


class ElidedLabel(QLabel):
    """Plain text only. It takes what room is left and asks for none.

    on_surface: what it lies on has the theme's surface colour. clauses: what ends a clause; where there is no room,
    the last clauses are left out rather than the end of the words. least: pixels below which it says nothing rather
    than a beginning. number: what counts is the number at the end, which is said alone where there is no more room.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        on_surface: bool = False,
        clauses: tuple[str, ...] = (),
        least: int = LEAST,
        number: bool = False,
    ) -> None:
        super().__init__(parent)
        self._text = text
        self._on_surface, self._clauses, self._least, self._number = on_surface, clauses, least, number
        # Then what lies behind, such as a tile's rounded frame, is not painted anew with every text.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, on_surface)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._fitted = ("", -1, "")
        """A text, the width it was shortened for, and what came out."""
        self.setAccessibleName(text)

    def text(self) -> str:
        return self._text

    def setText(self, text: str) -> None:
        """Show other words. They do not change what room is asked for, so no layout is made anew, as QLabel would."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()

    def shown(self) -> str:
        """What is painted: the text as far as there is room."""
        if self._fitted[:2] != (said := (self.text(), self.width())):
            self._fitted = (*said, self._fit(typeset(self.text())))
        return self._fitted[2]

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:  # asked for seldom, while the text may change at every picture
            self.setToolTip(typeset(self.text()))
        return super().event(event)

    def sizeHint(self) -> QSize:
        margins = self.contentsMargins()
        return QSize(0, self.fontMetrics().height() + margins.top() + margins.bottom())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._on_surface:
            painter.fillRect(self.rect(), QColor(theme.current().surface))
        painter.setPen(self.palette().color(self.foregroundRole()))
        paint_line(painter, self.rect(), self.alignment(), self.shown())

    def _fit(self, text: str) -> str:
        metrics, room = self.fontMetrics(), self.width()
        forms = shorter_forms(text, self._clauses)
        for form in forms:
            if metrics.horizontalAdvance(form) <= room:
                return form
        if self._number:
            return next((form for form in number_forms(text) if metrics.horizontalAdvance(form) <= room), "")
        return metrics.elidedText(forms[-1], Qt.TextElideMode.ElideRight, room) if room >= self._least else ""
