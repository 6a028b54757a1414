"""A line of text that ends in “…” where there is no room for it, and says it whole in its tooltip."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from explorer.ui import theme


class ElidedLabel(QLabel):
    """Plain text only. It takes what room is left and asks for none.

    on_surface: what it lies on has the theme's surface colour.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None, *, on_surface: bool = False) -> None:
        super().__init__(text, parent)
        self._on_surface = on_surface
        # Then what lies behind, such as a tile's rounded frame, is not painted anew with every text.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent, on_surface)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._elided = ("", -1, "")
        """A text, the width it was shortened for, and what came out."""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:  # asked for seldom, while the text may change at every picture
            self.setToolTip(self.text())
        return super().event(event)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._elided[:2] != (said := (self.text(), self.width())):
            self._elided = (
                *said,
                self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width()),
            )
        painter = QPainter(self)
        if self._on_surface:
            painter.fillRect(self.rect(), QColor(theme.current().surface))
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment()), self._elided[2])
