"""`wetread models list | add | check | remove | reinstate`: which packages the node has, and bringing them in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from node.commands.console import ConfigOption, JsonOption, clear_errors, database_of, err, out, print_json, settings_of
from node.commands.models_text import addition_document, addition_lines, package_lines, removal_document, removal_lines
from node.commands.outside import PASS_ON, hand_over
from node.models.adding import add_package
from node.models.checking import check_package
from node.models.reinstating import reinstate
from node.models.removing import remove
from storage.views import list_packages

models_app = typer.Typer(no_args_is_help=True, help="Model packages.")

PackageArgument = Annotated[str, typer.Argument(metavar="PACKAGE", help="A package's folder, or a training run's.")]


@models_app.command("list")
@clear_errors
def models_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every package that the node knows: task, state, digest, licence, and where it lies."""
    with database_of(settings_of(config)) as db, db.read() as session:
        rows: list[dict[str, Any]] = [row | {"present": Path(row["path"]).is_dir()} for row in list_packages(session)]
    if as_json:
        print_json(rows)
        return
    for line in package_lines(rows):
        out.print(line, markup=False)


@models_app.command("add")
@clear_errors
def models_add(
    package: PackageArgument,
    config: ConfigOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check it and say what would happen; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a package, copy it into the node's own folder and use it; a running node takes it up at once."""
    settings = settings_of(config)
    with database_of(settings) as db:
        with err.status("checking: loading it and running it once"):
            checked = check_package(package)
        addition = add_package(checked, settings, db, dry_run=dry_run)
    if as_json:
        print_json(addition_document(addition, dry_run))
        return
    for line in addition_lines(addition, dry_run):
        out.print(line, markup=False)


@models_app.command("remove")
@clear_errors
def models_remove(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    which: Annotated[str, typer.Argument(metavar="[VERSION|DIGEST]", help="Needed where there are several of the name.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Though a rule names it or jobs of it are unfinished.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Retire an added package and delete the node's copy of it; what the settings list is never deleted."""
    settings = settings_of(config)
    with database_of(settings) as db:
        removal = remove(name, which, settings, db, force=force)
    if as_json:
        print_json(removal_document(removal))
        return
    for line in removal_lines(removal):
        out.print(line, markup=False)


@models_app.command("reinstate")
@clear_errors
def models_reinstate(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The beginning of its digest, as `models list` shows it.")],
    config: ConfigOption = None,
) -> None:
    """Use a quarantined or retired package again; jobs that it failed are retried by `wetread jobs retry`."""
    with database_of(settings_of(config)) as db:
        package = reinstate(digest, db)
    out.print(f"{package.name} {package.version} is active", markup=False)


@models_app.command("check", context_settings=PASS_ON)
def models_check(context: typer.Context) -> None:
    """Load a package folder, warm it up and run it on a synthetic volume: PACKAGE."""
    hand_over(context, "inference", "check")
