"""The score networks of Song & Ermon 2020 (NCSNv2), dilated RefineNets, with the parameter names of their files.

On the way down each stage has two residual blocks: the second stage halves the picture, and the last two see further
by dilation instead. On the way up each stage is refined by the coarser ones. The noise level is no input: it divides
the output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: MappingProxyType[str, Activation] = MappingProxyType(
    {
        "elu": nn.functional.elu,
        "relu": nn.functional.relu,
        "lrelu": lambda x: nn.functional.leaky_relu(x, 0.2),
        "swish": nn.functional.silu,
    }
)


@dataclass(frozen=True)
class Stage:
    """name: behind “res” and “refine” in the file. width: in features of the first stage. dilation: 1 where a picture
    is halved instead; of the first stage neither."""

    name: str
    width: int
    dilation: int = 1


STAGES: dict[str, tuple[Stage, ...]] = {
    "NCSNv2": (Stage("1", 1), Stage("2", 2), Stage("3", 2, 2), Stage("4", 2, 4)),
    "NCSNv2Deeper": (Stage("1", 1), Stage("2", 2), Stage("3", 2), Stage("4", 4, 2), Stage("5", 4, 4)),
    "NCSNv2Deepest": (
        Stage("1", 1),
        Stage("2", 2),
        Stage("3", 2),
        Stage("31", 2),
        Stage("4", 4, 2),
        Stage("5", 4, 4),
    ),
}
REFINES: dict[str, tuple[str, ...]] = {
    "NCSNv2": ("1", "2", "3", "4"),
    "NCSNv2Deeper": ("1", "2", "3", "4", "5"),
    "NCSNv2Deepest": ("1", "2", "31", "3", "4", "5"),
}
"""The names of the refinements, from the coarsest stage to the finest."""


@dataclass(frozen=True)
class NcsnConfig:
    """kind: of STAGES. centred: the network itself moves data of 0 … 1 to −1 … 1."""

    kind: str
    channels: int
    features: int
    activation: str = "elu"
    centred: bool = True


class InstanceNormPlus(nn.Module):
    """Instance normalisation that keeps how the means of the channels lie to each other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha, self.gamma, self.beta = (nn.Parameter(torch.zeros(channels)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3))
        centred = means - means.mean(dim=1, keepdim=True)
        means = centred / (means.var(dim=1, keepdim=True) + 1e-5).sqrt()
        h = nn.functional.instance_norm(x) + (means * self.alpha)[:, :, None, None]
        return self.gamma[:, None, None] * h + self.beta[:, None, None]


class Pooled(nn.Module):
    """A convolution, then the mean of each 2×2 pixels."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(self.conv(x), 2)


class Residual(nn.Module):
    """Two convolutions. changed: the first block of a stage but the first, which is halved or dilated."""

    def __init__(self, channels: int, out: int, dilation: int, changed: bool, activation: Activation) -> None:
        super().__init__()
        self.activation = activation
        middle = channels if changed else out

        def conv(first: int, second: int) -> nn.Conv2d:
            return nn.Conv2d(first, second, 3, padding=dilation, dilation=dilation)

        self.normalize1 = InstanceNormPlus(channels)
        self.conv1 = conv(channels, middle)
        self.normalize2 = InstanceNormPlus(middle)
        self.conv2: nn.Module = conv(middle, out)
        self.shortcut: nn.Module | None = None
        if changed and dilation == 1:
            self.conv2, self.shortcut = Pooled(middle, out, 3), Pooled(channels, out, 1)
        elif changed:
            self.shortcut = conv(channels, out)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(self.activation(self.normalize1(x)))
        h = self.conv2(self.activation(self.normalize2(h)))
        result: Tensor = h + (x if self.shortcut is None else self.shortcut(x))
        return result


class Units(nn.Module):
    """Residual units of two convolutions each."""

    def __init__(self, channels: int, count: int, activation: Activation) -> None:
        super().__init__()
        self.activation, self.count = activation, count
        for unit in range(1, count + 1):
            for step in (1, 2):
                self.add_module(f"{unit}_{step}_conv", nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        for unit in range(1, self.count + 1):
            h = x
            for step in (1, 2):
                h = self.get_submodule(f"{unit}_{step}_conv")(self.activation(h))
            x = x + h
        return x


class Convolutions(nn.Module):
    """A list of 3×3 convolutions."""

    def __init__(self, *channels: tuple[int, int], bias: bool) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(first, out, 3, padding=1, bias=bias) for first, out in channels)


class Refine(nn.Module):
    """A stage and what the coarser ones made of theirs, brought together: adapted, summed, pooled widely."""

    def __init__(self, inputs: tuple[int, ...], out: int, end: bool, activation: Activation) -> None:
        super().__init__()
        self.activation = activation
        self.adapt_convs = nn.ModuleList(Units(channels, 2, activation) for channels in inputs)
        if len(inputs) > 1:
            self.msf = Convolutions(*((channels, out) for channels in inputs), bias=True)
        self.crp = Convolutions((out, out), (out, out), bias=False)
        self.output_convs = Units(out, 3 if end else 1, activation)

    def forward(self, stages: tuple[Tensor, ...]) -> Tensor:
        size = stages[0].shape[2:]
        adapted = [unit(x) for unit, x in zip(self.adapt_convs, stages, strict=True)]
        x: Tensor = adapted[0]
        if len(adapted) > 1:
            made = [conv(h) for conv, h in zip(self.msf.convs, adapted, strict=True)]
            x = sum(nn.functional.interpolate(h, size, mode="bilinear", align_corners=True) for h in made)  # type: ignore[assignment]
        x = path = self.activation(x)
        for conv in self.crp.convs:
            path = conv(nn.functional.max_pool2d(path, 5, stride=1, padding=2))
            x = x + path
        result: Tensor = self.output_convs(x)
        return result


class NcsnV2(nn.Module):
    """(x (n, C, H, W), σ (n,)) → the score, (n, C, H, W)."""

    def __init__(self, config: NcsnConfig) -> None:
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        stages, features, activation = STAGES[config.kind], config.features, self.activation
        self.begin_conv = nn.Conv2d(config.channels, features, 3, padding=1)
        self.normalizer = InstanceNormPlus(features)
        self.end_conv = nn.Conv2d(features, config.channels, 3, padding=1)
        widths = [stage.width * features for stage in stages]
        for i, stage in enumerate(stages):
            before = widths[max(i - 1, 0)]
            first = Residual(before, widths[i], stage.dilation, i > 0, activation)
            second = Residual(widths[i], widths[i], stage.dilation, False, activation)
            self.add_module(f"res{stage.name}", nn.Sequential(first, second))
        last = 0
        for i, name in zip(reversed(range(len(stages))), REFINES[config.kind], strict=True):
            inputs = (widths[i], last) if last else (widths[i],)
            last = widths[max(i - 1, 0)]
            self.add_module(f"refine{name}", Refine(inputs, last, i == 0, activation))

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        kind = self.config.kind
        h = self.begin_conv(2 * x - 1 if self.config.centred else x)
        made: list[Tensor] = []
        for stage in STAGES[kind]:
            h = self.get_submodule(f"res{stage.name}")(h)
            made.append(h)
        refined: tuple[Tensor, ...] = ()
        for name in REFINES[kind]:
            refined = (self.get_submodule(f"refine{name}")((made.pop(), *refined)),)
        result: Tensor = self.end_conv(self.activation(self.normalizer(refined[0])))
        return result / sigma[:, None, None, None]
