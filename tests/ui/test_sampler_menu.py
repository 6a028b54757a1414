"""The list of samplers: which are offered, what happens to a refused one, and a run's own list of times."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QStandardItemModel, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFormLayout, QLineEdit, QWidget

from explorer.engine.samplers import sampler_specs
from explorer.ui.choices import Choices
from tests.ui.hand import Hand


def offered(combo: QComboBox, name: str) -> bool:
    model = combo.model()
    assert isinstance(model, QStandardItemModel)
    return model.item(combo.findData(name)).isEnabled()


def tip(combo: QComboBox, name: str) -> str:
    return str(combo.itemData(combo.findData(name), Qt.ItemDataRole.ToolTipRole))


def type_times(hand: Hand, text: str) -> None:
    line = hand.find(QLineEdit, "sampler:times")
    line.setFocus()
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)
    hand.settle()


def test_every_sampler_has_an_entry_and_the_models_own_is_marked(hand: Hand) -> None:
    combo = hand.combo("samplerCombo")
    assert [combo.itemData(i) for i in range(combo.count()) if combo.itemData(i)] == [s.name for s in sampler_specs()]
    assert combo.itemText(combo.findData("diffusers:DDPMScheduler")) == "DDPMScheduler (the model’s)"
    assert "configuration names" in tip(combo, "diffusers:DDPMScheduler")
    assert combo.itemText(combo.findData("diffusers:PNDMScheduler")) == "PNDMScheduler"


def test_what_needs_a_density_is_offered_where_it_is_known(hand: Hand) -> None:
    combo = hand.combo("samplerCombo")
    assert not offered(combo, "mala")
    assert "density of this model is not known" in tip(combo, "mala")
    assert offered(combo, "diffusers:DDPMScheduler")


def test_the_exact_mixture_runs_mala(plane_hand: Hand) -> None:
    hand = plane_hand
    combo = hand.combo("samplerCombo")
    assert offered(combo, "mala")
    hand.reverse()
    hand.choose(combo, "mala")
    hand.type_into(hand.spin("stepsSpin"), "3")
    hand.settle()
    hand.play_to_end()
    assert not hand.sentences
    assert hand.session.run is not None
    assert hand.session.run.finished


def test_a_scheduler_of_diffusers_runs(hand: Hand) -> None:
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "diffusers:EulerDiscreteScheduler")
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.settle()
    hand.play_to_end()
    assert hand.window.state.t == 0
    assert "Loading" not in hand.status


@pytest.mark.parametrize("refused", ["mala", "nonsense"])
def test_after_a_refused_run_choices_and_tiles_agree(hand: Hand, refused: str) -> None:
    hand.reverse()
    hand.type_into(hand.spin("stepsSpin"), "4")
    hand.settle()
    hand.play_to_end()
    before, shown, strip = hand.window.state, hand.data("x_t"), hand.strip.steps
    hand.session.change(sampler=refused)
    hand.settle()
    assert hand.banner.isVisible()
    assert hand.window.state == before
    assert hand.combo("samplerCombo").currentData() == "ddim"
    assert (hand.data("x_t") == shown).all()
    assert hand.strip.steps == strip
    hand.click("backButton")
    hand.settle()
    assert hand.window.state.step == 3
    assert not hand.banner.isVisible()  # the user has gone on, and that worked


def test_a_run_refused_in_a_forward_view_leaves_that_view(hand: Hand) -> None:
    hand.session.change(sampler="mala")
    hand.click("playButton")
    hand.settle()
    assert hand.banner.isVisible()
    assert (hand.window.state.source, hand.window.state.t) == ("forward", 40)
    assert hand.combo("sourceCombo").currentData() == "forward"


def test_a_list_of_times_is_followed(hand: Hand) -> None:
    hand.reverse()
    type_times(hand, "90, 50 20")
    assert hand.session.run is not None
    assert hand.session.run.times == (90, 50, 20, 0)
    assert hand.find(QComboBox, "sampler:spacing").currentData() == "custom"
    assert not hand.spin("stepsSpin").isEnabled()
    hand.play_to_end()
    assert hand.window.state.step == 3


@pytest.mark.parametrize(
    ("text", "says"), [("90, soon", "numbers with commas"), ("20, 50", "smaller"), ("200, 50", "T = 100")]
)
def test_a_list_that_is_none_is_named_and_can_be_mended(hand: Hand, text: str, says: str) -> None:
    hand.reverse()
    type_times(hand, text)
    assert says in hand.banner.text()
    assert hand.find(QLineEdit, "sampler:times").text() == text
    type_times(hand, "60, 30")
    assert hand.session.run is not None
    assert hand.session.run.times == (60, 30, 0)
    assert not hand.banner.isVisible()


def test_the_spacing_custom_begins_with_times_of_the_run(hand: Hand) -> None:
    hand.reverse()
    hand.choose(hand.find(QComboBox, "sampler:spacing"), "custom")
    hand.settle()
    line = hand.find(QLineEdit, "sampler:times")
    times = [int(word) for word in line.text().split(",")]
    assert len(times) == 10
    assert times[0] >= 99
    assert hand.session.run is not None
    assert hand.session.run.times == (*times, 0)
    type_times(hand, "")
    assert hand.find(QComboBox, "sampler:spacing").currentData() == "leading"
    assert len(hand.session.run.times) == 51


def test_a_sampler_without_custom_times_does_without_them(hand: Hand) -> None:
    hand.reverse()
    type_times(hand, "60, 30")
    hand.choose(hand.combo("samplerCombo"), "diffusers:DDIMScheduler")
    hand.settle()
    assert not hand.sentences
    assert hand.session.run is not None
    assert len(hand.session.run.times) == 51


def test_everything_in_the_panel_can_be_reached_and_begins_at_one_edge(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.window.resize(1024, 700)
    hand.reverse()
    hand.choose(hand.combo("samplerCombo"), "annealed_langevin")
    hand.settle()
    panel = hand.find(Choices)
    body = panel.widget()
    assert isinstance(body, QWidget)
    assert body.width() == panel.viewport().width()
    edges = set()
    for form in body.findChildren(QFormLayout):
        for row in range(form.rowCount()):
            label, item = (
                form.itemAt(row, QFormLayout.ItemRole.LabelRole),
                form.itemAt(row, QFormLayout.ItemRole.FieldRole),
            )
            heading = label.widget() if label is not None else None
            if heading is not None and item is not None and heading.isVisible():
                corner = item.geometry().topLeft()
                edges.add((form.parentWidget() or body).mapTo(body, corner).x())
    assert len(edges) == 1
    last = hand.find(QWidget, "sampler:steps_per_level")
    panel.ensureWidgetVisible(last)
    assert panel.viewport().rect().contains(last.mapTo(panel.viewport(), last.rect().center()))


def test_the_wheel_scrolls_the_panel_and_changes_no_number(plane_hand: Hand) -> None:
    hand = plane_hand
    hand.window.resize(1024, 600)
    hand.settle()
    panel = hand.find(Choices)
    steps = hand.spin("stepsSpin")
    panel.ensureWidgetVisible(steps)
    before, at = steps.value(), QPointF(steps.rect().center())
    wheel = QWheelEvent(
        at, QPointF(steps.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    assert panel.verticalScrollBar().value() > 0
    QApplication.sendEvent(steps, wheel)
    assert steps.value() == before
    assert not wheel.isAccepted()  # so it goes on to the panel, which scrolls
    steps.setFocus()
    QApplication.sendEvent(steps, wheel)
    assert steps.value() == before + 1
