"""`wetread echo PEER` and `wetread send PEER PATH...`: is the peer there, and put files on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from node.commands.console import ConfigOption, clear_errors, err, out, settings_of
from node.deliver import scu
from node.deliver.status import Verdict
from node.settings import Peer, Settings
from storage.base.errors import ConfigError, WetreadError

PeerArgument = Annotated[str, typer.Argument(metavar="PEER", help="A peer's name in the settings.")]


def find_peer(settings: Settings, name: str) -> Peer:
    """The peer of that name. Raises ConfigError naming those that there are."""
    for peer in settings.peers:
        if peer.name == name:
            return peer
    known = ", ".join(peer.name for peer in settings.peers) or "none"
    raise ConfigError(f"no peer named {name}; configured peers: {known}; add it under peers in the settings")


@clear_errors
def echo(peer: PeerArgument, config: ConfigOption = None) -> None:
    """C-ECHO to a peer."""
    settings = settings_of(config)
    scu.echo(find_peer(settings, peer), settings.node.ae_title)
    out.print(f"{peer} answers")


@clear_errors
def send(
    peer: PeerArgument,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", exists=True, help="DICOM files or folders of them.")],
    config: ConfigOption = None,
) -> None:
    """C-STORE files to a peer, each in its own transfer syntax."""
    settings = settings_of(config)
    target = find_peer(settings, peer)
    objects = list(outbound_files(paths))
    if not objects:
        raise WetreadError(f"no DICOM files in {', '.join(map(str, paths))}")
    failed = 0
    for sent in scu.send(target, settings.node.ae_title, objects):
        if sent.verdict is not Verdict.STORED:
            failed += 1
            err.print(f"file {sent.key + 1} of {len(objects)}: {sent.reason}", markup=False)
    out.print(f"{len(objects) - failed} of {len(objects)} instances stored at {peer}")
    if failed:
        raise typer.Exit(1)


def outbound_files(paths: list[Path]) -> Iterator[scu.Outbound]:
    """DICOM files under ``paths`` in sorted order; others are passed over."""
    files = [f for path in paths for f in ([path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()))]
    for number, file in enumerate(files):
        try:
            header = dcmread(file, stop_before_pixels=True, specific_tags=["SOPClassUID"])
            meta = header.file_meta
            yield scu.Outbound(
                key=number,
                sop_class_uid=str(meta.MediaStorageSOPClassUID),
                transfer_syntax_uid=str(meta.TransferSyntaxUID),
                size_bytes=file.stat().st_size,
                load=file.read_bytes,
            )
        except (InvalidDicomError, AttributeError):
            continue
