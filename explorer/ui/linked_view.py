"""A painted view on a shared viewport: wheel zooms, dragging pans, a double click shows everything."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from explorer.ui.viewport import Viewport


class LinkedView(QWidget):
    """Subclasses paint the content into `area()` and say how its place reads in words."""

    def __init__(self, viewport: Viewport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = viewport
        self._grabbed: QPointF | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        viewport.changed.connect(self.update)
        viewport.hovered.connect(self.update)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 80)

    def aspect(self) -> float:
        """Width over height of the whole content."""
        return 1.0

    def left_room(self) -> int:
        """Pixels left of the content that are kept free."""
        return 0

    def area(self) -> QRectF:
        """Where the visible part is painted: the largest rectangle of the content's shape, centred."""
        room = self.width() - self.left_room()
        width, height = float(room), float(self.height())
        if width > height * self.aspect():
            width = height * self.aspect()
        else:
            height = width / self.aspect()
        # Whole pixels at the left and the top: a square of whole pixels then covers all that is behind it.
        return QRectF(self.left_room() + (room - width) // 2, (self.height() - height) // 2, width, height)

    def to_content(self, position: QPointF) -> QPointF:
        """A position in the widget as fractions of the content."""
        area, visible = self.area(), self.viewport.visible()
        return QPointF(
            visible.x() + (position.x() - area.x()) / max(area.width(), 1) * visible.width(),
            visible.y() + (position.y() - area.y()) / max(area.height(), 1) * visible.height(),
        )

    def to_widget(self, place: QPointF) -> QPointF:
        """A place of the content as a position in the widget."""
        area, visible = self.area(), self.viewport.visible()
        return QPointF(
            area.x() + (place.x() - visible.x()) / visible.width() * area.width(),
            area.y() + (place.y() - visible.y()) / visible.height() * area.height(),
        )

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.viewport.zoom_about(self.to_content(event.position()), 1.0015 ** event.angleDelta().y())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None and self.viewport.zoom > 1:
            self.viewport.pan(self.to_content(self._grabbed) - self.to_content(event.position()))
            self._grabbed = event.position()
        place = self.to_content(event.position())
        inside = self.area().contains(event.position()) and 0 <= place.x() < 1 and 0 <= place.y() < 1
        self.viewport.set_hover(place if inside else None)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.viewport.reset()

    def leaveEvent(self, event: QEvent) -> None:
        self.viewport.set_hover(None)
