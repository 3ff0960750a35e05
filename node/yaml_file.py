"""A YAML file as plain data that still knows the line of each key, so that a complaint can name it.

Read with the safe loader alone; a key written twice is refused, since YAML would silently keep the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from storage.base.errors import ConfigError

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """``data`` as the safe loader gives it; ``lines`` counts from 1 and holds the place of every key and list item."""

    path: Path
    text: str
    data: Any
    lines: dict[Location, int]

    def place(self, location: Location) -> str:
        """``FILE:LINE`` of a key, or of the nearest key above it that the file has."""
        while location and location not in self.lines:
            location = location[:-1]
        line = self.lines.get(location)
        return f"{self.path}:{line}" if line else str(self.path)


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML document; an empty file is an empty mapping.

    Raises
    ------
    ConfigError
        The file can't be read, is no UTF-8, no YAML, or has a key twice; the message begins with the file and, where known, line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror}); name an existing, readable file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """As `read_yaml`, for text that is at hand; ``path`` is what complaints call it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: is not YAML ({error.problem}); mend the line or the one above it") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML (a character that YAML does not allow); remove it") from error
    except ValueError as error:  # such as a date that there isn't
        raise ConfigError(f"{path}: holds a value that can't be read ({error}); put it into quotes") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply; write it flatter") from error
    lines: dict[Location, int] = {}
    if root is not None:
        for location, line in _walk(root, (), set()):
            if location in lines:
                raise ConfigError(
                    f"{path}:{line}: {dotted(location)}: stands in line {lines[location]} already; remove one of the two"
                )
            lines[location] = line
    return YamlFile(path, text, {} if data is None else data, lines)


def dotted(location: Location) -> str:
    """``("peers", 0, "port")`` as a person would write it: ``peers[0].port``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".") or "(whole file)"


def _walk(node: yaml.Node, above: Location, seen: set[int]) -> Iterator[tuple[Location, int]]:
    """Each place once: what an alias repeats (perhaps without end) counts where it was first written."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        parts: list[tuple[str | int, yaml.Node, yaml.Node]] = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        parts = [(index, value, value) for index, value in enumerate(node.value)]
    else:
        return
    for part, marked, value in parts:
        yield (*above, part), marked.start_mark.line + 1
        yield from _walk(value, (*above, part), seen)
