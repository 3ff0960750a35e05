"""`wetread jobs` and `wetread deliveries`: lists, and what a person may ask of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from node.commands.console import ConfigOption, JsonOption, clear_errors, database_of, out, print_json, settings_of
from storage import deliveries, jobs
from storage.states import DELIVERY, JOB
from storage.views import list_deliveries, list_jobs

jobs_app = typer.Typer(no_args_is_help=True, help="Inference jobs.")
deliveries_app = typer.Typer(no_args_is_help=True, help="Results on their way to peers.")

JobArgument = Annotated[int, typer.Argument(metavar="JOB", min=1)]


def _known(state: str | None, states: Any) -> str | None:
    if state is not None and state not in states:
        raise typer.BadParameter(f"{state} is no state; choose one of {', '.join(states)}", param_hint="--state")
    return state


@jobs_app.command("list")
@clear_errors
def jobs_list(state: str | None = None, limit: int = 50, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Jobs, newest first."""
    with database_of(settings_of(config)) as db, db.read() as session:
        rows = list_jobs(session, _known(state, JOB), limit)
    _print_rows(
        rows, as_json, lambda j: f"{j['id']:>6} {j['state']:<10} {j['model']:<24} {j['study_instance_uid']} {j['reason']}"
    )


@jobs_app.command("retry")
@clear_errors
def jobs_retry(job: JobArgument, config: ConfigOption = None) -> None:
    """Start a refused, failed, dead or cancelled job again."""
    with database_of(settings_of(config)) as db, db.write() as session:
        jobs.retry(session, job, db.clock.utc())
    out.print(f"job {job} is ready again")


@jobs_app.command("rerun")
@clear_errors
def jobs_rerun(job: JobArgument, config: ConfigOption = None) -> None:
    """Run a job once more as a new generation, whose results have new UIDs."""
    with database_of(settings_of(config)) as db, db.write() as session:
        new = jobs.rerun(session, job, db.clock.utc())
        text = f"job {new.id} is ready: generation {new.generation} of job {job}"
    out.print(text)


@jobs_app.command("cancel")
@clear_errors
def jobs_cancel(job: JobArgument, config: ConfigOption = None) -> None:
    """Stop a job that has not ended."""
    with database_of(settings_of(config)) as db, db.write() as session:
        jobs.cancel(session, job, db.clock.utc())
    out.print(f"job {job} is cancelled")


@deliveries_app.command("list")
@clear_errors
def deliveries_list(state: str | None = None, limit: int = 50, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Deliveries, newest first."""
    with database_of(settings_of(config)) as db, db.read() as session:
        rows = list_deliveries(session, _known(state, DELIVERY), limit)
    _print_rows(rows, as_json, lambda d: f"{d['id']:>6} {d['state']:<10} {d['role']:<4} to {d['peer']:<12} {d['last_error']}")


@deliveries_app.command("retry")
@clear_errors
def deliveries_retry(
    delivery: Annotated[int, typer.Argument(metavar="DELIVERY", min=1)],
    config: ConfigOption = None,
) -> None:
    """Send a failed delivery again."""
    with database_of(settings_of(config)) as db, db.write() as session:
        deliveries.retry(session, delivery, db.clock.utc())
    out.print(f"delivery {delivery} is pending again")


def _print_rows(rows: list[dict[str, Any]], as_json: bool, line: Any) -> None:
    if as_json:
        print_json(rows)
        return
    for row in rows:
        out.print(line(row), markup=False)
    if not rows:
        out.print("none")
