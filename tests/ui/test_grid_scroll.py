"""Headings that stay where they can be read while the cells of a table scroll."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from explorer.ui.grid_scroll import GridScroll


def shown(scroll: GridScroll) -> dict[str, QLabel]:
    return {label.text(): label for label in scroll.findChildren(QLabel) if label.text()}


def test_headings_stay_in_view_at_their_cells(qtbot: QtBot) -> None:
    scroll = GridScroll()
    qtbot.addWidget(scroll)
    cells: dict[tuple[int, int], QWidget] = {}
    for row in range(6):
        for column in range(5):
            cells[row, column] = QWidget()
            cells[row, column].setMinimumSize(100, 80)
    rows, columns = [f"row {i}" for i in range(6)], [f"column {i}" for i in range(5)]
    scroll.resize(320, 260)
    scroll.show_cells(cells, ("Sampler", "Steps"), rows, columns)
    with qtbot.waitExposed(scroll):
        scroll.show()
    across, down = scroll.horizontalScrollBar(), scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: across.maximum() > 100 and down.maximum() > 100)
    labels = shown(scroll)
    assert {"Sampler ↓", "Steps →", *rows, *columns} == set(labels)
    for x, y in ((0, 0), (across.maximum(), down.maximum()), (37, 61)):
        across.setValue(x)
        down.setValue(y)
        for i, name in enumerate(columns):
            cell = cells[0, i].mapTo(scroll, cells[0, i].rect().topLeft())
            place = labels[name].mapTo(scroll, labels[name].rect().topLeft())
            assert (place.x(), labels[name].width()) == (cell.x(), cells[0, i].width())
            assert 0 <= place.y() < scroll.viewport().y()
        for i, name in enumerate(rows):
            cell = cells[i, 0].mapTo(scroll, cells[i, 0].rect().topLeft())
            place = labels[name].mapTo(scroll, labels[name].rect().topLeft())
            assert (place.y(), labels[name].height()) == (cell.y(), cells[i, 0].height())
            assert 0 <= place.x() < scroll.viewport().x()
    # A heading whose column is out of view is hidden by the strip's edge, and never stands over another part.
    assert labels["column 0"].parentWidget() is not None
    scroll.show_cells({(0, 0): QWidget()}, ("Seed", "η"), ["1"], ["0.5"])
    qtbot.waitUntil(lambda: set(shown(scroll)) == {"Seed ↓", "η →", "1", "0.5"})
    scroll.clear()
    qtbot.waitUntil(lambda: not shown(scroll))
