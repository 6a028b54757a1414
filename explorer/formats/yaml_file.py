"""The YAML file beside a checkpoint, where a library keeps its configuration, read without making objects of it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_YAML_BYTES = 200_000
MAX_DEPTH = 100
"""Of brackets: PyYAML's scanner takes time by the square of it."""
MAX_ALIASES, MAX_MERGED = 200, 1000
"""How often a file may point at another place in it, and how many entries a table may have with those merged into it:
some lines that each name the line before twice would make a table of any size."""
MAX_DIGITS = 1000
"""Of a number: 1:1:1 … is one to the base 60, which takes time by the square of its length."""
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
NAMES = ("config.yml", "config.yaml")


def read_yaml_beside(path: Path) -> tuple[Mapping[str, Any], str]:
    """The table in NAME.yml, NAME.yaml, config.yml or config.yaml beside a file, and the name of that file.

    Python objects in it, such as the argparse.Namespace of ermongroup's programs, are read as plain tables. ({}, "")
    where there is no such file, or it is none that can be read.
    """
    for name in (f"{path.stem}.yml", f"{path.stem}.yaml", *NAMES):
        file = path.with_name(name)
        try:
            if file.is_file() and file.stat().st_size <= MAX_YAML_BYTES:
                values = _read(file.read_text("utf-8"))
                if isinstance(values, Mapping):
                    return values, name
        except (OSError, UnicodeDecodeError):
            continue
    return {}, ""


def nested(values: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """A table in tables, {} where there is none."""
    table: Any = values
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table if isinstance(table, Mapping) else {}


def _depth(text: str) -> int:
    """How many brackets are open at once. Those inside texts count too, which errs on the careful side."""
    depth = deepest = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def _read(text: str) -> Any:
    if _depth(text) > MAX_DEPTH:
        return None
    yaml: Any = importlib.import_module("yaml")  # ships no types

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # of plain values alone; the base has no type
        aliases = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.aliases += self.check_event(yaml.AliasEvent)
            if self.aliases > MAX_ALIASES:
                raise ValueError("too many aliases")
            node = super().compose_node(parent, index)
            if isinstance(node, yaml.ScalarNode) and node.tag in NUMBERS and len(node.value) > MAX_DIGITS:
                raise ValueError("too long a number")
            return node

        def flatten_mapping(self, node: Any) -> None:
            super().flatten_mapping(node)
            if len(node.value) > MAX_MERGED:
                raise ValueError("too large a table")

    loader_class: Any = Loader

    def plain(loader: Any, _suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    loader_class.add_multi_constructor("tag:yaml.org,2002:python/", plain)
    try:
        return yaml.load(text, loader_class)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None
