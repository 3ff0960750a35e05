"""The rules in force, compiled once a version, and the quiet times that they ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from node.route.rules.compile import CompiledRule, compile_rules
from node.route.rules.document import Rule
from node.settings import CompletionSettings
from storage.schema import RuleVersion


@dataclass(frozen=True)
class RuleSet:
    """One rule version, ready to judge; ``version_id`` None where no rules were ever applied."""

    version_id: int | None = None
    number: int = 0
    applied_at: datetime | None = None
    rules: tuple[CompiledRule, ...] = ()

    def quiet_values(self, modalities: Iterable[str], completion: CompletionSettings) -> frozenset[float]:
        """Every quiet time at which a Study with Series of these modalities is to be looked at, in seconds."""
        modalities = set(modalities) or {""}
        if not self.rules:
            return frozenset(modality_quiet_s(modality, completion) for modality in modalities)
        pairs = ((compiled.rule, modality) for compiled in self.rules for modality in modalities)
        return frozenset(effective_quiet_s(rule, modality, completion) for rule, modality in pairs)

    def at(self, quiet_s: float, modality: str, completion: CompletionSettings) -> list[CompiledRule]:
        """The rules that judge Series of this modality after ``quiet_s`` seconds, in order."""
        return [r for r in self.rules if effective_quiet_s(r.rule, modality, completion) == quiet_s]


def effective_quiet_s(rule: Rule, modality: str, completion: CompletionSettings) -> float:
    """The rule's own quiet time, else the modality's, else the default."""
    return rule.quiet_s if rule.quiet_s is not None else modality_quiet_s(modality, completion)


def modality_quiet_s(modality: str, completion: CompletionSettings) -> float:
    """The modality's quiet time, else the default."""
    return completion.quiet_s.get(modality, completion.default_quiet_s)


class RulesInForce:
    """Compiles a version when it first shows up and keeps it."""

    def __init__(self) -> None:
        self._set = RuleSet()

    def of(self, version: RuleVersion | None) -> RuleSet:
        """The rule set of the latest version; an empty one where there is none.

        Raises
        ------
        ConfigError
            The stored rules don't compile, which a program of another version may have let through.
        """
        if version is None:
            self._set = RuleSet()
        elif version.id != self._set.version_id:
            compiled = compile_rules(version.text, f"rules version {version.number}")
            self._set = RuleSet(version.id, version.number, version.applied_at, compiled.rules)
        return self._set
