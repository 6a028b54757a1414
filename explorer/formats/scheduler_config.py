"""The configuration of a scheduler of diffusers: the noise schedule and what the network's output means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, NamedSchedule
from explorer.formats.corrections import PredictionName
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, short
from explorer.formats.schedulers import CLASSES, Family, SchedulerClass

if TYPE_CHECKING:  # facts are read without torch
    from explorer.diffusion.schedules import DiscreteSchedule, Schedule

BETA_SCHEDULES = {
    "linear": "linear",
    "scaled_linear": "scaled_linear",
    "squaredcos_cap_v2": "cosine",
    "sigmoid": "sigmoid",
    "laplace": "laplace",
    "exp": "exponential ᾱ",
}
"""diffusers' names → those of the schedules built for them."""
PREDICTION_TYPES: dict[str, PredictionName] = {
    "epsilon": "eps",
    "sample": "x0",
    "v_prediction": "v",
    "flow_prediction": "flow",
    "flow": "flow",
}
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
    """trained_betas, where given, replace the named schedule. prediction: None where the file does not say.

    sigmas: (least, greatest), in units of the data, of a schedule without β. log_sigma_input: the network is told
    ¼ log σ in place of the time's index.
    """

    class_name: str
    family: Family
    T: int
    beta_schedule: str
    beta_start: float
    beta_end: float
    trained_betas: tuple[float, ...] | None
    zero_terminal_snr: bool
    prediction: PredictionName | None
    variance_type: str | None
    sampler_defaults: dict[str, Any]
    sigmas: tuple[float, float] = (0.01, 50.0)
    sigma_data: float = 0.5
    rho: float | None = 7.0
    """None for σ that rise geometrically."""
    edm_sign: int = 1
    """Of the network's share in x̂₀, as EDM schedulers have it: −1 for their "v_prediction"."""
    log_sigma_input: bool = False

    @property
    def told_noise(self) -> bool:
        """True where the network is told the noise level, not the time."""
        return self.log_sigma_input or self.family not in ("beta", "flow")

    @property
    def schedule_name(self) -> str:
        """The name that the schedule built from this has."""
        if self.family == "flow":
            return "rectified_flow"
        if self.family != "beta":
            return "geometric" if self.rho is None else "karras"
        name = "trained betas" if self.trained_betas else BETA_SCHEDULES[self.beta_schedule]
        return f"{name}, zero terminal SNR" if self.zero_terminal_snr else name

    @property
    def schedule_numbers(self) -> NamedSchedule | None:
        """The same with its numbers, None for trained betas."""
        if self.family == "flow":
            return NamedSchedule("rectified_flow")
        if self.family != "beta":
            numbers = (("sigma_min", self.sigmas[0]), ("sigma_max", self.sigmas[1]))
            return (
                NamedSchedule("geometric", numbers)
                if self.rho is None
                else NamedSchedule("karras", (*numbers, ("rho", self.rho)))
            )
        if self.trained_betas:
            return None
        name = BETA_SCHEDULES[self.beta_schedule]
        betas = (("beta_start", self.beta_start), ("beta_end", self.beta_end)) if name != "cosine" else ()
        return NamedSchedule(name, betas, self.zero_terminal_snr)

    def schedule(self) -> Schedule:
        """The schedule, the same numbers as diffusers' alphas_cumprod or σ. Raises ModelError where there is none."""
        from explorer.diffusion import schedules

        try:
            if self.family == "flow":
                return schedules.RectifiedFlow(self.T)
            if self.family != "beta":
                low, high = self.sigmas
                if self.rho is None:
                    return schedules.geometric(self.T, low, high)
                return schedules.karras(self.T, low, high, self.rho)
            schedule = self._of_betas()
            return schedules.rescale_zero_terminal_snr(schedule) if self.zero_terminal_snr else schedule
        except ValueError as error:
            raise ModelError(f"The scheduler's configuration gives no noise schedule: {error}.") from error

    def _of_betas(self) -> DiscreteSchedule:
        import torch

        from explorer.diffusion import schedules

        if self.trained_betas:
            betas = torch.tensor(self.trained_betas, dtype=torch.float64)
            return schedules.DiscreteSchedule.from_betas("trained betas", betas)
        if self.beta_schedule == "squaredcos_cap_v2":
            return schedules.cosine(self.T)
        if self.beta_schedule == "laplace":
            return schedules.laplace(self.T)
        if self.beta_schedule == "exp":  # ᾱ = exp(−12 t/T)
            betas = -torch.expm1(torch.full((self.T,), -12 / self.T, dtype=torch.float64))
            return schedules.DiscreteSchedule.from_betas(BETA_SCHEDULES["exp"], betas.clamp(max=0.999))
        family = schedules.DISCRETE[self.beta_schedule]
        return family(self.T, beta_start=self.beta_start, beta_end=self.beta_end)


def read_scheduler_config(fields: Fields, where: str, evidence: Evidence) -> SchedulerConfig:
    """where: the file's name in the model's folder, "" for none. Raises ModelError for another scheduler or schedule.

    The evidence gets what the file says and what diffusers takes for granted where it says nothing.
    """
    name = fields.values.get("_class_name", "DDPMScheduler")
    if not isinstance(name, str) or name not in CLASSES:
        raise ModelError(
            f"{fields.label} describes a {short(name)}, which is not read: use the configuration of another scheduler, "
            "such as DDIMScheduler, that the model was trained with."
        )
    known = CLASSES[name]
    evidence.add("scheduler", name, "file" if where else "default", where or "diffusers")
    prediction_type = fields.choice("prediction_type", None, tuple(PREDICTION_TYPES))
    flow = prediction_type in ("flow", "flow_prediction") or fields.boolean("use_flow_sigmas", False)
    if known.family == "beta" and not flow:
        return _of_betas(fields, where, evidence, name, known, prediction_type)
    if known.family in ("beta", "flow"):
        return _of_flow(fields, where, evidence, name, prediction_type)
    return _of_sigmas(fields, where, evidence, name, known, prediction_type)


def _of_betas(
    fields: Fields, where: str, evidence: Evidence, name: str, known: SchedulerClass, prediction_type: str | None
) -> SchedulerConfig:
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
        default = known.defaults.get("beta_schedule", "linear")
        beta_schedule = fields.choice("beta_schedule", default, tuple(BETA_SCHEDULES))
        _record(evidence, fields, where, "noise schedule", "beta_schedule", beta_schedule)
    beta_start = fields.number("beta_start", known.defaults.get("beta_start", 0.0001), 0.0, 1.0)
    beta_end = fields.number("beta_end", known.defaults.get("beta_end", 0.02), 0.0, 1.0)
    if trained_betas is None and beta_schedule in ("linear", "scaled_linear", "sigmoid"):
        _record(evidence, fields, where, "first β", "beta_start", beta_start)
        _record(evidence, fields, where, "last β", "beta_end", beta_end)
    zero_terminal_snr = fields.boolean("rescale_betas_zero_snr", False)
    if zero_terminal_snr:
        evidence.add("zero terminal SNR", "yes", "file", where)
    variance_type = fields.choice("variance_type", None, (*VARIANCES, "learned", "learned_range"))
    log_sigma_input = fields.values.get("timestep_type") == "continuous" and prediction_type == "v_prediction"
    if log_sigma_input:
        evidence.add("time input", "¼ log σ", "file", f"{where}: timestep_type")
    return SchedulerConfig(
        class_name=name,
        family="beta",
        T=T,
        beta_schedule=beta_schedule,
        beta_start=beta_start,
        beta_end=beta_end,
        trained_betas=trained_betas,
        zero_terminal_snr=zero_terminal_snr,
        prediction=PREDICTION_TYPES[prediction_type] if prediction_type else None,
        variance_type=variance_type,
        sampler_defaults=_sampler_defaults(fields, where, evidence, name, known, variance_type),
        log_sigma_input=log_sigma_input,
    )


def _of_flow(fields: Fields, where: str, evidence: Evidence, name: str, prediction_type: str | None) -> SchedulerConfig:
    T = fields.integer("num_train_timesteps", 1000, 1, MAX_T)
    _record(evidence, fields, where, "T", "num_train_timesteps", T)
    evidence.add("noise schedule", "rectified flow", "inferred", f"{where}: {name}")
    key = "flow_shift" if "flow_shift" in fields else "shift"
    shift = fields.number(key, 1.0, 1e-3, 1e3)
    if shift != 1:
        evidence.add("time shift", f"{shift:g}", "file", where)
        evidence.warn(
            f"The scheduler's {key} = {shift:g} moves the steps of its own runs towards noise; runs here are even in t."
        )
    prediction: PredictionName = PREDICTION_TYPES[prediction_type] if prediction_type else "flow"
    return _without_betas(name, "flow", T, prediction, {"clip": False, "spacing": "linspace"})


def _of_sigmas(
    fields: Fields, where: str, evidence: Evidence, name: str, known: SchedulerClass, prediction_type: str | None
) -> SchedulerConfig:
    T = fields.integer("num_train_timesteps", known.defaults.get("num_train_timesteps", 1000), 1, MAX_T)
    _record(evidence, fields, where, "T", "num_train_timesteps", T)
    low = fields.number("sigma_min", known.defaults["sigma_min"], 1e-9, 1e9)
    high = fields.number("sigma_max", known.defaults["sigma_max"], 1e-9, 1e9)
    _record(evidence, fields, where, "least σ", "sigma_min", low)
    _record(evidence, fields, where, "greatest σ", "sigma_max", high)
    defaults: dict[str, Any] = {"clip": False, "spacing": "linspace"}
    if known.family == "ve":
        evidence.add("noise schedule", "geometric σ, variance exploding", "inferred", f"{where}: {name}")
        evidence.add("time input", "σ", "inferred", f"{where}: {name}")
        defaults["snr"] = fields.number("snr", 0.15, 1e-6, 1e3)
        defaults["corrector_steps"] = fields.integer("correct_steps", 1, 0, 1000)
        config = _without_betas(name, "ve", T, "score", defaults)
        return replace(config, sigmas=(low, high), rho=None)
    rho = fields.number("rho", 7.0, 0.1, 100.0)
    exponential = fields.values.get("sigma_schedule") == "exponential"
    evidence.add("noise schedule", "geometric σ" if exponential else f"Karras, ρ = {rho:g}", "file", where)
    sigma_data = fields.number("sigma_data", 0.5, 1e-6, 1e6)
    _record(evidence, fields, where, "σ of the data", "sigma_data", sigma_data)
    if known.family == "consistency":
        evidence.warn("This is a consistency model: its x̂₀ is where the flow from x_t ends, not the mean E[x₀ | x_t].")
    elif prediction_type not in (None, "epsilon", "v_prediction"):
        raise fields.wrong("prediction_type", "epsilon or v_prediction")
    config = _without_betas(name, known.family, T, "x0", defaults)
    return replace(
        config,
        sigmas=(low, high),
        rho=None if exponential else rho,
        sigma_data=sigma_data,
        edm_sign=-1 if prediction_type == "v_prediction" else 1,
    )


def _without_betas(
    name: str, family: Family, T: int, prediction: PredictionName, defaults: dict[str, Any]
) -> SchedulerConfig:
    return SchedulerConfig(name, family, T, "", 0.0, 0.0, None, False, prediction, None, defaults)


def _sampler_defaults(
    fields: Fields, where: str, evidence: Evidence, name: str, known: SchedulerClass, variance_type: str | None
) -> dict[str, Any]:
    clip = known.clips and fields.boolean("clip_sample", known.defaults.get("clip_sample", True))
    defaults: dict[str, Any] = {
        "clip": clip,
        "clip_range": fields.number("clip_sample_range", 1.0, 1e-6, 1e6),
        "spacing": fields.choice("timestep_spacing", known.defaults.get("timestep_spacing", "leading"), SPACINGS),
    }
    _record(evidence, fields, where, "clip x̂₀", "clip_sample", "yes" if defaults["clip"] else "no")
    if defaults["clip"]:
        _record(evidence, fields, where, "clip range", "clip_sample_range", defaults["clip_range"])
    _record(evidence, fields, where, "spacing", "timestep_spacing", defaults["spacing"])
    if name in ("DDPMScheduler", "DDPMParallelScheduler"):  # DDIM's variance is its η
        defaults["variance"] = VARIANCES.get(variance_type or "fixed_small", "beta_tilde")
        _record(evidence, fields, where, "variance", "variance_type", variance_type or "fixed_small")
    if known.thresholds and fields.boolean("thresholding", False):
        # It goes before clip_sample, and where sample_max_value is 1, as it is by default, it is plain clipping.
        most = fields.number("sample_max_value", 1.0, 0.0, 1e9)
        ratio = fields.number("dynamic_thresholding_ratio", 0.995, 0.0, 1.0)
        defaults |= {"clip": True, "clip_range": 1.0, "percentile": 100 * ratio if most > 1 else 0.0}
        _record(evidence, fields, where, "dynamic thresholding", "dynamic_thresholding_ratio", ratio)
        if most > 1:
            defaults["most"] = most
            _record(evidence, fields, where, "largest bound", "sample_max_value", f"{most:g}")
    if fields.integer("steps_offset", 0, -MAX_T, MAX_T):
        evidence.warn(f"steps_offset = {fields.values['steps_offset']} is not applied: steps fall on other times.")
    if not fields.boolean("set_alpha_to_one", known.defaults.get("set_alpha_to_one", True)):
        evidence.warn("set_alpha_to_one = false is not applied: runs end at t = 0, not one step before.")
    return defaults


def _record(evidence: Evidence, fields: Fields, where: str, name: str, key: str, value: object) -> None:
    """A fact whose source is the file where it has the key, and diffusers' default where it does not."""
    evidence.add(name, value, "file" if key in fields else "default", where if key in fields else "diffusers")
