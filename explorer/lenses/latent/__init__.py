"""Lenses of a chain of latent variables: a VAE or a Markovian HVAE. One file for each."""
