"""The score networks of Song & Ermon 2019 and 2020 (NCSN, NCSNv2), dilated RefineNets, with the names of their files.

On the way down each stage has two residual blocks: the second stage halves the picture, and the last two see further
by dilation instead. On the way up each stage is refined by the coarser ones.

    NCSN      every normalisation is told the number of the noise level, and more of them lie on the way up
    NCSNv2    the noise level is no input: it divides the output
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
    """kind: of STAGES. centred: the network itself moves data of 0 … 1 to −1 … 1.

    levels: how many noise levels a network of the first kind knows by number; 0 for NCSNv2.
    """

    kind: str
    channels: int
    features: int
    activation: str = "elu"
    centred: bool = True
    levels: int = 0


class InstanceNormPlus(nn.Module):
    """Instance normalisation that keeps how the means of the channels lie to each other: γ (h + α m) + β.

    levels: how many noise levels there are with numbers of their own, in one table of γ, α and β; 0 for one for all.
    """

    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.embed: nn.Embedding | None = nn.Embedding(levels, 3 * channels) if levels else None
        if not levels:
            self.alpha, self.gamma, self.beta = (nn.Parameter(torch.zeros(channels)) for _ in range(3))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3))
        centred = means - means.mean(dim=1, keepdim=True)
        means = centred / (means.var(dim=1, keepdim=True) + 1e-5).sqrt()
        if self.embed is None:
            gamma, alpha, beta = self.gamma, self.alpha, self.beta
        else:
            gamma, alpha, beta = self.embed(noise.long()).chunk(3, dim=1)
        h = nn.functional.instance_norm(x) + (means * alpha)[:, :, None, None]
        return gamma[..., None, None] * h + beta[..., None, None]


class Pooled(nn.Module):
    """A convolution, then the mean of each 2×2 pixels."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(self.conv(x), 2)


class Residual(nn.Module):
    """Two convolutions. changed: the first block of a stage but the first, which is halved or dilated."""

    def __init__(
        self, channels: int, out: int, dilation: int, changed: bool, levels: int, activation: Activation
    ) -> None:
        super().__init__()
        self.activation = activation
        middle = channels if changed else out

        def conv(first: int, second: int) -> nn.Conv2d:
            return nn.Conv2d(first, second, 3, padding=dilation, dilation=dilation)

        self.normalize1 = InstanceNormPlus(channels, levels)
        self.conv1 = conv(channels, middle)
        self.normalize2 = InstanceNormPlus(middle, levels)
        self.conv2: nn.Module = conv(middle, out)
        self.shortcut: nn.Module | None = None
        if changed and dilation == 1:
            self.conv2, self.shortcut = Pooled(middle, out, 3), Pooled(channels, out, 1)
        elif changed:
            self.shortcut = conv(channels, out)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        h = self.conv1(self.activation(self.normalize1(x, noise)))
        h = self.conv2(self.activation(self.normalize2(h, noise)))
        result: Tensor = h + (x if self.shortcut is None else self.shortcut(x))
        return result


class Blocks(nn.ModuleList):
    """Residual blocks one after the other."""

    def __init__(self, *blocks: Residual) -> None:
        super().__init__(blocks)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        for block in self:
            x = block(x, noise)
        return x


class Units(nn.Module):
    """Residual units of two convolutions each."""

    def __init__(self, channels: int, count: int, levels: int, activation: Activation) -> None:
        super().__init__()
        self.activation, self.count, self.normalised = activation, count, levels > 0
        for unit in range(1, count + 1):
            for step in (1, 2):
                if levels:
                    self.add_module(f"{unit}_{step}_norm", InstanceNormPlus(channels, levels))
                self.add_module(f"{unit}_{step}_conv", nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        for unit in range(1, self.count + 1):
            h = x
            for step in (1, 2):
                if self.normalised:
                    h = self.get_submodule(f"{unit}_{step}_norm")(h, noise)
                h = self.get_submodule(f"{unit}_{step}_conv")(self.activation(h))
            x = x + h
        return x


class Convolutions(nn.Module):
    """A list of 3×3 convolutions, each behind a normalisation where the network knows levels by number."""

    def __init__(self, *channels: tuple[int, int], bias: bool, levels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(first, out, 3, padding=1, bias=bias) for first, out in channels)
        self.norms = nn.ModuleList(InstanceNormPlus(first, levels) for first, _ in channels if levels)

    def normalise(self, place: int, x: Tensor, noise: Tensor) -> Tensor:
        """x as the convolution at `place` takes it."""
        result: Tensor = self.norms[place](x, noise) if len(self.norms) else x
        return result


class Refine(nn.Module):
    """A stage and what the coarser ones made of theirs, brought together: adapted, summed, pooled widely."""

    def __init__(self, inputs: tuple[int, ...], out: int, end: bool, levels: int, activation: Activation) -> None:
        super().__init__()
        self.activation, self.averages = activation, levels > 0
        self.adapt_convs = nn.ModuleList(Units(channels, 2, levels, activation) for channels in inputs)
        if len(inputs) > 1:
            self.msf = Convolutions(*((channels, out) for channels in inputs), bias=True, levels=levels)
        self.crp = Convolutions((out, out), (out, out), bias=False, levels=levels)
        self.output_convs = Units(out, 3 if end else 1, levels, activation)

    def forward(self, stages: tuple[Tensor, ...], noise: Tensor) -> Tensor:
        size = stages[0].shape[2:]
        adapted = [unit(x, noise) for unit, x in zip(self.adapt_convs, stages, strict=True)]
        x: Tensor = adapted[0]
        if len(adapted) > 1:
            made = [
                nn.functional.interpolate(
                    conv(self.msf.normalise(place, h, noise)), size, mode="bilinear", align_corners=True
                )
                for place, (conv, h) in enumerate(zip(self.msf.convs, adapted, strict=True))
            ]
            x = torch.stack(made).sum(dim=0)
        x = path = self.activation(x)
        pool = nn.functional.avg_pool2d if self.averages else nn.functional.max_pool2d
        for place, conv in enumerate(self.crp.convs):
            path = conv(pool(self.crp.normalise(place, path, noise), 5, stride=1, padding=2))
            x = x + path
        result: Tensor = self.output_convs(x, noise)
        return result


class Ncsn(nn.Module):
    """(x (n, C, H, W), noise (n,)) → the score, (n, C, H, W).

    noise: the number of the level, counted from the noisiest, for a network with `levels`; else σ.
    """

    def __init__(self, config: NcsnConfig) -> None:
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        stages, features, levels = STAGES[config.kind], config.features, config.levels
        self.begin_conv = nn.Conv2d(config.channels, features, 3, padding=1)
        self.normalizer = InstanceNormPlus(features, levels)
        self.end_conv = nn.Conv2d(features, config.channels, 3, padding=1)
        widths = [stage.width * features for stage in stages]
        for i, stage in enumerate(stages):
            before = widths[max(i - 1, 0)]
            first = Residual(before, widths[i], stage.dilation, i > 0, levels, self.activation)
            second = Residual(widths[i], widths[i], stage.dilation, False, levels, self.activation)
            self.add_module(f"res{stage.name}", Blocks(first, second))
        last = 0
        for i, name in zip(reversed(range(len(stages))), REFINES[config.kind], strict=True):
            inputs = (widths[i], last) if last else (widths[i],)
            last = widths[max(i - 1, 0)]
            self.add_module(f"refine{name}", Refine(inputs, last, i == 0, levels, self.activation))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        kind = self.config.kind
        h = self.begin_conv(2 * x - 1 if self.config.centred else x)
        made: list[Tensor] = []
        for stage in STAGES[kind]:
            h = self.get_submodule(f"res{stage.name}")(h, noise)
            made.append(h)
        refined: tuple[Tensor, ...] = ()
        for name in REFINES[kind]:
            refined = (self.get_submodule(f"refine{name}")((made.pop(), *refined), noise),)
        result: Tensor = self.end_conv(self.activation(self.normalizer(refined[0], noise)))
        return result if self.config.levels else result / noise[:, None, None, None]
