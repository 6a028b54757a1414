"""Diffusion Explorer: load a trained diffusion model and see what it computes."""

__version__ = "0.1.0"
