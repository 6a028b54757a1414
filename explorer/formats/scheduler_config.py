"""The configuration of diffusers' DDPMScheduler and DDIMScheduler: the noise schedule and what the output means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.corrections import PredictionName
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, short

if TYPE_CHECKING:  # facts are read without torch
    from explorer.diffusion.schedules import DiscreteSchedule

CLASS_NAMES = ("DDPMScheduler", "DDIMScheduler")
BETA_SCHEDULES = {"linear": "linear", "scaled_linear": "scaled_linear", "squaredcos_cap_v2": "cosine"}
"""diffusers' names → those of explorer.diffusion.schedules."""
PREDICTION_TYPES: dict[str, PredictionName] = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
VARIANCES = {
    "fixed_small": "beta_tilde",
    "fixed_small_log": "beta_tilde",
    "fixed_large": "beta",
    "fixed_large_log": "beta",
}
"""diffusers' variance_type → the parameter `variance` of our samplers."""
SPACINGS = ("leading", "trailing", "linspace")
MAX_T = 100_000


@dataclass(frozen=True)
class SchedulerConfig:
    """trained_betas, where given, replace the named schedule. prediction: None where the file does not say."""

    class_name: str
    T: int
    beta_schedule: str
    beta_start: float
    beta_end: float
    trained_betas: tuple[float, ...] | None
    zero_terminal_snr: bool
    prediction: PredictionName | None
    variance_type: str | None
    sampler_defaults: dict[str, Any]

    @property
    def schedule_name(self) -> str:
        """The name that the schedule built from this has."""
        name = "trained betas" if self.trained_betas else BETA_SCHEDULES[self.beta_schedule]
        return f"{name}, zero terminal SNR" if self.zero_terminal_snr else name

    def schedule(self) -> DiscreteSchedule:
        """The schedule, the same numbers as diffusers' alphas_cumprod. Raises ModelError where there is none."""
        import torch

        from explorer.diffusion import schedules

        try:
            if self.trained_betas:
                betas = torch.tensor(self.trained_betas, dtype=torch.float64)
                schedule = schedules.DiscreteSchedule.from_betas("trained betas", betas)
            elif self.beta_schedule == "squaredcos_cap_v2":
                schedule = schedules.cosine(self.T)
            else:
                family = schedules.DISCRETE[self.beta_schedule]
                schedule = family(self.T, beta_start=self.beta_start, beta_end=self.beta_end)
            return schedules.rescale_zero_terminal_snr(schedule) if self.zero_terminal_snr else schedule
        except ValueError as error:
            raise ModelError(f"The scheduler's configuration gives no noise schedule: {error}.") from error


def read_scheduler_config(fields: Fields, where: str, evidence: Evidence) -> SchedulerConfig:
    """where: the file's name in the model's folder, "" for none. Raises ModelError for another scheduler or schedule.

    The evidence gets what the file says and what diffusers takes for granted where it says nothing.
    """
    name = fields.values.get("_class_name", CLASS_NAMES[0])
    if name not in CLASS_NAMES:
        raise ModelError(f"{fields.label} describes a {short(name)}: only {' and '.join(CLASS_NAMES)} are read.")
    trained_betas = fields.numbers("trained_betas", 0.0, 1.0, MAX_T)
    T = fields.integer("num_train_timesteps", 1000, 1, MAX_T)
    if trained_betas is not None and len(trained_betas) != T:
        if "num_train_timesteps" in fields:
            evidence.warn(f"T is {len(trained_betas)}, the number of trained betas, not num_train_timesteps = {T}.")
        T = len(trained_betas)
        evidence.add("T", T, "inferred", f"{where}: trained_betas")
    else:
        _record(evidence, fields, where, "T", "num_train_timesteps", T)
    if trained_betas is not None:
        beta_schedule = "linear"
        evidence.add("noise schedule", f"{T} trained betas", "file", where)
    else:
        beta_schedule = fields.choice("beta_schedule", "linear", tuple(BETA_SCHEDULES))
        _record(evidence, fields, where, "noise schedule", "beta_schedule", beta_schedule)
    beta_start = fields.number("beta_start", 0.0001, 0.0, 1.0)
    beta_end = fields.number("beta_end", 0.02, 0.0, 1.0)
    if trained_betas is None and beta_schedule != "squaredcos_cap_v2":
        _record(evidence, fields, where, "first β", "beta_start", beta_start)
        _record(evidence, fields, where, "last β", "beta_end", beta_end)
    zero_terminal_snr = fields.boolean("rescale_betas_zero_snr", False)
    if zero_terminal_snr:
        evidence.add("zero terminal SNR", "yes", "file", where)
    variance_type = fields.choice("variance_type", None, (*VARIANCES, "learned", "learned_range"))
    prediction_type = fields.choice("prediction_type", None, tuple(PREDICTION_TYPES))
    return SchedulerConfig(
        class_name=name,
        T=T,
        beta_schedule=beta_schedule,
        beta_start=beta_start,
        beta_end=beta_end,
        trained_betas=trained_betas,
        zero_terminal_snr=zero_terminal_snr,
        prediction=PREDICTION_TYPES[prediction_type] if prediction_type else None,
        variance_type=variance_type,
        sampler_defaults=_sampler_defaults(fields, where, evidence, name, variance_type),
    )


def _sampler_defaults(
    fields: Fields, where: str, evidence: Evidence, class_name: str, variance_type: str | None
) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "clip": fields.boolean("clip_sample", True),
        "clip_range": fields.number("clip_sample_range", 1.0, 1e-6, 1e6),
        "spacing": fields.choice("timestep_spacing", "leading", SPACINGS),
    }
    _record(evidence, fields, where, "clip x̂₀", "clip_sample", "yes" if defaults["clip"] else "no")
    if defaults["clip"]:
        _record(evidence, fields, where, "clip range", "clip_sample_range", defaults["clip_range"])
    _record(evidence, fields, where, "spacing", "timestep_spacing", defaults["spacing"])
    if class_name == "DDPMScheduler":  # DDIM's variance is its η
        defaults["variance"] = VARIANCES.get(variance_type or "fixed_small", "beta_tilde")
        _record(evidence, fields, where, "variance", "variance_type", variance_type or "fixed_small")
    if fields.boolean("thresholding", False):
        # It goes before clip_sample, and where sample_max_value is 1, as it is by default, it is plain clipping.
        most = fields.number("sample_max_value", 1.0, 0.0, 1e9)
        ratio = fields.number("dynamic_thresholding_ratio", 0.995, 0.0, 1.0)
        defaults |= {"clip": True, "clip_range": 1.0, "percentile": 100 * ratio if most > 1 else 0.0}
        _record(evidence, fields, where, "dynamic thresholding", "dynamic_thresholding_ratio", ratio)
        if most > 1:
            evidence.warn(f"sample_max_value = {most:g} is not applied: dynamic thresholding goes on beyond it.")
    if fields.integer("steps_offset", 0, -MAX_T, MAX_T):
        evidence.warn(f"steps_offset = {fields.values['steps_offset']} is not applied: steps fall on other times.")
    if not fields.boolean("set_alpha_to_one", True):
        evidence.warn("set_alpha_to_one = false is not applied: runs end at t = 0, not one step before.")
    return defaults


def _record(evidence: Evidence, fields: Fields, where: str, name: str, key: str, value: object) -> None:
    """A fact whose source is the file where it has the key, and diffusers' default where it does not."""
    evidence.add(name, value, "file" if key in fields else "default", where if key in fields else "diffusers")
