"""Data to train on and to look at: toy distributions, digits, pixel-art faces, picture files."""
