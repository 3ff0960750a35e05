"""`wetread serve | check-config | migrate`: start the node, or say in one line why it can't start."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from node.commands.console import ConfigOption, clear_errors, out, require_current, settings_of
from node.settings import Settings
from node.supervisor import (
    ROLES,
    Supervisor,
    receiver_command,
    reload_on_signal,
    role_command,
    stop_on_signals,
    stop_with_parent,
)
from storage.base.clock import Clock, SystemClock
from storage.base.errors import ConfigError
from storage.database import open_database


@clear_errors
def serve(
    config: ConfigOption = None,
    role: Annotated[str, typer.Option(help="all, or one of " + ", ".join(ROLES) + ".")] = "all",
    child: Annotated[bool, typer.Option("--child", hidden=True, help="Stop when standard input closes.")] = False,
) -> None:
    """Run the node until SIGTERM or Ctrl-C."""
    if role not in (*ROLES, "all"):
        raise typer.BadParameter(f"{role} is no role; choose all or one of {', '.join(ROLES)}", param_hint="--role")
    settings = settings_of(config)
    clock = SystemClock()
    if not child:
        prepare(settings, clock, bind=role in ("all", "receiver"))
    if role == "receiver":
        command = receiver_command(config, child=child)
        os.execv(command[0], command)  # noqa: S606 - this very interpreter, for the process that the receiver needs
    stop = stop_on_signals()
    if role == "all":
        raise typer.Exit(Supervisor(role_command(config), clock).run(stop, reload_on_signal()))
    if child:
        stop_with_parent(stop)
    _role(role)(settings, clock, stop)


@clear_errors
def check_config(config: ConfigOption = None) -> None:
    """Check settings, rules, models and paths, without starting anything."""
    from node.route.commands import check_rules

    settings = settings_of(config)
    _writable_places(settings)
    _usable_tls(settings)
    report = check_rules(settings.rules, settings)
    out.print(f"configuration is good: {len(settings.peers)} peers, {len(report.rules)} rules, {len(report.models)} models")


@clear_errors
def migrate(config: ConfigOption = None) -> None:
    """Bring the database to this program's version."""
    settings = settings_of(config)
    db = open_database(settings.store.database, SystemClock())
    try:
        before = db.revision_state()
        db.migrate()
        out.print("the database was current" if before == "current" else f"the database was {before} and is current now")
    finally:
        db.dispose()


def prepare(settings: Settings, clock: Clock, *, bind: bool) -> None:
    """All that may refuse to start, done once before any child runs: paths, database, packages, rules, port.

    Raises
    ------
    ConfigError
        Naming file, key, path or port, and the mend.
    """
    from node.route.apply import prepare_routing

    _writable_places(settings)
    _usable_tls(settings)
    if bind:
        _ports_are_free(settings)
    db = open_database(settings.store.database, clock)
    try:
        if db.revision_state() in ("empty", "outdated"):
            db.migrate()
        require_current(db)
        prepare_routing(settings, db)
    finally:
        db.dispose()


def _writable_places(settings: Settings) -> None:
    """Create the folders that we write to, or name the one that can't be."""
    for key, text in (("store.blobs", str(settings.store.blobs)), ("store.spool", str(settings.store.spool))):
        if "://" in text:
            continue
        path = Path(text)
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe = path / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise ConfigError(f"{key}: {path} can't be written ({error.strerror}); choose a writable folder") from error


def _usable_tls(settings: Settings) -> None:
    """Every file of TLS, ours and of each peer, or the one that can't be used."""
    from node.deliver.tls import check_files
    from node.receive.listen.tls import ServerTls, tls_of

    listen = tls_of(settings)
    if listen is not None:
        ServerTls(listen, SystemClock())
    for peer in settings.peers:
        if peer.tls is not None:
            check_files(peer.name, peer.tls)


def _ports_are_free(settings: Settings) -> None:
    tls = settings.tls
    if tls is None or not tls.only:
        _port_is_free(settings.node.host, settings.node.port, "node.port")
    if tls is not None and tls.port is not None:
        _port_is_free(settings.node.host, tls.port, "tls.port")


def _port_is_free(host: str, port: int, key: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            mend = f"stop the program that holds it or change {key}"
            if error.errno == errno.EADDRNOTAVAIL:
                mend = "set node.host to an address of this machine"
            raise ConfigError(f"{key}: {host}:{port} can't be used ({error.strerror}); {mend}") from error


def _role(name: str) -> Callable[[Settings, Clock, Event], None]:
    """Import one role alone, so that no process carries what another needs."""
    if name == "router":
        from node.router import run_router

        return run_router
    if name == "dispatcher":
        from node.dispatch.process import run_dispatcher

        return run_dispatcher
    from node.deliverer import run_deliverer

    return run_deliverer
