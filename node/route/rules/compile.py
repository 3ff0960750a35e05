"""From a rules document to rules that can be held against Series, or to every reason why not."""

from __future__ import annotations

from dataclasses import dataclass

from node.route.rules.document import Document, Problem, Rule, RulesError, parse_document
from node.route.rules.environment import kinds
from node.route.rules.hints import with_hint
from node.route.rules.language import EvaluationError, Program, compile_condition
from node.route.rules.positions import offset_of
from node.route.rules.samples import sample_values
from node.route.rules.tokens import conjuncts, names, patterns, plain


@dataclass(frozen=True)
class Part:
    """One of the conditions that ``&&`` joins: its text for reasons, and its program."""

    text: str
    program: Program


@dataclass(frozen=True)
class Condition:
    """A condition ready to judge. ``names``: the attributes and facts that it uses."""

    program: Program
    parts: tuple[Part, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class CompiledRule:
    """A rule ready to judge; ``inputs``: the conditions of further inputs by their names."""

    index: int
    rule: Rule
    when: Condition
    inputs: dict[str, Condition]

    @property
    def names(self) -> tuple[str, ...]:
        """What any of its conditions uses."""
        return tuple(dict.fromkeys(name for condition in (self.when, *self.inputs.values()) for name in condition.names))


@dataclass(frozen=True)
class CompiledRules:
    """All rules of one document, in its order."""

    rules: tuple[CompiledRule, ...]
    digest: str
    text: str


def compile_rules(text: str, file: str) -> CompiledRules:
    """Read, type-check and dry-run rules.

    Raises
    ------
    ConfigError
        A `RulesError` with every problem, each naming file, line, column, rule and key; or no YAML at all.
    """
    document = parse_document(text, file)
    compiled: list[CompiledRule] = []
    problems: list[Problem] = []
    for index in range(len(document.rules)):
        outcome = _compile(document, index)
        if isinstance(outcome, CompiledRule):
            compiled.append(outcome)
        else:
            problems += outcome
    if problems:
        raise RulesError(problems)
    return CompiledRules(tuple(compiled), document.digest, text)


def _compile(document: Document, index: int) -> CompiledRule | list[Problem]:
    rule = document.rules[index]
    keys = {"when": rule.when} | {f"inputs.{name}": text for name, text in rule.inputs.items()}
    conditions: dict[str, Condition] = {}
    problems: list[Problem] = []
    for key, text in keys.items():
        outcome = _compile_one(document, index, key, text)
        if isinstance(outcome, Condition):
            conditions[key] = outcome
        else:
            problems += outcome
    if problems:
        return problems
    return CompiledRule(index, rule, conditions["when"], {name: conditions[f"inputs.{name}"] for name in rule.inputs})


def _compile_one(document: Document, index: int, key: str, text: str) -> Condition | list[Problem]:
    program = compile_condition(text)
    if isinstance(program, list):
        places = [(offset_of(text, error.line, error.column), with_hint(error.text)) for error in program]
        return [document.problem(index, key, what, offset) for offset, what in places]
    if not program.boolean:
        what = f"yields a {program.result_type}, not true or false; compare it with something"
        return [document.problem(index, key, what, 0)]
    bad = _bad_patterns(document, index, key, text)
    if bad:
        return bad
    condition = Condition(program, _parts(text), tuple(name for name in names(text) if name in kinds()))
    mistake = _dry_run(condition)
    return [document.problem(index, key, mistake, 0)] if mistake else condition


def _bad_patterns(document: Document, index: int, key: str, text: str) -> list[Problem]:
    problems = []
    for token in patterns(text):
        program = compile_condition(f'"".matches({token.text})')
        if isinstance(program, Program) and isinstance(program.evaluate({}), EvaluationError):
            what = f"{token.text} is no regular expression (RE2 syntax)"
            problems.append(document.problem(index, key, what, token.start))
    return problems


_MISTAKES = {
    "pattern": "makes a text that is no regular expression (RE2 syntax)",
    "endless": "takes more steps than are allowed; nest fewer lists",
}


def _dry_run(condition: Condition) -> str:
    """Evaluate on made-up Series: finds patterns that are put together and nested loops, which no look at the text shows."""
    for values in sample_values(condition.names):
        for program in (condition.program, *(part.program for part in condition.parts)):
            outcome = program.evaluate(values)
            if isinstance(outcome, EvaluationError) and outcome.kind in _MISTAKES:
                return _MISTAKES[outcome.kind]
    return ""


def _parts(condition: str) -> tuple[Part, ...]:
    """The joined conditions one by one; the whole where a part doesn't stand alone."""
    parts = []
    for text in conjuncts(condition):
        program = compile_condition(text)
        if not isinstance(program, Program) or not program.boolean:
            return ()
        parts.append(Part(plain(text), program))
    return tuple(parts)
