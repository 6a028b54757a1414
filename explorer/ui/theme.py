"""Colours, fonts and the stylesheet: one place for how the program looks, dark and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from explorer.paths import RESOURCES

ThemeName: TypeAlias = Literal["dark", "light"]


@dataclass(frozen=True)
class Theme:
    """Colours as #rrggbb. Series colours are told apart by the colour-blind (Okabe & Ito)."""

    name: ThemeName
    window: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    disabled: str
    accent: str
    on_accent: str
    warning: str
    error: str
    canvas: str
    series: tuple[str, ...]
    groups: tuple[str, ...]
    density: str
    density_shades: int
    """How many of the map's 256 colours are used: arrows over the highest density must stay readable."""


DARK = Theme(
    "dark",
    window="#15171b",
    surface="#1c1f25",
    raised="#272b33",
    border="#333945",
    text="#e8eaee",
    muted="#9aa4b5",
    disabled="#646d7c",
    accent="#56b4e9",
    on_accent="#0b1117",
    warning="#e69f00",
    error="#ff7a66",
    canvas="#101216",
    series=("#56b4e9", "#e69f00", "#2fc29a", "#d99ac0", "#f0e442", "#ff8a5c"),
    groups=("#f2a65a", "#4fc9b0", "#e08ac4", "#f0e442", "#7ea6ff", "#d9453d"),
    density="cmocean:ice",
    density_shades=150,
)

LIGHT = Theme(
    "light",
    window="#eef0f3",
    surface="#ffffff",
    raised="#e6e9ee",
    border="#cdd3dc",
    text="#1b1f26",
    muted="#5c6675",
    disabled="#9aa2ae",
    accent="#006ba8",
    on_accent="#ffffff",
    warning="#8a5c00",
    error="#b3261e",
    canvas="#f7f8fa",
    series=("#0072b2", "#b35c00", "#007a58", "#b0488a", "#4d4600", "#5a3fa8"),
    groups=("#c86400", "#008577", "#a23b84", "#5c5400", "#2f5fc4", "#22272f"),
    density="cmocean:ice_r",
    density_shades=95,
)

THEMES: dict[str, Theme] = {"dark": DARK, "light": LIGHT}
_in_use = [DARK]


def current() -> Theme:
    """The theme in use."""
    return _in_use[0]


def load_fonts() -> None:
    """Make Inter known, so that the program reads the same everywhere, machines without fonts included."""
    for file in sorted((RESOURCES / "fonts").glob("*.otf")):
        QFontDatabase.addApplicationFont(str(file))


def apply(app: QApplication, name: ThemeName) -> None:
    """Dress the application in a theme."""
    t = _in_use[0] = THEMES[name]
    if app.property("theme") == name:  # dressing it again, for a second window, would take a third of a second
        return
    app.setProperty("theme", name)
    QGuiApplication.styleHints().setColorScheme(Qt.ColorScheme.Dark if name == "dark" else Qt.ColorScheme.Light)
    app.setStyle("Fusion")
    font = QFont("Inter")
    font.setPointSizeF(9.5)
    font.setFeature(QFont.Tag("tnum"), 1)  # digits of one width: numbers that change do not move what follows them
    app.setFont(font)
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: t.window,
        QPalette.ColorRole.WindowText: t.text,
        QPalette.ColorRole.Base: t.surface,
        QPalette.ColorRole.AlternateBase: t.raised,
        QPalette.ColorRole.Text: t.text,
        QPalette.ColorRole.Button: t.raised,
        QPalette.ColorRole.ButtonText: t.text,
        QPalette.ColorRole.ToolTipBase: t.raised,
        QPalette.ColorRole.ToolTipText: t.text,
        QPalette.ColorRole.PlaceholderText: t.muted,
        QPalette.ColorRole.Highlight: t.accent,
        QPalette.ColorRole.HighlightedText: t.on_accent,
        QPalette.ColorRole.Link: t.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(t.disabled))
    app.setPalette(palette)
    app.setStyleSheet(_stylesheet(t))


def _picture(name: str, t: Theme) -> str:
    """A stylesheet's word for `resources/icons/NAME-THEME.svg`."""
    return f'url("{(RESOURCES / "icons" / f"{name}-{t.name}.svg").as_posix()}")'


def _fields(t: Theme) -> str:
    """Lists, numbers and lines to write in: what can be chosen looks like a button, what can be typed like a page."""
    return f"""
    QComboBox, QAbstractSpinBox, QLineEdit {{ background: {t.canvas}; color: {t.text}; border: 1px solid {t.border};
        border-radius: 4px; min-height: 16px; selection-background-color: {t.accent};
        selection-color: {t.on_accent}; }}
    QComboBox {{ background: {t.raised}; padding: 2px 4px 2px 6px; }}
    QAbstractSpinBox {{ padding: 0 0 0 4px; min-height: 20px; }}
    QLineEdit {{ padding: 2px 4px; }}
    /* Painted anew at every picture of a drag: a rounded border takes four times as long as none. */
    QSpinBox#timestepSpin {{ border: none; border-radius: 0; padding: 1px 1px 1px 5px; }}
    QSpinBox#timestepSpin:focus {{ border: 1px solid {t.accent}; padding: 0 0 0 4px; }}
    QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ background: transparent; border: none; padding: 0 0 0 3px;
        min-height: 0; }}
    QComboBox:hover, QAbstractSpinBox:hover, QLineEdit:hover {{ border-color: {t.disabled}; }}
    QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus {{ border-color: {t.accent}; }}
    QComboBox:disabled, QAbstractSpinBox:disabled, QLineEdit:disabled {{ background: {t.surface};
        color: {t.disabled}; border-color: {t.raised}; }}
    QComboBox::drop-down {{ border: none; width: 16px; }}
    QComboBox::down-arrow {{ image: {_picture("down", t)}; width: 10px; height: 10px; }}
    QComboBox::down-arrow:disabled {{ image: {_picture("down-off", t)}; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ subcontrol-origin: padding; border: none;
        background: transparent; width: 16px; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; }}
    QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{ background: {t.raised}; }}
    QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow {{ width: 8px; height: 8px; }}
    QAbstractSpinBox::up-arrow {{ image: {_picture("up", t)}; }}
    QAbstractSpinBox::down-arrow {{ image: {_picture("down", t)}; }}
    QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::up-arrow:off {{ image: {_picture("up-off", t)}; }}
    QAbstractSpinBox::down-arrow:disabled, QAbstractSpinBox::down-arrow:off {{ image: {_picture("down-off", t)}; }}
    """


def _stronger(t: Theme) -> str:
    """The accent under the mouse, where it is a ground: further from what is written on it."""
    return QColor(t.accent).lighter(115).name() if t.name == "dark" else QColor(t.accent).darker(115).name()


def _stylesheet(t: Theme) -> str:
    return f"""{_fields(t)}
    QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border}; padding: 4px; }}
    QFrame#panel, QScrollArea#panel, QWidget#panelBody {{ background: {t.surface}; border: none; }}
    QFrame[role="tile"] {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 6px; }}
    QFrame[role="tile"]:focus {{ border-color: {t.accent}; }}
    QLabel#sectionTitle, QLabel#plotTitle {{ color: {t.muted}; font-weight: 600; qproperty-indent: 0; }}
    QLabel#sectionTitle {{ padding-top: 8px; }}
    QFrame#tableLine {{ background: {t.border}; border: none; }}
    QLabel#boundStatus, QLabel#boundHere {{ color: {t.muted}; }}
    QLabel#muted, QLabel#guidanceClassifier, QLabel#statusMessage {{ color: {t.muted}; }}
    QLabel#statusMessage {{ padding-left: 6px; }}
    QLabel#gridHeading {{ font-weight: 600; }}
    QLabel#alert {{ color: {t.warning}; }}
    QLabel#groupTitle {{ font-weight: 600; font-size: 11pt; qproperty-indent: 0; }}
    QLabel#tileTitle {{ font-weight: 600; font-size: 11pt; qproperty-indent: 0; }}
    QFrame#errorBanner {{ background: {t.surface}; border: 1px solid {t.error}; border-left: 4px solid {t.error};
        border-radius: 4px; }}
    QFrame#restoreStrip, QFrame#tourStrip {{ background: {t.surface}; border: 1px solid {t.border};
        border-left: 4px solid {t.accent}; border-radius: 4px; }}
    QFrame#probeStrip {{ background: {t.surface}; border: 1px solid {t.border}; border-left: 4px solid {t.warning};
        border-radius: 4px; }}
    QPushButton, QToolButton {{ background: {t.raised}; border: 1px solid {t.border}; border-radius: 5px;
        padding: 4px 10px; }}
    QToolButton {{ padding: 4px; }}
    QPushButton:hover, QToolButton:hover {{ border-color: {t.accent}; }}
    QPushButton:pressed, QToolButton:pressed {{ background: {t.border}; }}
    QPushButton:focus, QToolButton:focus {{ border-color: {t.accent}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {t.disabled}; border-color: {t.raised}; }}
    QPushButton#primary, QPushButton#galleryTourButton, QToolButton#playButton {{ background: {t.accent};
        color: {t.on_accent}; border-color: {t.accent}; }}
    QPushButton#primary:hover, QPushButton#galleryTourButton:hover, QToolButton#playButton:hover {{
        background: {_stronger(t)}; border-color: {_stronger(t)}; }}
    QPushButton#primary:focus, QPushButton#galleryTourButton:focus, QToolButton#playButton:focus {{
        border-color: {t.text}; }}
    QToolButton#playButton:disabled {{ background: {t.raised}; border-color: {t.raised}; }}
    QToolButton:checked {{ border-color: {t.accent}; color: {t.accent}; }}
    QToolButton#guidanceMoreButton {{ background: transparent; border-color: transparent; padding: 3px 4px 3px 0;
        margin-left: -5px; color: {t.muted}; }}
    QToolButton#guidanceMoreButton:hover {{ color: {t.text}; }}
    QToolButton#guidanceMoreButton:focus {{ border-color: {t.accent}; }}
    QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {t.disabled}; border-radius: 3px;
        background: {t.canvas}; }}
    QCheckBox::indicator:hover, QCheckBox:focus::indicator {{ border-color: {t.accent}; }}
    QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent};
        image: {_picture("check", t)}; }}
    QCheckBox::indicator:disabled {{ border-color: {t.border}; background: {t.raised}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QFrame#card {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 8px; }}
    QFrame#card:hover, QFrame#card:focus {{ border-color: {t.accent}; }}
    QTabWidget#sideTabs::pane {{ border: none; background: {t.surface}; }}
    QTabWidget#sideTabs > QStackedWidget {{ background: {t.surface}; }}
    QTabWidget#sideTabs QTabBar {{ background: {t.window}; }}
    QTabWidget#sideTabs QTabBar::tab {{ background: {t.window}; color: {t.muted}; padding: 5px 6px 4px 6px;
        border: none; border-bottom: 2px solid {t.window}; }}
    QTabWidget#sideTabs QTabBar[narrow="true"]::tab {{ padding-left: 4px; padding-right: 4px; }}
    QTabWidget#sideTabs QTabBar[narrow="true"] {{ font-size: 8.5pt; }}
    QTabWidget#sideTabs QTabBar::tab:hover {{ color: {t.text}; }}
    QTabWidget#sideTabs QTabBar::tab:selected {{ background: {t.surface}; color: {t.text};
        border-bottom-color: {t.surface}; border-top: 2px solid {t.accent}; padding-top: 3px; }}
    QTabWidget#sideTabs QTabBar::tab:focus {{ color: {t.accent}; }}
    QLabel#shortcuts {{ background: {t.surface}; border: 1px solid {t.border}; }}
    QSplitter::handle {{ background: {t.window}; }}
    QStatusBar {{ background: {t.window}; }}
    QStatusBar::item {{ border: none; }}
    QMenuBar {{ background: {t.window}; }}
    QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; background: transparent; }}
    QMenuBar::item:selected {{ background: {t.raised}; }}
    QMenu {{ background: {t.surface}; border: 1px solid {t.border}; padding: 4px; }}
    QMenu::item {{ padding: 4px 22px 4px 28px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {t.raised}; }}
    QMenu::item:disabled {{ color: {t.disabled}; }}
    QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 6px; }}
    QMenu::indicator {{ width: 13px; height: 13px; margin-left: 7px; border: 1px solid {t.disabled};
        border-radius: 3px; background: {t.canvas}; }}
    QMenu::indicator:checked {{ background: {t.accent}; border-color: {t.accent}; image: {_picture("check", t)}; }}
    QProgressBar {{ background: {t.raised}; border: none; border-radius: 3px; max-height: 6px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 3px; }}
    QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {t.border}; border-radius: 3px; min-height: 28px; margin: 3px 1px; }}
    QScrollBar::handle:vertical:hover {{ background: {t.disabled}; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
    """
