"""Lenses: what can be seen of a prediction, one file each."""
