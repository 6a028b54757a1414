"""What the user chose (`choices`), how a file of it is read (`saved`), and what it means for a model (`resolve`).

Plain Python: nothing here knows the engine or the window.
"""

from explorer.state.choices import State
from explorer.state.errors import ChoiceError
from explorer.state.first_lenses import first_lenses
from explorer.state.parameters import with_custom_times, with_parameter
from explorer.state.resolve import (
    DEFAULT_POINTS,
    MAX_POINTS,
    MAX_PROMPT,
    MAX_STEPS,
    max_count,
    measured_samples,
    resolve_bound,
    resolve_latent_bound,
    resolve_look,
    resolve_matching,
    resolve_run,
)

__all__ = [
    "DEFAULT_POINTS",
    "MAX_POINTS",
    "MAX_PROMPT",
    "MAX_STEPS",
    "ChoiceError",
    "State",
    "first_lenses",
    "max_count",
    "measured_samples",
    "resolve_bound",
    "resolve_latent_bound",
    "resolve_look",
    "resolve_matching",
    "resolve_run",
    "with_custom_times",
    "with_parameter",
]
