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
class CompiledRule:
    """A rule ready to judge. ``names``: the attributes and facts that its condition uses."""

    index: int
    rule: Rule
    program: Program
    parts: tuple[Part, ...]
    names: tuple[str, ...]


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
    program = compile_condition(rule.when)
    if isinstance(program, list):
        places = [(offset_of(rule.when, error.line, error.column), with_hint(error.text)) for error in program]
        return [document.problem(index, "when", text, offset) for offset, text in places]
    if not program.boolean:
        text = f"yields a {program.result_type}, not true or false; compare it with something"
        return [document.problem(index, "when", text, 0)]
    bad = _bad_patterns(document, index)
    if bad:
        return bad
    used = tuple(name for name in names(rule.when) if name in kinds())
    compiled = CompiledRule(index, rule, program, _parts(rule.when), used)
    return _dry_run(document, compiled) or compiled


def _bad_patterns(document: Document, index: int) -> list[Problem]:
    problems = []
    for token in patterns(document.rules[index].when):
        program = compile_condition(f'"".matches({token.text})')
        if isinstance(program, Program) and isinstance(program.evaluate({}), EvaluationError):
            text = f"{token.text} is no regular expression (RE2 syntax)"
            problems.append(document.problem(index, "when", text, token.start))
    return problems


_MISTAKES = {
    "pattern": "makes a text that is no regular expression (RE2 syntax)",
    "endless": "takes more steps than are allowed; nest fewer lists",
}


def _dry_run(document: Document, compiled: CompiledRule) -> list[Problem]:
    """Evaluate on made-up Series: finds patterns that are put together and nested loops, which no look at the text shows."""
    for values in sample_values(compiled.names):
        for program in (compiled.program, *(part.program for part in compiled.parts)):
            outcome = program.evaluate(values)
            if isinstance(outcome, EvaluationError) and outcome.kind in _MISTAKES:
                return [document.problem(compiled.index, "when", _MISTAKES[outcome.kind], 0)]
    return []


def _parts(condition: str) -> tuple[Part, ...]:
    """The joined conditions one by one; the whole where a part doesn't stand alone."""
    parts = []
    for text in conjuncts(condition):
        program = compile_condition(text)
        if not isinstance(program, Program) or not program.boolean:
            return ()
        parts.append(Part(plain(text), program))
    return tuple(parts)
