"""`rules.yaml` as typed rules that still know where they were written.

Absent on purpose: what a condition means (`node.route.rules.compile`) and whether models and peers exist (`node.route.apply`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from node.route.rules.positions import place
from node.yaml_file import Location, YamlFile, dotted, parse_yaml
from storage.base.errors import ConfigError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$")]
InputName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
Condition = Annotated[str, Field(min_length=1)]
Nodes = dict[str, yaml.ScalarNode]
"""The conditions of one rule as they stand in the file, by key: ``when``, ``inputs.NAME``."""


class Rule(BaseModel):
    """One rule: where ``when`` holds for a Series, ``model`` runs on it and the results go to ``deliver_to``.

    ``inputs``: of a model that takes several Series, by the name of a further input the condition of the Series that it is
    given, where the input's modality and the same frame of reference don't tell. ``when`` chooses the reference.
    ``quiet_s``: how long the Study must have been quiet; None takes the default of the Series' modality.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    when: Condition
    model: str = Field(min_length=1)
    deliver_to: tuple[str, ...]
    inputs: dict[InputName, Condition] = {}
    quiet_s: float | None = Field(default=None, ge=0, le=30 * 86400)
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    parameters: dict[str, JsonValue] = {}
    description: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a rules file; ``line`` and ``column`` count from 1 in the file itself, 0 where unknown."""

    file: str
    line: int
    column: int
    rule: str
    key: str
    text: str

    def __str__(self) -> str:
        where = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        about = [f"rule {self.rule}"] if self.rule else []
        return ": ".join([where, *about, *([self.key] if self.key else []), self.text])


class RulesError(ConfigError):
    """The rules can't be used."""

    code = "rules"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        more = len(problems) - 1
        super().__init__(f"{problems[0]}{f' (and {more} more: wetread rules check lists them)' if more else ''}")


@dataclass(frozen=True)
class Document:
    """The rules of one file, in order, with the means to place a complaint. ``digest``: SHA-256 of the text."""

    file: str
    text: str
    rules: tuple[Rule, ...]
    conditions: tuple[Nodes, ...]
    source: YamlFile

    @property
    def digest(self) -> str:
        return text_digest(self.text)

    def problem(self, index: int, key: str, text: str, offset: int | None = None) -> Problem:
        """A complaint about a key of rule ``index``, dotted; ``offset`` counts characters within the condition that it holds."""
        line, column = self.source.lines.get(("rules", index, *key.split(".")), self.source.lines.get(("rules", index), 0)), 0
        node = self.conditions[index].get(key)
        if offset is not None and node is not None:
            line, column = place(node, self.text, offset)
        return Problem(self.file, line, column, self.rules[index].name, key, text)


def text_digest(text: str) -> str:
    """SHA-256 that tells one rules file from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(path: Path) -> str:
    """The text of a rules file.

    Raises
    ------
    ConfigError
        It can't be read or is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror}); name an existing, readable file", code="rules") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8", code="rules") from error


def parse_document(text: str, file: str) -> Document:
    """Rules out of the text of a file that complaints call ``file``.

    Raises
    ------
    RulesError
        With every key that is unknown, missing or of the wrong type; each names file, line, rule and key.
    ConfigError
        No YAML at all, or a key written twice.
    """
    source = parse_yaml(text, Path(file))
    data, conditions = _with_conditions(source)
    problems = _shape_problems(file, data)
    if problems:
        raise RulesError(problems)
    rules: list[Rule] = []
    for index, entry in enumerate(data["rules"]):
        try:
            rules.append(Rule.model_validate(entry))
        except ValidationError as error:
            problems += [_problem(source, index, entry, detail) for detail in error.errors()]
    problems += _repeated(source, rules) if not problems else []
    if problems:
        raise RulesError(problems)
    return Document(file, text, tuple(rules), tuple(conditions), source)


def _with_conditions(source: YamlFile) -> tuple[Any, list[Nodes]]:
    """The data with every condition as it was written (``when: true`` is text too), and each rule's own nodes of them."""
    nodes: list[Nodes] = []
    root = yaml.compose(source.text, Loader=yaml.SafeLoader)
    if not isinstance(source.data, dict) or not isinstance(source.data.get("rules"), list) or root is None:
        return source.data, nodes
    entries = next(value for key, value in root.value if key.value == "rules").value
    for entry, node in zip(source.data["rules"], entries, strict=True):
        own = _scalars(node, "when")  # without those that come by a merge key
        inputs = next((value for key, value in _pairs(node) if key.value == "inputs"), None)
        _keep_text(entry, own)
        if isinstance(entry, dict) and isinstance(entry.get("inputs"), dict):
            found = _scalars(inputs)
            _keep_text(entry["inputs"], found)
            own |= {f"inputs.{name}": scalar for name, scalar in found.items()}
        nodes.append(own)
    return source.data, nodes


def _pairs(node: yaml.Node | None) -> list[Any]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _scalars(node: yaml.Node | None, *only: str) -> Nodes:
    """The scalar values of a mapping by key; of the keys ``only``, if given."""
    found = ((key.value, value) for key, value in _pairs(node) if isinstance(value, yaml.ScalarNode))
    return {key: value for key, value in found if not only or key in only}


def _keep_text(entry: Any, nodes: Nodes) -> None:
    for key, node in nodes.items():
        if node.value and key in entry:
            entry[key] = node.value


def _shape_problems(file: str, data: Any) -> list[Problem]:
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
        return [Problem(file, 0, 0, "", "rules", "is missing or no list; begin with `rules:` and one `- name: ...` a rule")]
    return [Problem(file, 0, 0, "", str(key), "unknown key; only `rules` stands here") for key in data if key != "rules"]


def _problem(source: YamlFile, index: int, entry: Any, detail: ErrorDetails) -> Problem:
    location: Location = ("rules", index, *detail["loc"])
    while location not in source.lines and len(location) > 2:
        location = location[:-1]
    name = entry.get("name") if isinstance(entry, dict) else None
    rule = name if isinstance(name, str) else f"number {index + 1}"
    key = dotted(tuple(part for part in detail["loc"])) if detail["loc"] else ""
    return Problem(str(source.path), source.lines.get(location, 0), 0, rule, key, _what(detail))


def _what(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return f"unknown key; known here: {', '.join(Rule.model_fields)}"
    if detail["type"] == "missing":
        return "is missing; add it"
    message = detail["msg"]
    return f"{message[:1].lower()}{message[1:]}"


def _repeated(source: YamlFile, rules: list[Rule]) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for index, rule in enumerate(rules):
        line = source.lines.get(("rules", index, "name"), 0)
        if first.setdefault(rule.name, line) != line:
            text = f"the name stands in line {first[rule.name]} already; give each rule its own"
            problems.append(Problem(str(source.path), line, 0, rule.name, "name", text))
    return problems
