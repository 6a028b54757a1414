"""x̂₀ decoded: the picture that the model's best guess of the clean latent stands for."""

from __future__ import annotations

from explorer.lenses.decoded import decoded_lens

LENS = decoded_lens(
    "x0_decoded", "D(x̂<sub>0</sub>)", "x̂₀ through the autoencoder's decoder D", lambda view: view.prediction.x0
)
