"""What the lenses of guidance share."""

from __future__ import annotations

from explorer.lenses.base import View, numpy32
from explorer.lenses.drawable import Missing

NO_LABEL = "Without a label nothing is guided: choose one on the left."


def unlabelled(view: View) -> Missing:
    """In place of a picture where there is no label."""
    return Missing(numpy32(view.prediction.eps) * float("nan"), NO_LABEL)
