"""What a choice can be refused with."""

from __future__ import annotations


class ChoiceError(ValueError):
    """A choice the model cannot honour. The message is one plain sentence."""
