"""`wetread models list | check`: which packages the node knows, and whether one would run."""

from __future__ import annotations

import typer

from node.commands.console import ConfigOption, JsonOption, clear_errors, database_of, out, print_json, settings_of
from node.commands.outside import PASS_ON, hand_over
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


@models_app.command("check", context_settings=PASS_ON)
def models_check(context: typer.Context) -> None:
    """Load a package folder, warm it up and run it on a synthetic volume: PACKAGE."""
    hand_over(context, "inference", "check")
