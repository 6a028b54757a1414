"""What the user does and what the engine answers, without a widget: choices become requests, frames what is on show.

`scene` holds what is on show. Each other file has one object that changes it, and knows those it needs and no more:
`requests` ← `looks`, `run_maker` ← `player` ← `branches`, `comparison`, `changes`, `opener`, `keeper` ← `answers`.
`session` puts them together; it is all that the window knows.
"""

from explorer.ui.session.keeper import SESSION_ENDING
from explorer.ui.session.scene import COMPARED_LENSES, SECOND_LENSES, StartingCloud
from explorer.ui.session.session import Session

__all__ = ["COMPARED_LENSES", "SECOND_LENSES", "SESSION_ENDING", "Session", "StartingCloud"]
