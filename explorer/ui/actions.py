"""Everything the menus and keys can do, as rows of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QMouseEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QMenu,
    QMenuBar,
    QWidget,
)

from explorer.ui import file_dialogs, share, theme
from explorer.ui.trials import fill_trials_menu

if TYPE_CHECKING:
    from explorer.ui.window import MainWindow


@dataclass(frozen=True)
class ActionRow:
    """needs_model: only while a model is on show, and not the gallery. apart: below a line."""

    menu: str
    text: str
    keys: tuple[str, ...]
    run: Callable[[MainWindow], object]
    needs_model: bool = True
    apart: bool = False


ROWS: tuple[ActionRow, ...] = (
    ActionRow("&File", "&Open model folder…", ("O", "Ctrl+O"), file_dialogs.choose_model, needs_model=False),
    ActionRow("&File", "Open model &file…", ("Ctrl+Alt+O",), file_dialogs.choose_model_file, needs_model=False),
    ActionRow("&File", "Open &picture as x₀…", ("Ctrl+P",), file_dialogs.choose_picture),
    ActionRow("&File", "&Gallery", ("Ctrl+G",), lambda w: w.toggle_gallery(), needs_model=False, apart=True),
    ActionRow("&File", "&Save picture of the tiles…", ("S", "Ctrl+S"), file_dialogs.choose_save_file, apart=True),
    ActionRow("&File", "Save s&ession…", ("Ctrl+Shift+S",), share.save_session, apart=True),
    ActionRow("&File", "Open sess&ion…", ("Ctrl+Shift+O",), share.open_session, needs_model=False),
    ActionRow("&File", "&Quit", ("Ctrl+Q",), lambda w: w.close(), needs_model=False, apart=True),
    ActionRow("&Run", "&Play or pause", ("Space",), lambda w: w.session.toggle_play()),
    ActionRow("&Run", "One step &on", ("Right",), lambda w: w.session.forward(1)),
    ActionRow("&Run", "One step &back", ("Left",), lambda w: w.session.back(1)),
    ActionRow("&Run", "Ten steps on", ("Shift+Right",), lambda w: w.session.forward(10)),
    ActionRow("&Run", "Ten steps back", ("Shift+Left",), lambda w: w.session.back(10)),
    ActionRow("&Run", "To the &start", ("Home",), lambda w: w.session.go_to_end(False), apart=True),
    ActionRow("&Run", "To the &end", ("End",), lambda w: w.session.go_to_end(True)),
    ActionRow("&Run", "&Branch here", ("B",), lambda w: w.session.branch(), apart=True),
    ActionRow("&Run", "&Re-draw noise", ("R",), lambda w: w.session.redraw_noise()),
    ActionRow("&Run", "&Copy xₜ", ("Ctrl+C",), lambda w: w.edit.copy(), apart=True),
    ActionRow("&Run", "Pas&te into xₜ", ("Ctrl+V",), lambda w: w.edit.paste()),
    ActionRow("&View", "Dark or light &theme", ("Ctrl+T",), lambda w: w.look.toggle_theme(), needs_model=False),
    ActionRow("&View", "&Full screen", ("F11",), lambda w: w.toggle_full_screen(), needs_model=False),
    ActionRow("&View", "&Leave gallery, grid or full screen", ("Esc",), lambda w: w.leave(), needs_model=False),
    ActionRow("&View", "&Zoom back to everything", ("Z",), lambda w: w.look.reset_zoom(), apart=True),
    ActionRow("&View", "Fields as arrows or as streamlines", ("L",), lambda w: w.look.toggle_streamlines()),
    ActionRow("&Help", "Guided &tour", ("F1",), lambda w: w.take_tour(), needs_model=False),
    ActionRow("&Help", "&Keyboard shortcuts", ("?",), lambda w: w.shortcuts.toggle(), needs_model=False),
)


def install(window: MainWindow, bar: QMenuBar) -> list[QAction]:
    """Make the rows into menus and window-wide keys. Returns the actions that need a model on show."""
    menus = {}
    needing = []
    apart = []
    for row in ROWS:
        if row.menu not in menus:
            menus[row.menu] = bar.addMenu(row.menu)
        action = QAction(row.text, window)
        action.setShortcuts([QKeySequence(key) for key in row.keys])
        action.triggered.connect(lambda _=False, row=row: row.run(window))
        menus[row.menu].addAction(action)
        if row.needs_model:
            needing.append(action)
        if row.apart:
            apart.append((menus[row.menu], action))
    sharing = QMenu("S&hare", bar)
    sharing.setObjectName("shareMenu")
    sharing.aboutToShow.connect(lambda: share.fill_share_menu(sharing, window))
    menus["&File"].insertMenu(menus["&File"].actions()[5], sharing)
    comparing = QMenu("Compare &with", bar)
    comparing.setObjectName("compareMenu")
    comparing.aboutToShow.connect(lambda: window.fill_compare_menu(comparing))
    needing.append(menus["&File"].insertMenu(menus["&File"].actions()[3], comparing))
    tiles = menus["&View"].addMenu("&Tiles")
    tiles.aboutToShow.connect(lambda: window.fill_tiles_menu(tiles))
    trials = QMenu("&Try", bar)
    bar.insertMenu(menus["&Help"].menuAction(), trials)
    trials.aboutToShow.connect(lambda: fill_trials_menu(trials, window.session))
    for menu, action in apart:
        menu.insertSeparator(action)
    return needing


NAMES = {"Left": "←", "Right": "→", "Shift+Left": "Shift+←", "Shift+Right": "Shift+→"}


def _keys(row: ActionRow) -> str:
    t = theme.current()
    caps = (NAMES.get(key, key) for key in row.keys)
    return "&nbsp;&nbsp;".join(
        f"<span style='background:{t.raised}; color:{t.text}'>&nbsp;{cap}&nbsp;</span>" for cap in caps
    )


def shortcut_table() -> str:
    """The keys as an HTML table, menu after menu."""
    parts = []
    for menu in dict.fromkeys(row.menu for row in ROWS):
        rows = "".join(
            f"<tr><td>{row.text.replace('&', '').rstrip('…')}</td><td align='right'>{_keys(row)}</td></tr>"
            for row in ROWS
            if row.menu == menu
        )
        title = f"<tr><td colspan='2'><b>{menu.replace('&', '')}</b></td></tr>"
        parts.append(f"<table cellpadding='4' width='290'>{title}{rows}</table>")
    half = (len(parts) + 1) // 2
    return (
        "<table cellpadding='6'><tr>"
        + "".join(f"<td valign='top'>{'<br>'.join(column)}</td>" for column in (parts[:half], parts[half:]))
        + "</tr></table>"
    )


class ShortcutPanel(QLabel):
    """The keys, until the next click or key."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("shortcuts")
        self.setWindowFlag(Qt.WindowType.Popup)
        self.setMargin(16)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Written anew, in the colours of the theme in use."""
        self.setText(shortcut_table())
        self.adjustSize()

    def toggle(self) -> None:
        """Over the middle of the window, or gone again."""
        self.refresh()
        window = self._window
        self.move(window.mapToGlobal(window.rect().center() - self.rect().center()))
        self.setVisible(not self.isVisible())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.close()


class FocusKeeper(QObject):
    """Keys that a focused control needs for itself (arrows in a number, Space on a button) stay with it, unless it is
    done with: a number after Enter or a click on its arrows, a button that was clicked.

    It filters the events of the widget in focus alone: in Python, a look at every event would cost milliseconds.
    """

    def __init__(self, app: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._done = False
        app.focusChanged.connect(self._follow)

    def _follow(self, old: QWidget | None, new: QWidget | None) -> None:
        # A click into a number's text is a beginning.
        clicked = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        self._done = clicked and not isinstance(new, QAbstractSpinBox)
        if old is not None:
            for widget in _parts(old) if old.isVisible() else (old,):  # a widget on its way out has no parts to ask
                widget.removeEventFilter(self)
        if new is not None:
            for widget in _parts(new):
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonPress:
            self._done = not isinstance(watched, QLineEdit)
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if isinstance(watched, QAbstractSpinBox) and event.text():
                self._done = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        elif event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            focus = QApplication.focusWidget()
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if plain and focus is not None and Qt.Key(event.key()) in _needed(focus):
                event.setAccepted(not self._done)
                return True
        return super().eventFilter(watched, event)


def _parts(widget: QWidget) -> tuple[QWidget, ...]:
    """What the mouse presses in a widget: its arrows and its text are two."""
    return (widget, widget.lineEdit()) if isinstance(widget, QAbstractSpinBox) else (widget,)


def _needed(widget: QWidget) -> tuple[Qt.Key, ...]:
    """The window's keys that a widget has a use for."""
    if isinstance(widget, QAbstractSpinBox):
        return Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space
    # In a list Space and Home are the window's: it opens with Alt+↓ or F4. The play button plays, as Space does.
    pressed = isinstance(widget, QAbstractButton) and widget.objectName() != "playButton"
    card = isinstance(widget, QFrame) and widget.objectName() == "card"
    return (Qt.Key.Key_Space,) if pressed or card else ()
