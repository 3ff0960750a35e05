"""Packages, additions and removals as lines for a terminal and as documents. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from node.models.adding import Addition
from node.models.removing import Removal

Document = dict[str, Any]


def package_lines(rows: Sequence[Document]) -> Iterator[str]:
    """Two lines a package: what it is, and where it lies under which terms."""
    for p in rows:
        reason = f" ({p['reason']})" if p["reason"] else ""
        yield f"{p['name']:<24} {p['version']:<8} {p['task'] or '':<14} {p['state']}{reason}  {p['digest'][:12]}"
        gone = "" if p["present"] else " (gone)"
        terms = f"  weights {p['weights_licence']}" if p["weights_licence"] else ""
        yield f"    {p['path']}{gone}{terms}"


def addition_lines(addition: Addition, dry_run: bool) -> Iterator[str]:
    """What was done, or would be."""
    package = addition.package
    yield f"{package.name} {package.version}: {package.title}; {package.task}, weights {package.weights_licence}"
    yield f"digest {package.digest}"
    if addition.what == "nothing":
        yield f"it is in use already, in {addition.path}; nothing changed"
        return
    verb = {"copy": ("copied to", "would be copied to"), "use": ("lies in", "lies in")}[addition.what][dry_run]
    yield f"{verb} {addition.path}"
    if addition.retires:
        version, digest = addition.retires
        yield f"{'would retire' if dry_run else 'retired'} {package.name} {version} (digest {digest[:12]})"
    yield from _rule_lines(addition, dry_run)
    yield "dry run: nothing changed" if dry_run else "active; a running node uses it for studies that come from now on"


def _rule_lines(addition: Addition, dry_run: bool) -> Iterator[str]:
    if not addition.rules:
        yield f"no rule in force names {addition.package.name}"
        return
    one = len(addition.rules) == 1
    use = f"{'uses' if one else 'use'} it from now on" if not dry_run else "would use it"
    yield f"{'rule' if one else 'rules'} {', '.join(addition.rules)} {use}"


def addition_document(addition: Addition, dry_run: bool) -> Document:
    """The same for scripts; ``added`` is false where nothing changed."""
    return {
        **{key: value for key, value in asdict(addition.package).items() if key != "path"},
        "source": addition.package.path,
        "path": addition.path,
        "what": addition.what,
        "dry_run": dry_run,
        "added": not dry_run and addition.what != "nothing",
        "retires": _version(addition.retires) if addition.what != "nothing" else None,
        "rules": addition.rules,
    }


def removal_lines(removal: Removal) -> Iterator[str]:
    """What was done, and what follows from it."""
    yield f"{removal.name} {removal.version} (digest {removal.digest[:12]}) is retired; {removal.path} is deleted"
    if removal.jobs:
        yield f"unfinished jobs will fail: {', '.join(map(str, removal.jobs))}"
    if removal.successor:
        version, digest = removal.successor
        yield f"in use under this name: {version} (digest {digest[:12]})"
    else:
        yield f"no package of the name {removal.name} is left"
    if removal.rules and not removal.successor:
        names = ", ".join(removal.rules)
        yield f"rules that name it match nothing now, and a node with them doesn't start: {names}; change and apply them"


def removal_document(removal: Removal) -> Document:
    """The same for scripts."""
    return {**asdict(removal), "successor": _version(removal.successor)}


def _version(named: tuple[str, str] | None) -> dict[str, str] | None:
    return None if named is None else {"version": named[0], "digest": named[1]}
