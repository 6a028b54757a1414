"""The guided tour: from the variational autoencoder to guided diffusion, each stop a model and something to do.

Every stop is one idea of the theory, in the order in which it is usually derived, with the model, the
tiles and the tab in which it can be seen. The texts claim nothing that the window does not then show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.ui.starting import Start


@dataclass(frozen=True)
class Stop:
    """model: a folder of checkpoints/. choices: fields of the State, over the model's first ones. tab: the title of the
    tab to have in front. start: where a run's points begin, None for the prior. plays: whether a run of it begins."""

    title: str
    text: str
    formula: str
    model: str
    choices: Mapping[str, Any] = field(default_factory=dict)
    tab: str = "Plots"
    start: Start | None = None
    plays: bool = False


_LANGEVIN = {"count": 2_000, "lenses": ("x_t", "score", "energy", "shares")}

STOPS: tuple[Stop, ...] = (
    Stop(
        "A variational autoencoder",
        "An encoder turns a picture into a Gaussian over latents, a decoder turns a draw z back into a picture. "
        "Drag the ring across the map: every place in the plane is some digit.",
        "z = μ<sub>φ</sub>(x) + σ<sub>φ</sub>(x) ⊙ ε, &nbsp; ε ~ N(0, I)",
        "vae_2d",
        {"lenses": ("z_t", "decoded", "latent_map", "latent_grid")},
    ),
    Stop(
        "Its evidence lower bound",
        "log p(x) is out of reach, a lower bound is not. Press Compute in the tab ELBO: how well x is rebuilt, "
        "less what the latent costs. Two latents can be summed over after all: the tile posterior has what the bound "
        "leaves out, the KL from q to the true p(z|x).",
        "log p(x) ≥ E log p<sub>θ</sub>(x|z) − KL(q<sub>φ</sub>(z|x) ‖ N(0, I))",
        "vae_2d",
        {"lenses": ("z_t", "decoded", "latent_posterior", "terms")},
        "ELBO",
    ),
    Stop(
        "A hierarchy of latents",
        "Now each latent has one above it, and the timeline counts levels. Press Space: z₃ is drawn, then each "
        "level below it. Go back to a level and press Redraw below: what is above stays, the rest is drawn anew.",
        "p(x, z₁, z₂, z₃) = p(z₃) p<sub>θ</sub>(z₂|z₃) p<sub>θ</sub>(z₁|z₂) p<sub>θ</sub>(x|z₁)",
        "hvae",
        {"lenses": ("z_t", "decoded", "levels", "redraws"), "t": 2},
        "ELBO",
    ),
    Stop(
        "The encoder becomes noise",
        "Make every latent as large as the picture and the encoder fixed Gaussian noise: that is diffusion. Drag "
        "t. The tile noising takes the single steps and the one jump side by side: the same distribution.",
        "q(x<sub>t</sub>|x<sub>0</sub>) = N(√ᾱ<sub>t</sub> x<sub>0</sub>, (1 − ᾱ<sub>t</sub>) I), &nbsp; "
        "ᾱ<sub>t</sub> = α<sub>1</sub> ⋯ α<sub>t</sub>",
        "digits",
        {"lenses": ("x_t", "noising", "noising_path", "histogram"), "t": 300, "sample": 2},
    ),
    Stop(
        "The step back",
        "Whoever knows x₀ knows the step back: a Gaussian in closed form. The model has to do without. Both are "
        "drawn as densities, with the KL between them, which is all that training makes smaller. Drag t.",
        "q(x<sub>t−1</sub>|x<sub>t</sub>, x<sub>0</sub>) &nbsp;against&nbsp; "
        "p<sub>θ</sub>(x<sub>t−1</sub>|x<sub>t</sub>)",
        "mixture",
        {"lenses": ("x_t", "x0", "step_plane", "step_means"), "t": 200},
    ),
    Stop(
        "Ancestral sampling",
        "Start from noise and take the step back again and again, noise and all: DDPM, here with 200 of the 1,000 "
        "times. Drag the slider back through the run, or press B at a step for a branch with other choices.",
        "x<sub>t−1</sub> = μ<sub>θ</sub>(x<sub>t</sub>, t) + σ<sub>t</sub> z",
        "digits",
        {"sampler": "ddpm", "steps": 200, "label": 3, "lenses": ("x_t", "x0", "eps", "path")},
        plays=True,
    ),
    Stop(
        "The bound of a diffusion model, in two splits",
        "Press Compute in the tab Likelihood. Both splits add up to one number; the second holds two random "
        "variables in each term, and its estimate has by far the larger variance. The bars show which t pay.",
        "log p(x<sub>0</sub>) ≥ E log p(x<sub>0</sub>|x<sub>1</sub>) − KL(q(x<sub>T</sub>|x<sub>0</sub>) ‖ N(0, "
        "I)) − ∑ KL(q(x<sub>t−1</sub>|x<sub>t</sub>, x<sub>0</sub>) ‖ p<sub>θ</sub>)",
        "mixture",
        {"lenses": ("x_t", "x0", "eps", "score"), "t": 200},
        "Likelihood",
    ),
    Stop(
        "A schedule that is learned",
        "In continuous time the loss sees nothing of the schedule but its ends: its shape can be learned, to make "
        "the estimate less noisy. Press Measure in the tab VDM: it compares the variances. Plots draws the schedule.",
        "SNR(t) = exp(−γ<sub>η</sub>(t)), &nbsp; ᾱ<sub>t</sub> = sigmoid(−γ<sub>η</sub>(t))",
        "vdm",
        {"lenses": ("x_t", "x0", "eps", "score"), "t": 600},
        "VDM",
    ),
    Stop(
        "One network, four answers",
        "Asked for the picture, the noise, the score or the velocity, a network says the same thing: each follows "
        "from each, with a, s and the noisy picture. Drag t: see in the tab Forms which form is well behaved where.",
        "x̂<sub>0</sub> = (x<sub>t</sub> − s ε̂)/a, &nbsp; ŝ = −ε̂/s, &nbsp; v̂ = a ε̂ − s x̂<sub>0</sub>",
        "digits",
        {"lenses": ("x0", "eps", "score", "v"), "t": 500, "sample": 2},
        "Forms",
    ),
    Stop(
        "What the network learns is a mean",
        "Many x₀ may have led to the same noisy point. Taken one by one, their scores differ much from the "
        "one learned; averaged over small cells they agree. Take more points (At once): they agree better.",
        "∇ log p(x<sub>t</sub>) = E[∇ log q(x<sub>t</sub>|x<sub>0</sub>) | x<sub>t</sub>] = −E[ε|x<sub>t</sub>]/s",
        "mixture",
        {"lenses": ("x_t", "score", "score_given_x0", "error"), "t": 400},
    ),
    Stop(
        "Up the score, without noise",
        "A score points to where data are denser. Follow it without noise, and every point ends on a mode: this is "
        "optimisation, not sampling. Switch Noise on, and press Space.",
        "x ← x + c ∇ log p(x)",
        "mixture",
        {
            **_LANGEVIN,
            "sampler": "langevin",
            "steps": 120,
            "parameters": {"level": 0.3, "step_size": 0.4, "add_noise": False},
        },
        plays=True,
    ),
    Stop(
        "Langevin dynamics",
        "With its noise the walk samples the density it stands in. But a score does not know the weights of pieces "
        "that lie apart: the shares remain those of the start, one cloud at the right, not the mixture's .5, .3 "
        "and .2.",
        "x ← x + c ∇ log p(x) + √(2c) z",
        "mixture",
        {
            **_LANGEVIN,
            "sampler": "langevin",
            "steps": 200,
            "parameters": {"level": 0.1, "step_size": 0.3, "add_noise": True},
        },
        start=Start(1.0, 0.2, 0.4),
        plays=True,
    ),
    Stop(
        "Annealed Langevin dynamics",
        "Begin with so much noise that the pieces are one, and lower it level by level. Points still cross while σ "
        "is large, and the shares come out right.",
        "σ<sub>1</sub> &gt; … &gt; σ<sub>L</sub>, &nbsp; c<sub>l</sub> = ½ ε<sub>0</sub> σ<sub>l</sub>²/σ<sub>L</sub>²",
        "mixture",
        {
            **_LANGEVIN,
            "sampler": "annealed_langevin",
            "steps": 20,
            "parameters": {"steps_per_level": 20, "step_size": 0.3, "add_noise": True},
        },
        plays=True,
    ),
    Stop(
        "Pictures from their scores alone",
        "The same with pictures, by a network that knows the scores at a hundred noise levels and nothing else: "
        "from uniform noise, ten levels, each a band on the timeline. Digits appear at the lower ones.",
        "L = ∑ λ(σ) E‖s<sub>θ</sub>(x + σ ε, σ) + ε/σ‖²",
        "ncsn",
        {"count": 4, "lenses": ("x_t", "x0", "score", "path")},
        plays=True,
    ),
    Stop(
        "The flow with the same marginals",
        "Take the steps to be infinitely small: a stochastic equation, and an ordinary one with the same density "
        "at every t. This run is the ordinary one. Choose Euler–Maruyama for the other, and press Space: rougher "
        "paths, the same shares.",
        "dx = [f − ½ g² ∇ log p<sub>t</sub>(x)] dt &nbsp;or&nbsp; dx = [f − g² ∇ log p<sub>t</sub>(x)] dt + g dw̄",
        "mixture",
        {"lenses": ("x_t", "path", "density", "shares"), "sampler": "ode", "steps": 50, "count": 2_000},
        plays=True,
    ),
    Stop(
        "Guidance",
        "A label moves the score. γ goes further along the difference than the network itself would: at 0 no "
        "label, at 1 the conditional model, beyond that clearer and less varied. Drag the "
        "slider back to see what is mixed; change γ or y, and press Space.",
        "ŝ = γ ŝ(x<sub>t</sub>, y) + (1 − γ) ŝ(x<sub>t</sub>)",
        "digits",
        {
            "label": 3,
            "guidance_scale": 3.0,
            "count": 4,
            "lenses": ("x0", "cond", "uncond", "guidance"),
        },
        plays=True,
    ),
)
