"""What the tab about likelihood says of itself, with the formulas."""

from __future__ import annotations

SAMPLES = (
    "How many of the model's samples x₀ the bound is averaged over: its error falls as 1/√n.\n"
    "With a label y it is the bound on log p(x₀ | y), on samples of that class."
)
VARIANCE = (
    "The variance v of p_θ(x_{t−1} | x_t) = N(μ_θ, v I):\n"
    "posterior, that of q(x_{t−1} | x_t, x₀): σ_q² = (1 − α_t)(1 − ᾱ_{t−1}) / (1 − ᾱ_t);\n"
    "forward, that of q(x_t | x_{t−1}): β_t = 1 − α_t.\n"
    "The first is best where x₀ is certain, the other where the data are as wide as the noise.\n"
    "Neither is one that the network has learned, which the bound leaves out."
)
ODE = (
    "log p(x₀) by the probability-flow ODE, dx = [f − ½ g² ŝ] dt:\n"
    "log p(x₀) = log p(x_T) + ∫ div dt, along the path of each sample.\n"
    "The divergence is exact for points, and Hutchinson's estimate vᵀ (∂f/∂x) v for pictures. It takes a while."
)
COMPUTE = "Measure the bound on log p(x₀). Looking, dragging and running go on meanwhile."
TERMS_PLOT = (
    "The terms that are subtracted, in nats per step, with one standard error, on an axis linear about 0:\n"
    "(A) at t: E KL(q(x_{t−1} | x_t, x₀) ‖ p_θ(x_{t−1} | x_t))\n"
    "(B) at t: E[log q(x_t | x_{t−1}) − log p_θ(x_t | x_{t+1})]"
)
VARIANCE_PLOT = (
    "The variance of one draw of one sample of each term, logarithmic.\n"
    "A term of (A) is random by x_t alone, one of (B) by x_{t−1} and x_{t+1}."
)
BOUND = (
    "(A) E log p(x₀|x₁) − KL(q(x_T|x₀) ‖ p(x_T)) − Σ_{t=2..T} E KL(q(x_{t−1}|x_t,x₀) ‖ p_θ(x_{t−1}|x_t))\n"
    "(B) E log p(x₀|x₁) − E KL(q(x_T|x_{T−1}) ‖ p(x_T)) − Σ_{t=1..T−1} E[log q(x_t|x_{t−1}) − log p_θ(x_t|x_{t+1})]\n"
    "Both are one number, the bound on log p(x₀).\n"
    "Texts write (B)'s terms as KL(q(x_t|x_{t−1}) ‖ p_θ(x_t|x_{t+1})), as\n"
    "if x_t did not depend on x_{t+1}: each would be about d nats too large, and the sum no bound that equals (A)."
)
SUMMARY = "Both splits have one expectation; how much a draw of each varies differs."
RECONSTRUCTION = "E log p(x₀ | x₁): of bytes for pictures, of a density with σ₁² = β₁ for points"
PRIOR = "(A) KL(q(x_T | x₀) ‖ p(x_T)), nearly 0\n(B) E KL(q(x_T | x_{T−1}) ‖ p(x_T)), not small unless β_T is near 1"
ROWS = (
    ("reconstruction", "reconstruction", RECONSTRUCTION),
    ("prior", "− prior", PRIOR),
    ("terms", "− terms", "The sum of the terms over all steps; where some are left out, their neighbours stand in"),
    ("total", "= bound", "reconstruction − prior − terms ≤ log p(x₀), the same for (A) and (B) but for chance"),
    ("bits", "bits/dim", "−bound / (d log 2): what one number of a sample costs"),
    ("variance", "variance", "Of the total from one draw of one sample"),
    ("ode", "log p, ODE", "log p(x₀) by the probability-flow ODE, averaged over the samples"),
    ("exact", "log p, exact", "log p(x₀) of the distribution that the data are drawn from"),
)
OBJECTIVES = (
    ("explicit", "explicit", "E[tr ∇ŝ + ½‖ŝ‖²] = ½F − ½C, with C = E‖∇log p‖² (Hyvärinen 2005)"),
    ("sliced", "sliced", "E[vᵀ ∇ŝ v + ½‖ŝ‖²] with random signs v: ½F − ½C as well (Song et al. 2020)"),
    ("denoising", "denoising", "E ½‖ŝ(x_t) + ε/s‖² = ½F − ½C + ½ d/s² (Vincent 2011)"),
    ("fisher", "½ Fisher", "½F = ½ E‖ŝ − ∇log p‖², which needs the exact score"),
)
OBJECTIVES_TITLE = (
    "Three objectives that a score is learned by, on points x_t at the slider's t. They differ by constants that no\n"
    "model can change, so what each is above its value for the exact score is the same: half the Fisher divergence F."
)
