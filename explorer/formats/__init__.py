"""Checkpoint formats, one file each: a path on disk → a Model. Importing this package does not import torch."""
