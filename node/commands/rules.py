"""`wetread rules check | apply | diff | test | history`."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from node.commands.console import ConfigOption, JsonOption, clear_errors, database_of, err, out, print_json, settings_of
from node.route import commands
from node.route.rules.document import RulesError

rules_app = typer.Typer(no_args_is_help=True, help="Routing rules.")

FileOption = Annotated[Path | None, typer.Option("--file", "-f", metavar="FILE", help="Rules file; else the settings' own.")]


@rules_app.command("check")
@clear_errors
def rules_check(file: FileOption = None, config: ConfigOption = None) -> None:
    """Parse, type-check and dry-run a rules file, and look its models and peers up."""
    settings = settings_of(config)
    try:
        report = commands.check_rules(file or settings.rules, settings)
    except RulesError as error:
        for problem in error.problems:
            err.print(str(problem), style="red", markup=False)
        raise typer.Exit(1) from None
    out.print(f"{len(report.rules)} rules are good; models known: {', '.join(report.models)}", markup=False)


@rules_app.command("apply")
@clear_errors
def rules_apply(file: FileOption = None, config: ConfigOption = None) -> None:
    """Put a rules file in force as a new version; a running node takes it up within a second."""
    settings = settings_of(config)
    with database_of(settings) as db:
        applied = commands.apply_file(file or settings.rules, settings, db, getpass.getuser())
    state = "is in force now" if applied.changed else "was in force already; nothing changed"
    out.print(f"version {applied.number} ({applied.rules} rules) {state}", markup=False)


@rules_app.command("diff")
@clear_errors
def rules_diff(file: FileOption = None, config: ConfigOption = None) -> None:
    """What applying a file would change."""
    settings = settings_of(config)
    with database_of(settings) as db:
        difference = commands.diff_rules(file or settings.rules, db)
    for line in difference.lines or (f"no difference from version {difference.number}",):
        out.print(line, markup=False)


@rules_app.command("test")
@clear_errors
def rules_test(
    folder: Annotated[Path, typer.Argument(metavar="DICOM_DIR", exists=True)],
    file: FileOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How the rules would judge every series in a folder, with reasons; nothing is stored."""
    settings = settings_of(config)
    trials = commands.test_rules(file or settings.rules, folder, settings)
    if as_json:
        print_json([asdict(trial) for trial in trials])
        return
    for t in trials:
        verdict = f"-> {t.model}" if t.matched else "no match"
        out.print(f"{t.modality} {t.series_instance_uid} ({t.instances}) {t.rule}: {verdict}: {t.reason}", markup=False)


@rules_app.command("history")
@clear_errors
def rules_history(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every version that was in force, newest first."""
    with database_of(settings_of(config)) as db:
        versions = commands.history(db)
    if as_json:
        print_json([asdict(version) for version in versions])
        return
    for v in versions:
        out.print(f"{v.number:>4}  {v.applied_at:%Y-%m-%d %H:%M:%S} UTC  {v.author:<16} {v.digest[:12]}", markup=False)
