"""The recipes that made `checkpoints/`: one file each, with a typed configuration at its top and a function `run`.

What they share: `loop.py` moves the weights, `objective.py` says what is minimised, `folder.py` and `card.py` write the
model; `…_quality.py` measures it. `live.py` trains while somebody looks on.
"""
