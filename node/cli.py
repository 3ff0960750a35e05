"""The command `wetread`. Exit status 0 done, 1 failed, 2 wrong use. Imports no torch; what needs it runs as a process."""

from __future__ import annotations

import typer

from node.commands import inspect, outside, passcode, peers, serve
from node.commands.conformance import conformance
from node.commands.models import models_app
from node.commands.queue import deliveries_app, jobs_app
from node.commands.rules import rules_app
from node.demo import command as demo

app = typer.Typer(
    name="wetread",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The DICOM node that gives a wet read by machine: study in, SEG and SR out.",
)
app.command()(serve.serve)
app.command()(demo.demo)
app.command("check-config")(serve.check_config)
app.command()(serve.migrate)
app.command()(inspect.status)
app.command()(inspect.show)
app.command()(peers.echo)
app.command()(peers.send)
app.command()(passcode.passcode)
app.command()(conformance)
app.add_typer(rules_app, name="rules")
app.add_typer(models_app, name="models")
app.add_typer(jobs_app, name="jobs")
app.add_typer(deliveries_app, name="deliveries")
app.command(context_settings=outside.PASS_ON)(outside.infer)
app.command(context_settings=outside.PASS_ON)(outside.train)
app.command(context_settings=outside.PASS_ON)(outside.evaluate)
app.command(context_settings=outside.PASS_ON)(outside.export)
app.command(context_settings=outside.PASS_ON)(outside.compare)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
