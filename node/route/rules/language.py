"""The one door to the expression language (CEL): compile a condition, evaluate it on bound values.

Errors of evaluation are classified here and their text is thrown away, since it may quote a patient's data. Errors of
compilation quote the condition alone and keep theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import yaml
from cel_expr_python import cel

from node.route.rules.environment import Kind, kinds
from node.route.rules.functions import age_years, hour_of
from node.route.rules.numbers import declarations

Value = str | float | int | list[str] | list[float] | list[int]
ErrorKind = Literal["no-value", "pattern", "endless", "other"]

_COMPILE_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_NO_VALUE = re.compile(r'No value with name "(\w+)"')
_EXPECTING = re.compile(r" expecting \{.*\}$")


@dataclass(frozen=True)
class CompileError:
    """What the checker found; ``line`` and ``column`` count from 1 within the condition, in characters."""

    line: int
    column: int
    text: str


@dataclass(frozen=True)
class EvaluationError:
    """Why a condition has no value: ``name`` is bound to none, a pattern is no regular expression, it runs on, or else."""

    kind: ErrorKind
    name: str = ""


class Program:
    """A condition that passed the checker."""

    def __init__(self, expression: Any) -> None:
        self._expression = expression

    @property
    def boolean(self) -> bool:
        """Whether it always yields true or false (or an error)."""
        return bool(self._expression.return_type() == cel.Type.BOOL)

    @property
    def result_type(self) -> str:
        return str(self._expression.return_type().name()).lower()

    def evaluate(self, values: Mapping[str, Value]) -> bool | EvaluationError:
        """Evaluate on ``values``; a name that is missing there is an error unless the result doesn't depend on it."""
        try:
            result = self._expression.eval(data=dict(values))
        except RuntimeError as error:  # what the library doesn't count as a value: its iteration budget ran out
            return EvaluationError("endless" if "budget" in str(error) else "other")
        if result.type() == cel.Type.ERROR:
            return _classified(str(result.value()))
        return bool(result.value())


def compile_condition(condition: str) -> Program | list[CompileError]:
    """Parse and type-check; a list of errors (never empty) when the condition is refused."""
    try:
        return Program(_environment().compile(condition))
    except RuntimeError as error:  # the library's only exception, whatever is wrong
        return _errors(str(error))


def _errors(message: str) -> list[CompileError]:
    found = [CompileError(int(m[1]), int(m[2]), _clean(m[3])) for m in _COMPILE_ERROR.finditer(message)]
    return found or [CompileError(1, 1, _clean(message.splitlines()[0]))]


def _clean(text: str) -> str:
    text = text.removesuffix("[INVALID_ARGUMENT]").strip()
    return _EXPECTING.sub("", text).replace(" (in container '')", "")


def _classified(message: str) -> EvaluationError:
    missing = _NO_VALUE.search(message)
    if missing:
        return EvaluationError("no-value", missing[1])
    return EvaluationError("pattern" if "invalid regular expression" in message else "other")


@cache
def _environment() -> Any:
    types: dict[Kind, Any] = {
        "text": cel.Type.STRING,
        "number": cel.Type.DOUBLE,
        "whole": cel.Type.INT,
        "texts": cel.Type.List(cel.Type.STRING),
        "numbers": cel.Type.List(cel.Type.DOUBLE),
        "wholes": cel.Type.List(cel.Type.INT),
    }
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(yaml.safe_dump(declarations())),
        variables={name: types[kind] for name, kind in kinds().items()},
        functions=[_function("age_years", cel.Type.DOUBLE, age_years), _function("hour_of", cel.Type.INT, hour_of)],
    )


def _function(name: str, result: Any, implementation: Any) -> Any:
    overload = cel.Overload(f"{name}_string", result, [cel.Type.STRING], impl=implementation)
    return cel.FunctionDecl(name, [overload])
