"""The plots of the right side as one SVG, for papers and slides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QPainter
from PySide6.QtSvg import QSvgGenerator

from explorer.ui import theme
from explorer.ui.time_plot import TimePlot

TITLE_HEIGHT = 24


def save_plots(plots: Sequence[TimePlot], file: Path) -> None:
    """One below the other, at the size they have in the window. Raises OSError where the file cannot be written."""
    if not os.access(file.parent, os.W_OK):  # Qt would only print that
        raise OSError(f"“{file.parent}” cannot be written to")
    part = file.with_name(f".{file.name}.part")
    width = max(plot.plot.width() for plot in plots)
    heights = [TITLE_HEIGHT + plot.plot.height() for plot in plots]
    generator = QSvgGenerator()
    generator.setFileName(str(part))
    generator.setSize(QSize(width, sum(heights)))
    generator.setViewBox(QRectF(0, 0, width, sum(heights)))
    generator.setTitle("Diffusion Explorer")
    painter = QPainter()
    if not painter.begin(generator):
        raise OSError(f"“{file}” cannot be written")
    top = 0
    for plot, height in zip(plots, heights, strict=True):
        _draw(painter, plot, top)
        top += height
    painter.end()
    part.replace(file)


def _draw(painter: QPainter, plot: TimePlot, top: int) -> None:
    t = theme.current()
    rect = plot.plot.rect()
    painter.fillRect(QRectF(0, top, rect.width(), TITLE_HEIGHT + rect.height()), QColor(t.surface))
    painter.setPen(QColor(t.text))
    painter.drawText(QPointF(8, top + 16), plot.title)
    x = rect.width() - 8.0
    for name, colour in reversed(plot.legend()):
        x -= painter.fontMetrics().horizontalAdvance(name) + 10
        painter.setPen(QColor(colour))
        painter.drawText(QPointF(x, top + 16), name)
    plot.plot.render(painter, QRectF(0, top + TITLE_HEIGHT, rect.width(), rect.height()), rect)
