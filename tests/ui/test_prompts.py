"""The texts of a model that reads text, and the pictures of a latent one."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from explorer.facts import ModelFacts
from explorer.state import State, first_lenses
from explorer.ui.choices import Choices

TEXT = ModelFacts("m", "diffusers", "m", "latent", (4, 8, 8), 100, "eps", "linear", prompted=True)
PLAIN = ModelFacts("p", "diffusers", "p", "image", (1, 8, 8), 100, "eps", "linear", class_names=("a",), null_label=1)


def test_texts_are_taken_with_enter(qtbot: QtBot) -> None:
    choices = Choices()
    qtbot.addWidget(choices)
    choices.show()
    choices.set_facts(TEXT, "cpu")
    choices.set_state(State(model="m"))
    prompt = choices.findChild(QLineEdit, "promptEdit")
    negative = choices.findChild(QLineEdit, "negativePromptEdit")
    label = choices.findChild(QComboBox, "labelCombo")
    assert prompt is not None
    assert negative is not None
    assert label is not None
    assert prompt.isVisibleTo(choices)
    assert not label.isVisibleTo(choices)
    for field, text, key in ((prompt, "a cat", "prompt"), (negative, "dogs", "negative_prompt")):
        QTest.keyClicks(field, text)
        with qtbot.waitSignal(choices.changed) as caught:
            QTest.keyClick(field, Qt.Key.Key_Return)
        assert caught.args == [{key: text}]
    choices.set_state(State(model="m", prompt="a dog"))
    assert prompt.text() == "a dog"
    choices.set_facts(PLAIN, "cpu")
    assert not prompt.isVisibleTo(choices)
    assert label.isVisibleTo(choices)


def test_latent_models_begin_with_their_pictures() -> None:
    assert first_lenses(("x_t", "eps"), TEXT) == ("x_t", "eps", "x_t_decoded", "x0_decoded")
    assert first_lenses(("x_t", "x0_decoded"), TEXT) == ("x_t", "x0_decoded")
    assert first_lenses(("x_t",), PLAIN) == ("x_t",)
