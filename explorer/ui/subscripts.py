"""Subscripts that plain text has no letters for, such as those of p_θ and σ_q: painted, or as rich text."""

from __future__ import annotations

import re

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

_BELOW = re.compile(r"_([A-Za-z0-9θφ])(?![A-Za-z0-9_])")
SCALE = 0.75
"""Size of a subscript, of what it stands at."""
DROP = 0.22
"""How far below the line, in heights of the line's capitals."""


def rich(text: str) -> str:
    """p_θ as p<sub>θ</sub>. text: escaped."""
    return _BELOW.sub(r"<sub>\1</sub>", text)


def paint_line(painter: QPainter, box: QRect, alignment: Qt.AlignmentFlag, text: str) -> None:
    """As QPainter.drawText of one line, with subscripts."""
    if "_" not in text:
        painter.drawText(box, int(alignment), text)
        return
    font, small = painter.font(), QFont(painter.font())
    small.setPointSizeF(font.pointSizeF() * SCALE)
    fonts, metrics = (font, small), (QFontMetricsF(font), QFontMetricsF(small))
    runs = [(part, i % 2) for i, part in enumerate(_BELOW.split(text)) if part]
    widths = [metrics[below].horizontalAdvance(part) for part, below in runs]
    room = box.width() - sum(widths)
    at_right, centred = alignment & Qt.AlignmentFlag.AlignRight, alignment & Qt.AlignmentFlag.AlignHCenter
    x = box.left() + (room if at_right else room / 2 if centred else 0.0)
    line = box.top() + (box.height() + metrics[0].ascent() - metrics[0].descent()) / 2
    for (part, below), width in zip(runs, widths, strict=True):
        painter.setFont(fonts[below])
        painter.drawText(QPointF(x, line + below * DROP * metrics[0].capHeight()), part)
        x += width
    painter.setFont(font)
