"""`wetread models list | check | reinstate`: which packages the node knows, whether one would run, and using one again."""

from __future__ import annotations

from typing import Annotated

import typer

from node.commands.console import ConfigOption, JsonOption, clear_errors, database_of, out, print_json, settings_of
from node.commands.outside import PASS_ON, hand_over
from storage import packages
from storage.base.errors import WetreadError
from storage.views import list_packages

models_app = typer.Typer(no_args_is_help=True, help="Model packages.")


@models_app.command("list")
@clear_errors
def models_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Registered packages with version, state and digest."""
    with database_of(settings_of(config)) as db, db.read() as session:
        rows = list_packages(session)
    if as_json:
        print_json(rows)
        return
    for p in rows:
        reason = f" ({p['reason']})" if p["reason"] else ""
        out.print(f"{p['name']:<24} {p['version']:<8} {p['state']}{reason}  {p['digest'][:12]}  {p['path']}", markup=False)


@models_app.command("reinstate")
@clear_errors
def models_reinstate(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The beginning of its digest, as `models list` shows it.")],
    config: ConfigOption = None,
) -> None:
    """Use a quarantined or retired package again; jobs that it failed are retried by `wetread jobs retry`."""
    with database_of(settings_of(config)) as db, db.write() as session:
        found = [p for p in packages.list_packages(session) if p.digest.startswith(digest)]
        if len(found) != 1:
            raise WetreadError(f"{len(found)} packages have a digest that begins with {digest}; see `wetread models list`")
        packages.reinstate(session, found[0].id, db.clock.utc())
        name = f"{found[0].name} {found[0].version}"
    out.print(f"{name} is active", markup=False)


@models_app.command("check", context_settings=PASS_ON)
def models_check(context: typer.Context) -> None:
    """Load a package folder, warm it up and run it on a synthetic volume: PACKAGE."""
    hand_over(context, "inference", "check")
