"""What `wetread rules ...` and `check-config` ask of routing; plain functions that print nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from node.route.apply import checked_rules, rules_absent
from node.route.choice import packages_in_use
from node.route.headers import FolderSeries, read_folder
from node.route.packages import PackageOnDisk
from node.route.rules.compile import CompiledRule, compile_rules
from node.route.rules.document import Rule, parse_document, read_text, text_digest
from node.route.rules.judge import judge
from node.route.rules.values import SeriesFacts, series_values
from node.route.selection import FRAME, Candidate, choose_inputs
from node.settings import Settings
from storage.database import Database
from storage.decisions import apply_rules, latest_rules, rules_history


@dataclass(frozen=True)
class Report:
    """Rules that passed every check, and the models that they may name."""

    rules: tuple[Rule, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class Applied:
    """``changed``: whether a new version was made; otherwise the file is what was in force already."""

    number: int
    rules: int
    changed: bool


@dataclass(frozen=True)
class Difference:
    """What the file would change: rules by name, and the lines of a unified diff."""

    number: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """One version of the rules, as it was applied."""

    number: int
    digest: str
    author: str
    applied_at: datetime


@dataclass(frozen=True)
class Trial:
    """How one rule would judge one Series of a folder."""

    study_instance_uid: str
    series_instance_uid: str
    modality: str
    instances: int
    rule: str
    model: str
    matched: bool
    reason: str


def check_rules(path: Path, settings: Settings) -> Report:
    """Check a rules file against the settings' peers and models.

    Raises
    ------
    ConfigError
        A `RulesError` holds every problem in ``problems``.
    """
    packages = packages_in_use(settings)
    if path == settings.rules and rules_absent(settings):
        return Report((), tuple(sorted(packages)))
    compiled = checked_rules(path, settings, packages)
    return Report(tuple(c.rule for c in compiled.rules), tuple(sorted(packages)))


def apply_file(path: Path, settings: Settings, db: Database, author: str) -> Applied:
    """Put a rules file in force; a running router takes it up within a second.

    Raises
    ------
    ConfigError
        As ``check_rules``; what was in force stays.
    """
    compiled = checked_rules(path, settings, packages_in_use(settings))
    with db.write() as s:
        before = latest_rules(s)
        version = apply_rules(s, compiled.text, compiled.digest, author, db.clock.utc())
        return Applied(version.number, len(compiled.rules), before is None or before.id != version.id)


def diff_rules(path: Path, db: Database) -> Difference:
    """What applying ``path`` would change; empty where the file is in force."""
    text = read_text(path)
    with db.read() as s:
        latest = latest_rules(s)
    number, old_text = (latest.number, latest.text) if latest else (0, "rules: []\n")
    old, new = _by_name(old_text, f"rules version {number}"), _by_name(text, str(path))
    lines = difflib.unified_diff(old_text.splitlines(), text.splitlines(), f"version {number}", str(path), lineterm="")
    return Difference(
        number,
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and old[name] != new[name]),
        lines=() if text_digest(text) == text_digest(old_text) else tuple(lines),
    )


def history(db: Database) -> list[Version]:
    """Every version that was ever in force, newest first."""
    with db.read() as s:
        versions = rules_history(s)
    return [Version(v.number, v.digest, v.author, v.applied_at) for v in versions]


def test_rules(path: Path, folder: Path, settings: Settings) -> list[Trial]:
    """How the rules of a file would judge every Series in a folder of DICOM files, which is read and not stored.

    ``calling`` is "" here, since nobody sent the files.

    Raises
    ------
    ConfigError
        Bad rules, or a folder without a DICOM file.
    """
    compiled = compile_rules(read_text(path), str(path))
    packages = packages_in_use(settings)
    names = dict.fromkeys([FRAME, *(name for rule in compiled.rules for name in rule.names)])
    seen = [(series, _candidate(series, names)) for series in read_folder(folder)]
    return [trial for series, own in seen for trial in _trials(series, own, compiled.rules, packages, _study(series, seen))]


test_rules.__test__ = False  # type: ignore[attr-defined]  # pytest would take its name for a test's


def _candidate(series: FolderSeries, names: Iterable[str]) -> Candidate:
    return Candidate(series.series_instance_uid, series.modality, series_values(series.headers, SeriesFacts(), names))


def _study(series: FolderSeries, seen: Iterable[tuple[FolderSeries, Candidate]]) -> list[Candidate]:
    """Every Series of the same study."""
    return [candidate for other, candidate in seen if other.study_instance_uid == series.study_instance_uid]


def _trials(
    series: FolderSeries,
    own: Candidate,
    rules: Iterable[CompiledRule],
    packages: dict[str, PackageOnDisk],
    study: list[Candidate],
) -> Iterable[Trial]:
    for compiled in rules:
        rule, verdict = compiled.rule, judge(compiled.when, own.values)
        matched, reason = verdict.matched, verdict.reason
        if matched:
            matched, said = _with_inputs(compiled, packages.get(rule.model), own, study)
            reason += said
        identity = (series.study_instance_uid, series.series_instance_uid, series.modality, len(series.headers))
        yield Trial(*identity, rule.name, rule.model, matched, reason)


def _with_inputs(
    compiled: CompiledRule, package: PackageOnDisk | None, own: Candidate, study: list[Candidate]
) -> tuple[bool, str]:
    """Whether the model can run, and what its reason says of that."""
    if package is None:
        return False, f", but there is no model {compiled.rule.model}"
    chosen = choose_inputs(compiled, package.manifest, own, study)
    if chosen.obstacle:
        return False, f", but {chosen.obstacle}"
    return True, f", {chosen.said}" if chosen.said else ""


def _by_name(text: str, file: str) -> dict[str, Rule]:
    return {rule.name: rule for rule in parse_document(text, file).rules}
