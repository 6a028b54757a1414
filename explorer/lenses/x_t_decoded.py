"""x_t decoded: the picture that the noisy latent stands for."""

from __future__ import annotations

from explorer.lenses.decoded import decoded_lens

LENS = decoded_lens(
    "x_t_decoded", "D(x<sub>t</sub>)", "x_t through the autoencoder's decoder D", lambda view: view.prediction.x_t
)
