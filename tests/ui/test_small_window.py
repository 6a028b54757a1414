"""What words, plots and tabs do where there is little room, or nothing to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QScrollArea
from pytestqt.qtbot import QtBot

from explorer.lenses.drawable import Chart, Line
from explorer.paths import CHECKPOINTS
from explorer.ui.chart_view import ChartView
from explorer.ui.clamped_label import ClampedLabel
from explorer.ui.elided_label import ElidedLabel
from explorer.ui.gallery import Gallery, ModelCard, shipped_models
from explorer.ui.readout import Readout
from explorer.ui.shipped import grouped
from explorer.ui.short_text import CLAUSES, number_forms, shorter_forms, typeset
from explorer.ui.side_panel import SidePanel
from explorer.ui.tile import Tile
from explorer.ui.tiles import Tiles
from explorer.ui.time_plot import TimePlot

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand


def said(tile: Tile) -> list[str]:
    """What the visible words of a tile show of themselves."""
    return [label.shown() for label in tile.findChildren(ElidedLabel) if label.isVisible()]


@pytest.mark.parametrize("name", ["digits", "mixture", "hvae"])
def test_no_words_of_the_first_tiles_end_in_dots_at_1024(make_hand: MakeHand, name: str) -> None:
    hand = make_hand(CHECKPOINTS / name)
    hand.window.resize(1024, 700)
    hand.qtbot.wait(20)
    for tile in hand.find(Tiles).findChildren(Tile):
        assert not [text for text in said(tile) if text.endswith("…")], tile.name


def test_tiles_side_by_side_are_equally_wide(hand: Hand) -> None:
    hand.window.resize(1024, 700)
    tiles = hand.find(Tiles)
    tiles.tile("x_t").header.set_title("a title of many words that wants room")
    hand.qtbot.wait(20)
    widths = {tile.width() for tile in tiles.findChildren(Tile)}
    assert max(widths) - min(widths) <= 1
    tiles.tile("x_t").header.set_title("x<sub>t</sub>")


def test_both_sides_give_room_to_the_tiles_and_show_every_tab(hand: Hand) -> None:
    side = hand.find(SidePanel)
    wide = side.width()
    for width in (1024, 1360):
        hand.window.resize(width, 700)
        hand.qtbot.wait(20)
        bar = side.tabBar()
        shown = [bar.tabRect(i) for i in range(side.count()) if side.isTabVisible(i)]
        assert shown[-1].right() <= side.width()
        assert hand.find(Tiles).width() > 0.47 * width
    assert side.width() == wide


def test_a_text_is_said_shorter_before_it_is_cut() -> None:
    assert shorter_forms("5,000 points, coloured by label") == ["5,000 points, coloured by label", "5,000 points"]
    assert shorter_forms("û = dx/du = a′ x̂₀, u = t/T")[1:] == ["û = dx/du = a′ x̂₀", "û = dx/du"]
    assert shorter_forms("q(x_t, x₀), exact") == ["q(x_t, x₀), exact", "q(x_t, x₀)"]
    assert shorter_forms("KS 0.1; p = 0.2", ("; ",)) == ["KS 0.1; p = 0.2", "KS 0.1"]


def test_what_is_left_of_a_text_keeps_its_number() -> None:
    assert number_forms("relative error 3.4%") == ["error 3.4%", "3.4%"]
    assert number_forms("60 of 5,000 samples") == ["60 of 5,000", "60"]
    assert number_forms("drawn by hand") == []


def test_subscripts_are_written_as_such() -> None:
    assert typeset("x_t, z_t and x_{t−1} | z_{t+1}") == "xₜ, zₜ and xₜ₋₁ | zₜ₊₁"
    assert typeset("p_θ, max_tail, x_T") == "p_θ, max_tail, x_T"


def test_a_label_without_room_says_less(qtbot: QtBot) -> None:
    label = ElidedLabel("x̂₀ = E[x₀ | x_t] = (x_t − s ε̂) / a", clauses=CLAUSES, least=90)
    qtbot.addWidget(label)
    wide = label.fontMetrics().horizontalAdvance(typeset(label.text()))
    for width, shown in (
        (wide, "x̂₀ = E[x₀ | xₜ] = (xₜ − s ε̂) / a"),
        (wide - 1, "x̂₀ = E[x₀ | xₜ]"),
        (60, ""),
    ):
        label.resize(width, 20)
        assert label.shown() == shown


def test_a_note_without_room_says_its_number(qtbot: QtBot) -> None:
    note = ElidedLabel("relative error 3.4%", number=True)
    qtbot.addWidget(note)
    for text, wide in (("relative error 3.4%", 300), ("error 3.4%", 75), ("3.4%", 45), ("", 10)):
        note.resize(wide, 20)
        assert note.shown() == text
    note.setText("mean of channels")
    note.resize(60, 20)
    assert not note.shown()


def test_numbers_beside_the_time_keep_their_places(qtbot: QtBot) -> None:
    readout = Readout()
    qtbot.addWidget(readout)
    readout.resize(600, 20)
    readout.set_text("step 9 of 50    a = 1.0000    SNR = 10.5")
    readout.set_text("step 10 of 50    a = 0.1    SNR = 1")
    places = [place.left() for _, place in readout.places()]
    readout.set_text("step 9 of 50    a = 1.0000    SNR = 3")
    assert [place.left() for _, place in readout.places()] == places
    readout.resize(places[2] + 5, 20)
    assert [part for part, _ in readout.places()] == ["step 9 of 50", "a = 1.0000"]
    assert readout.text().endswith("SNR = 3")


def test_the_names_of_curves_stand_above_them(qtbot: QtBot) -> None:
    view = ChartView()
    qtbot.addWidget(view)
    view.resize(150, 150)
    view.show()
    x = np.linspace(0, 1, 20, dtype=np.float32)
    names = ("noise s²", "data", "x_t", "x̂₀")
    lines = tuple(Line(name, x, x * (i + 1), i) for i, name in enumerate(names))
    view.show_drawable(Chart(x, lines, "x", "y"))
    qtbot.wait(20)
    legend, curves = view.legend(), view.getViewBox().sceneBoundingRect()
    assert legend.height() > 20  # in two rows
    assert not legend.intersects(curves)
    assert legend.bottom() <= curves.top()
    for item in view.listDataItems():
        assert not legend.intersects(item.sceneBoundingRect())
    view.clear_drawable()
    assert view.legend().isEmpty()
    assert not view.getAxis("left").isVisible()
    view.getPlotItem().ctrlMenu.deleteLater()


def test_a_plot_without_curves_has_no_axes(qtbot: QtBot) -> None:
    """Its left side, where the numbers of an axis would be, is of one colour until there is a curve."""
    plot = TimePlot("emptyPlot", "Run", "", "r.m.s.", empty="Nothing yet.")
    qtbot.addWidget(plot)
    plot.resize(320, 160)
    plot.set_time_range(10)
    plot.show()

    def colours() -> int:
        picture = plot.cursor_layer.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        bits = np.frombuffer(picture.constBits(), np.uint32).reshape(picture.height(), picture.width())
        return len(np.unique(bits[20:-30, 3:45]))

    assert colours() == 1
    plot.set_curve("x", np.arange(11.0), np.arange(11.0))
    qtbot.waitUntil(lambda: colours() > 3)
    plot.plot.getPlotItem().ctrlMenu.deleteLater()


def test_the_gallery_has_its_models_in_groups_and_columns_of_one_width(make_hand: MakeHand) -> None:
    hand = make_hand()
    gallery = hand.find(Gallery)
    for width, columns in ((1024, 3), (1440, 4)):
        hand.window.resize(width, 700)
        hand.qtbot.wait(20)
        cards = gallery.findChildren(ModelCard)
        assert len({card.x() for card in cards}) == columns
        widths = [card.width() for card in cards]
        assert max(widths) - min(widths) <= 1
        assert not gallery.horizontalScrollBar().isVisible()
    names = [model.path.name for model in shipped_models()]
    assert names[:2] == ["digits", "faces"]
    groups = {group.title: models for group, models in grouped(shipped_models())}
    twins = groups["One network, four targets"]
    assert len({model.summary[:12] for model in twins}) == len(twins)  # what they share is said once


def test_words_on_a_card_end_between_words(qtbot: QtBot) -> None:
    label = ClampedLabel("One two three four five six seven eight nine ten eleven twelve thirteen fourteen")
    qtbot.addWidget(label)
    label.resize(110, 2 * label.fontMetrics().lineSpacing() + 2)
    first, last = label.lines()
    assert f"{first} {last}".removesuffix(" …") in label.accessibleName()
    assert last.endswith(" …")
    label.resize(900, 40)
    assert label.lines() == [label.accessibleName()]
    sentences = ClampedLabel("One two three four five. Six seven eight nine ten eleven twelve thirteen fourteen.")
    qtbot.addWidget(sentences)
    sentences.resize(150, 2 * sentences.fontMetrics().lineSpacing() + 2)
    assert " ".join(sentences.lines()) == "One two three four five."


def test_every_tab_fits_beside_the_tiles_at_1024(hand: Hand) -> None:
    hand.window.resize(1024, 700)
    side = hand.find(SidePanel)
    for i in range(side.count()):
        area = side.widget(i)
        if side.isTabVisible(i) and isinstance(area, QScrollArea) and side.tabText(i) != "Model":
            side.setCurrentIndex(i)
            hand.qtbot.wait(10)
            body = area.widget()
            assert body is not None
            assert body.minimumSizeHint().width() <= area.viewport().width(), side.tabText(i)
    side.setCurrentIndex(0)
