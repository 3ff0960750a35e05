"""Which of the rules in force name a model."""

from __future__ import annotations

from node.route.rules.document import RulesError, parse_document
from storage.database import Session
from storage.decisions import latest_rules


def rules_naming(s: Session, model: str) -> list[str]:
    """Names of the rules in force that ask for ``model``, in their order; none where rules of another program can't be read."""
    version = latest_rules(s)
    if version is None:
        return []
    try:
        document = parse_document(version.text, f"rules version {version.number}")
    except RulesError:
        return []
    return [rule.name for rule in document.rules if rule.model == model]
