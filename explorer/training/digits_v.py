"""Recipe `digits_v`: see `twins.py`."""

from __future__ import annotations

from functools import partial

from explorer.training.twins import train_twin

run = partial(train_twin, "v")
