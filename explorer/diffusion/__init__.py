"""The mathematics of diffusion models. Depends on torch (and numpy for random numbers) alone."""
