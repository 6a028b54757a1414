"""Everything the menus and keys can do, as rows of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFrame,
    QLabel,
    QMenuBar,
    QWidget,
)

if TYPE_CHECKING:
    from explorer.ui.window import MainWindow


@dataclass(frozen=True)
class ActionRow:
    """menu "" for a key without a menu entry."""

    menu: str
    text: str
    keys: tuple[str, ...]
    run: Callable[[MainWindow], object]


ROWS: tuple[ActionRow, ...] = (
    ActionRow("&File", "&Open model folder…", ("O", "Ctrl+O"), lambda w: w.choose_model()),
    ActionRow("&File", "Open &picture as x₀…", ("Ctrl+P",), lambda w: w.choose_picture()),
    ActionRow("&File", "&Gallery", ("Ctrl+G",), lambda w: w.show_gallery()),
    ActionRow("&File", "&Save picture of the tiles…", ("S", "Ctrl+S"), lambda w: w.choose_save_file()),
    ActionRow("&File", "&Quit", ("Ctrl+Q",), lambda w: w.close()),
    ActionRow("&Run", "&Play or pause", ("Space",), lambda w: w.session.toggle_play()),
    ActionRow("&Run", "One step &on", ("Right",), lambda w: w.session.forward(1)),
    ActionRow("&Run", "One step &back", ("Left",), lambda w: w.session.back(1)),
    ActionRow("&Run", "Ten steps on", ("Shift+Right",), lambda w: w.session.forward(10)),
    ActionRow("&Run", "Ten steps back", ("Shift+Left",), lambda w: w.session.back(10)),
    ActionRow("&Run", "To the &start", ("Home",), lambda w: w.go_to_end(False)),
    ActionRow("&Run", "To the &end", ("End",), lambda w: w.go_to_end(True)),
    ActionRow("&Run", "&Re-draw noise", ("R",), lambda w: w.session.redraw_noise()),
    ActionRow("&View", "Dark or light &theme", ("Ctrl+T",), lambda w: w.toggle_theme()),
    ActionRow("&View", "&Full screen", ("F11",), lambda w: w.toggle_full_screen()),
    ActionRow("&View", "&Zoom back to everything", ("Z",), lambda w: w.reset_zoom()),
    ActionRow("&Help", "&Keyboard shortcuts", ("?",), lambda w: w.toggle_shortcuts()),
)


def install(window: MainWindow, bar: QMenuBar) -> None:
    """Make the rows into menus and window-wide keys."""
    menus = {}
    for row in ROWS:
        if row.menu not in menus:
            menus[row.menu] = bar.addMenu(row.menu)
        action = QAction(row.text, window)
        action.setShortcuts([QKeySequence(key) for key in row.keys])
        action.triggered.connect(lambda _=False, row=row: row.run(window))
        menus[row.menu].addAction(action)
    tiles = menus["&View"].addMenu("&Tiles")
    tiles.aboutToShow.connect(lambda: window.fill_tiles_menu(tiles))


def shortcut_table() -> str:
    """The keys as an HTML table."""
    rows = "".join(
        f"<tr><td style='padding-right:24px'><b>{' or '.join(row.keys)}</b></td>"
        f"<td>{row.text.replace('&', '').rstrip('…')}</td></tr>"
        for row in ROWS
    )
    return f"<table cellpadding='3'>{rows}</table>"


class ShortcutPanel(QLabel):
    """The keys, until the next click or key."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(shortcut_table(), parent)
        self.setObjectName("shortcuts")
        self.setWindowFlag(Qt.WindowType.Popup)
        self.setMargin(20)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.close()


class FocusKeeper(QObject):
    """Keys that a focused control needs for itself (Space on a button, letters in a list) stay with it.

    It filters the events of the widget in focus alone: in Python, a look at every event would cost milliseconds.
    """

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        app.focusChanged.connect(self._follow)

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if new is not None:
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            focus = QApplication.focusWidget()
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if plain and focus is not None and _needs(focus, Qt.Key(event.key())):
                event.accept()
                return True
        return super().eventFilter(watched, event)


def _needs(widget: QWidget, key: Qt.Key) -> bool:
    if isinstance(widget, QAbstractSpinBox):
        return key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
    if isinstance(widget, QComboBox):
        return key in (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End)
    if isinstance(widget, QFrame) and widget.objectName() == "card":
        return key == Qt.Key.Key_Space
    # The play button answers Space as everywhere else: by playing.
    return isinstance(widget, QAbstractButton) and widget.objectName() != "playButton" and key == Qt.Key.Key_Space
