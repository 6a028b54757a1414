"""diffusers' schedulers that no run here can be made of, each with the reason, which follows its name in a sentence."""

from __future__ import annotations

_TOKENS = "is for networks whose data are tokens, not numbers"
_ONE_LOOK = "is made for networks that remove all noise in one look, along levels of their own"
_PATH = "goes along a path of its own and takes no noise schedule"
REFUSED = {
    "AmusedScheduler": _TOKENS,
    "BlockRefinementScheduler": _TOKENS,
    "DiscreteDDIMScheduler": _TOKENS,
    "EntropyBoundScheduler": _TOKENS,
    "VQDiffusionScheduler": _TOKENS,
    "CMStochasticIterativeScheduler": _ONE_LOOK,
    "ConsistencyDecoderScheduler": _ONE_LOOK,
    "SCMScheduler": _ONE_LOOK,
    "DDPMWuerstchenScheduler": _PATH,
    "IPNDMScheduler": _PATH,
    "MiniMaxH3Scheduler": "is told a velocity that points to the data, as MiniMax-H3's video network gives it",
    "UnCLIPScheduler": "knows one noise schedule alone, its own cosine",
    "CogVideoXDPMScheduler": "asks at each step for the x̂₀ of the step before, which a run does not hand it",
    "FlowMapEulerDiscreteScheduler": "needs a network that is told the time it goes to",
    "HeliosScheduler": "makes videos from coarse to fine, and changes their size on the way",
    "HeliosDMDScheduler": "makes videos from coarse to fine, and changes their size on the way",
    "PiflowScheduler": "needs a network that says a whole policy at each look, not one prediction",
    "RFD4ProteinaScheduler": "is for the coordinates and angles of proteins",
    "RePaintScheduler": "needs a picture and a mask that says which part of it to paint anew",
    "KarrasVeScheduler": "takes two calls a step, with the noise put in between by its pipeline",
    "ScoreSdeVeScheduler": "takes two calls a step, a corrector's too: the sampler predictor_corrector makes both",
    "ScoreSdeVpScheduler": "has no step of the common kind: the sampler euler_maruyama goes along the same SDE",
}
