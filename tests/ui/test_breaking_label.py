"""Long names may end a line and are copied as they are."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from explorer.ui.breaking_label import BREAK, BreakingLabel

NAME = "unet/diffusion_pytorch_model.fp16.safetensors, 1.9 MB"


def test_what_is_copied_has_no_marks(qtbot: QtBot) -> None:
    label = BreakingLabel(NAME)
    qtbot.addWidget(label)
    assert BREAK in label.text()
    assert label.minimumSizeHint().width() < label.fontMetrics().horizontalAdvance(NAME) / 2
    clipboard = QGuiApplication.clipboard()
    label.copy()
    assert clipboard.text() == NAME
    label.setSelection(0, 20)
    label.setFocus()
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text() == NAME[: 20 - label.text()[:20].count(BREAK)]
