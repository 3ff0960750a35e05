"""Putting rules in force: they must compile, and name models and peers that exist.

`serve` applies its rules file only when the digest differs from that of the version last applied, so that restarts make no
versions and give old decisions no new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from node.route.choice import packages_in_use
from node.route.own_folder import held
from node.route.packages import PackageOnDisk, register_packages
from node.route.rules.compile import CompiledRules, compile_rules
from node.route.rules.document import Problem, RulesError, parse_document, read_text
from node.route.selection import input_complaints
from node.settings import Settings
from storage.base.log import get_logger
from storage.database import Database
from storage.decisions import apply_rules, latest_rules
from storage.packages import list_packages

_log = get_logger(__name__)

SERVE = "serve"


def prepare_routing(settings: Settings, db: Database) -> None:
    """What must hold before the node starts: packages registered, the rules file in force if it changed.

    Without a rules file at the default place the rules last applied stay, or none.

    Raises
    ------
    ConfigError
        An unreadable package or rules file, an ill-typed rule, an unknown model or peer; nothing was changed then.
    """
    with held(settings.own_models):
        compiled = _prepare(settings, db)
    if compiled is None:
        _log.warning("rules.no-file", path=str(settings.rules))


def _prepare(settings: Settings, db: Database) -> CompiledRules | None:
    with db.read() as s:
        packages = packages_in_use(settings, list_packages(s))
    compiled = None if rules_absent(settings) else checked_rules(settings.rules, settings, packages)
    with db.write() as s:
        at = db.clock.utc()
        register_packages(s, list(packages.values()), at)
        before = latest_rules(s)
        if compiled is not None:
            version = apply_rules(s, compiled.text, compiled.digest, SERVE, at)
            if before is None or version.id != before.id:
                _log.info("rules.applied", number=version.number, digest=version.digest, rules=len(compiled.rules))
    return compiled


def rules_absent(settings: Settings) -> bool:
    """Whether nobody named a rules file and there is none at the default place."""
    return "rules" not in settings.model_fields_set and not settings.rules.exists()


def checked_rules(path: Path, settings: Settings, packages: Mapping[str, PackageOnDisk]) -> CompiledRules:
    """The rules of a file, compiled, with every model and peer that they name known.

    Raises
    ------
    ConfigError
        A `RulesError` with every problem, or the file can't be read.
    """
    text = read_text(path)
    compiled = compile_rules(text, str(path))
    problems = _unknown_names(text, path, settings, packages)
    if problems:
        raise RulesError(problems)
    return compiled


def _unknown_names(text: str, path: Path, settings: Settings, packages: Mapping[str, PackageOnDisk]) -> list[Problem]:
    document = parse_document(text, str(path))
    peers = {peer.name for peer in settings.peers if peer.send_to}
    problems = []
    for index, rule in enumerate(document.rules):
        complaint = _model_complaint(rule.model, packages)
        if complaint:
            problems.append(document.problem(index, "model", complaint))
        else:
            named = input_complaints(rule.inputs, packages[rule.model].manifest)
            problems += [document.problem(index, f"inputs.{name}", what) for name, what in named.items()]
        for name in rule.deliver_to:
            if name not in peers:
                problems.append(document.problem(index, "deliver_to", _peer_complaint(name, settings, peers)))
    return problems


def _model_complaint(model: str, packages: Mapping[str, PackageOnDisk]) -> str:
    return "" if model in packages else f"there is no model {model}; {_known(packages)}"


def _peer_complaint(name: str, settings: Settings, peers: Collection[str]) -> str:
    if any(peer.name == name for peer in settings.peers):
        return f"peer {name} has send_to: false in the settings; allow it there or deliver elsewhere"
    return f"there is no peer {name} in the settings; {_known(peers)}"


def _known(names: Collection[str]) -> str:
    return f"known: {', '.join(sorted(names))}" if names else "none is known"
