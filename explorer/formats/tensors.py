"""Weights read without running anything: safetensors, or PyTorch's own files through its weights-only reader.

What a file is, its bytes say. Shapes are compared with the network's before any of the network is
allocated, and every failure is a ModelError of one sentence that names the file and says what to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from explorer.facts import ModelError
from explorer.formats.checkpoint import read_checkpoint
from explorer.formats.content import DESCRIPTIONS, content_of
from explorer.formats.fields import short
from explorer.formats.reading import tell
from explorer.formats.safetensors_header import read_header
from explorer.formats.shards import is_index, read_index
from explorer.formats.torch_file import check_pickles, load_pickle

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
"""What of safetensors is read."""


@dataclass(frozen=True, eq=False)
class Weights:
    """An open file of named tensors, each to be read once. label: what messages call it.

    fresh: get makes tensors that nothing else holds. files: of weights in several files, what messages call the one
    that a tensor lies in; tensors of one file follow each other in `shapes`.
    """

    label: str
    shapes: Mapping[str, tuple[int, ...]]
    get: Callable[[str], Tensor]
    fresh: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    def read(self, name: str, device: torch.device) -> Tensor:
        """One tensor, copied out of the file, contiguous, floating-point numbers as float32.

        Raises ModelError where it holds values that are not finite, or cannot be read.
        """
        label = self.files.get(name, self.label)
        try:
            tensor = self.get(name)
            if tensor.is_complex() or tensor.is_quantized or tensor.layout is not torch.strided:
                raise ModelError(f"{label} holds {name} in a form that is not read ({tensor.dtype}).")
            dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
            # Copied even where nothing changes: a mapped file may change or vanish behind the tensor.
            tensor = tensor.to(dtype, copy=not self.fresh, memory_format=torch.contiguous_format)
        except (SafetensorError, RuntimeError, NotImplementedError, ValueError, KeyError) as error:
            raise ModelError(f"{label} is damaged at {name}: download or write it again.") from error
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{label} holds NaN or infinite values, first in {name}: use another checkpoint.")
        return tensor.to(device)


@contextmanager
def open_weights(path: Path, label: str) -> Iterator[Weights]:
    """The named tensors in a file, or in those that an index names. Raises ModelError for anything that is not a
    readable table of weights."""
    if is_index(path):
        with ExitStack() as stack:
            yield _open_shards(path, label, stack)
        return
    if not path.is_file():
        raise ModelError(f"{label} is missing or is no regular file.")
    content = content_of(path)
    if content == "safetensors":
        with _open_safetensors(path, label) as weights:
            yield weights
    elif content in ("zip", "pickle"):
        yield _open_pickle(path, label, zipped=content == "zip")
    elif content == "lfs":
        raise ModelError(
            f"{label} is a Git LFS pointer, not the weights: run “git lfs pull” in its folder or download the file."
        )
    else:
        raise ModelError(f"{label} is {DESCRIPTIONS[content]}, not weights: download or write it again.")


def load_weights(
    module: nn.Module, path: Path, label: str, device: torch.device, rename: Callable[[str], str] = str
) -> None:
    """Fill a module with a file's weights. rename, and the rest: see `fill`."""
    with open_weights(path, label) as weights:
        fill(module, weights, device, rename)


Module = TypeVar("Module", bound=nn.Module)


def filled(make: Callable[[], Module], weights: Weights, device: torch.device) -> Module:
    """The module that `make` returns, with weights. Nothing is allocated before they are known to fit. See `fill`."""
    with torch.device("meta"):  # shapes without memory
        module = make()
    fill(module, weights, device)
    return module


def fill(module: nn.Module, weights: Weights, device: torch.device, rename: Callable[[str], str] = str) -> None:
    """Fill a module built on the device "meta" with weights, and make it ready for use.

    rename: the file's names → the module's. Afterwards all parameters are contiguous float32 on `device`, need no
    gradient, and the module is in evaluation mode. Raises ModelError, before anything is allocated where names or
    shapes do not fit.
    """
    names = {rename(name): name for name in weights.shapes}
    check_shapes({new: weights.shapes[old] for new, old in names.items()}, module, weights.label)
    state, done, total = {}, 0, sum(math.prod(shape) for shape in weights.shapes.values())
    expected = module.state_dict()
    for new, old in names.items():
        state[new] = weights.read(old, device)
        if expected[new].is_floating_point() and not state[new].is_floating_point():
            raise ModelError(
                f"{weights.label} holds {old} as whole numbers ({str(state[new].dtype).removeprefix('torch.')}), as "
                "quantised models do: get the model in full or half precision."
            )
        done += state[new].numel()
        tell(weights.label, done / max(total, 1))
    module.load_state_dict(state, assign=True)
    module.requires_grad_(False).eval()


def check_shapes(shapes: Mapping[str, tuple[int, ...]], module: nn.Module, label: str) -> None:
    """Raises ModelError, one sentence, unless names and shapes are exactly those of the module's state."""
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    missing = [name for name in expected if name not in shapes]
    unexpected = [name for name in shapes if name not in expected]
    problems = []
    if missing:
        problems.append(f"{len(missing)} of {len(expected)} tensors are missing (first {missing[0]})")
    if unexpected:
        problems.append(f"{len(unexpected)} are not part of the network (first {unexpected[0][:100]})")
    if not problems:
        for name, shape in expected.items():
            if shapes[name] != shape:
                problems.append(f"{name} is {_show(shapes[name])} where {_show(shape)} is expected")
                break
    if problems:
        raise ModelError(f"{label} does not fit its configuration: {' and '.join(problems)}.")


def _show(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"


@contextmanager
def _open_safetensors(path: Path, label: str) -> Iterator[Weights]:
    try:
        with path.open("rb") as plain:
            header, data = read_header(plain, path.stat().st_size)
        file: Any = safe_open(path, framework="pt", device="cpu")  # typed in part alone
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in header if name != "__metadata__"}
    except (SafetensorError, ValueError, OSError) as error:  # ours are ValueErrors too
        raise ModelError(f"{label} is damaged or incomplete: download or write it again.") from error
    with file, path.open("rb") as plain:

        def get(name: str) -> Tensor:
            """Read, not mapped: pages of the file would count as memory beside the copy of them."""
            entry = header[name]
            dtype = _DTYPES.get(entry["dtype"])
            if dtype is None:
                raise ModelError(f"{label} holds {short(name)} in a form that is not read ({short(entry['dtype'])}).")
            tensor = torch.empty(shapes[name], dtype=dtype)
            plain.seek(data + entry["data_offsets"][0])
            if tensor.nbytes and plain.readinto(tensor.view(-1).view(torch.uint8).numpy().data) != tensor.nbytes:
                raise ValueError("the file has become shorter")
            return tensor

        yield Weights(label, shapes, get, fresh=True)


def _open_shards(path: Path, label: str, stack: ExitStack) -> Weights:
    folder, _, _ = label.rpartition("/")
    shapes, holders, files = dict[str, tuple[int, ...]](), dict[str, Weights](), dict[str, str]()
    for file, names in read_index(path, label).items():
        place = f"{folder}/{file.name}" if folder else file.name
        shard = stack.enter_context(open_weights(file, place))
        for name in names:
            if name not in shard.shapes:
                raise ModelError(f"{place} does not hold {short(name)}, as {label} says: download the folder again.")
            shapes[name], holders[name], files[name] = shard.shapes[name], shard, place
    fresh = all(shard.fresh for shard in holders.values())
    return Weights(label, shapes, lambda name: holders[name].get(name), fresh, files)


def _open_pickle(path: Path, label: str, zipped: bool) -> Weights:
    """Each tensor is read when it is asked for, so that the file and its copy are never in memory together."""
    check_pickles(path, label, zipped)
    checkpoint = read_checkpoint(path)
    tensors = checkpoint.tensors()
    if tensors and isinstance(checkpoint.content, Mapping) and len(tensors) == len(checkpoint.content):
        return replace(checkpoint.weights(tensors), label=label)
    values = load_pickle(path, label)
    return Weights(label, {name: tuple(tensor.shape) for name, tensor in values.items()}, values.pop)
