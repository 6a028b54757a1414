"""The tabs at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from explorer.ui.side_panel import FONT, PADDING, SidePanel


class Coloured(QLabel):
    restyled = 0

    def restyle(self) -> None:
        self.restyled += 1


def test_the_first_tab_is_shown_and_a_click_shows_another(qtbot: QtBot) -> None:
    side, first, second = SidePanel(), Coloured("one"), QLabel("two")
    qtbot.addWidget(side)
    side.add(first, "One", "the first")
    side.add(second, "Two", "the second")
    side.show()
    assert first.isVisible()
    assert not second.isVisible()
    assert side.tabToolTip(1) == "the second"
    QTest.mouseClick(side.tabBar(), Qt.MouseButton.LeftButton, pos=side.tabBar().tabRect(1).center())
    assert second.isVisible()
    side.restyle()  # also those that are not seen, and those that have no colours
    assert first.restyled == 1


def test_the_titles_become_small_when_a_further_tab_is_offered(qtbot: QtBot) -> None:
    side = SidePanel()
    qtbot.addWidget(side)
    further = QWidget()
    for title in ("Plots", "Likelihood", "Train", "Grid", "Forms", "Model"):
        side.add(QWidget(), title, title)
    side.resize(side._titles_width(FONT, PADDING) + 2, 200)
    side.show()
    assert not side.tabBar().property("narrow")
    side.add(further, "VDM", "VDM")
    assert side.tabBar().property("narrow")
    side.show_tab(further, False)
    assert not side.tabBar().property("narrow")
