"""The spool: the receiver's own place on a local disk, where an instance is durable before its sender is told so.

    ROOT/RECEIVER/part/        being written; never read
                  objects/     NAME.dcm: our file head, then the data set's bytes as received
                  journal/     a line for each record: one here means that its object, if it has one, is complete and durable
                  quarantine/  refused or stray bytes, NAME.dcm, and why, NAME.json, or one of them; for a person to look at
                  state.json   this spool's identity and how often it was opened
                  place.json   how far the indexer has come

Order of an instance: object bytes, object name, journal line; each forced to the disk before the next is begun, the last two
together with those of other associations. So a kill leaves at most a part, or an object without a line: nothing that was
acknowledged. A source that is granted durability ``os`` gets the same steps without the forcing. Absent on purpose: the
database, and deletion of anything that has a line.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

from node.receive.spool import durable, lines, records
from node.receive.spool.incoming import Incoming
from node.receive.spool.journal import Journal, LineNotWritten
from node.receive.spool.quarantine import Quarantine, Verdict
from node.receive.spool.records import AssociationClosed, InstanceReceived, Quarantined, Record
from node.receive.spool.segments import SUFFIX
from node.receive.spool.supply import Supply
from storage.base.clock import Clock
from storage.base.errors import ConfigError, TransientError

FOLDERS = ("part", "objects", "journal", "quarantine")


@dataclass(frozen=True)
class SpoolFolders:
    """The folders of one receiver's spool."""

    home: Path

    @cached_property
    def part(self) -> Path:
        return self.home / "part"

    @cached_property
    def objects(self) -> Path:
        return self.home / "objects"

    @cached_property
    def journal(self) -> Path:
        return self.home / "journal"

    @cached_property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    @cached_property
    def place(self) -> Path:
        return self.home / "place.json"

    def object_of(self, name: str) -> Path:
        return self.objects / f"{name}.dcm"


class Spool:
    """The writer's side of one receiver's spool; one process holds it at a time. Threads may share it."""

    def __init__(self, folders: SpoolFolders, boot: int, identity: str, minimum_free_bytes: int, lock_fd: int) -> None:
        self.folders = folders
        self.receiver = folders.home.name
        self.boot = boot
        self.identity = identity
        self.minimum_free_bytes = minimum_free_bytes
        self._number = 0
        self._counting = Lock()
        self._part_fd = durable.open_folder(folders.part)
        self._objects_fd = durable.open_folder(folders.objects)
        self._quarantine_fd = durable.open_folder(folders.quarantine)
        self._fds = [self._part_fd, self._objects_fd, self._quarantine_fd, lock_fd]
        self._journal = Journal(Supply(folders.journal, boot), self._objects_fd)
        self._kept = Quarantine(folders.quarantine)

    def new_name(self) -> str:
        """A name that sorts after all given before by this spool."""
        with self._counting:
            self._number += 1
            return f"{self.boot:08d}-{self._number:010d}-{self.identity}"

    def require_space(self, size_bytes: int) -> None:
        """Refuse what would leave less than the minimum free.

        Raises
        ------
        TransientError
            Code ``no-space``.
        """
        if durable.free_bytes(self._part_fd) - size_bytes < self.minimum_free_bytes:
            raise TransientError("spool: less free space than store.minimum_free_mb asks for", code="no-space")

    def is_nearly_full(self) -> bool:
        """Less than half of the minimum is free: better not to begin an association."""
        return 2 * durable.free_bytes(self._part_fd) < self.minimum_free_bytes

    def begin(self, head: bytes) -> Incoming:
        """Open the part file of an object that begins with ``head``; end it by `put`, `quarantine` or its ``discard``.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``.
        """
        self.require_space(0)
        return Incoming(self._part_fd, self.new_name(), head, self.require_space)

    def put(self, incoming: Incoming, record: InstanceReceived, *, sync: bool = True) -> str:
        """Make a whole object and its record durable; returns their name. On failure nothing of them remains in sight.

        Without ``sync`` they survive the death of this process, not that of the machine.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``.
        """
        name = incoming.name
        try:
            incoming.move(self._objects_fd, f"{name}.dcm", sync)
        except OSError as error:
            incoming.discard()
            raise durable.failure("keep an object", error) from error
        try:
            self._journal.append(lines.encode(name, record), names=True, sync=sync)
        except LineNotWritten as error:
            if error.taken_back:  # else a reader may find the line, and then it must find the object
                with suppress(OSError):
                    os.unlink(f"{name}.dcm", dir_fd=self._objects_fd)
            raise durable.failure("write the journal", error.cause) from error
        return name

    def put_record(self, record: Record) -> str:
        """Make a record without an object durable; returns its name.

        The end of an association isn't waited for: whoever asked for it has gone, and where a power cut takes it, the next
        life tells that the association was lost.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``.
        """
        name = self.new_name()
        try:
            self._journal.append(lines.encode(name, record), names=False, sync=not isinstance(record, AssociationClosed))
        except LineNotWritten as error:
            raise durable.failure("write the journal", error.cause) from error
        return name

    def quarantine(self, incoming: Incoming, record: Quarantined) -> tuple[str, Verdict]:
        """Keep why an object was refused, and the object unless it is kept already or is too much; returns the name.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``; then nothing of it remains.
        """
        name = incoming.name
        target = self.folders.quarantine / f"{name}.dcm"
        verdict = self._kept.admit(record.sha256, target, record.size_bytes)
        try:
            if verdict == "keep":
                incoming.move(self._quarantine_fd, target.name, True)
            if verdict != "records-full":
                part = self.folders.part / secrets.token_hex(16)
                durable.write_file(part, target.with_suffix(".json"), [records.encode(record)])
                os.fsync(self._quarantine_fd)
        except (OSError, TransientError) as error:
            if verdict != "records-full":
                self._kept.forget(record.sha256, target, record.size_bytes)
            with suppress(OSError):
                target.with_suffix(".json").unlink(missing_ok=True)
                target.unlink(missing_ok=True)
            raise error if isinstance(error, TransientError) else durable.failure("quarantine an object", error) from error
        finally:
            self._kept.done()
            incoming.discard()
        return name, verdict

    def close(self) -> None:
        """Let another process have the spool. What is still on its way fails and is never acknowledged."""
        self._journal.close()
        fds, self._fds = self._fds, []
        self._part_fd = self._objects_fd = self._quarantine_fd = -1  # a closed number may soon be another file's
        for fd in fds:
            os.close(fd)


def open_spool(root: Path, receiver: str, clock: Clock, minimum_free_bytes: int) -> Spool:
    """Take a receiver's spool for this process, make what is missing, and count one more life.

    Raises
    ------
    ConfigError
        Another process holds it, or the path can't be used.
    """
    folders = SpoolFolders(root / receiver)
    try:
        for name in FOLDERS:
            durable.make_folder(folders.home / name)
        lock_fd = _lock(folders.home)
        identity, boot = _count_boot(folders, clock)
    except (TransientError, OSError, ValueError) as error:
        why = error.message if isinstance(error, TransientError) else type(error).__name__
        raise ConfigError(f"store.spool: {root} can't be used: {why}; choose a writable folder on a local disk") from error
    return Spool(folders, boot, identity, minimum_free_bytes, lock_fd)


def _lock(home: Path) -> int:
    fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise ConfigError(
            f"store.spool: another receiver works in {home}; stop it or set store.spool", code="spool-held"
        ) from error
    return fd


def _count_boot(folders: SpoolFolders, clock: Clock) -> tuple[str, int]:
    """The spool's identity and the number of this life, larger than any before: also of a lost spool in this place.

    The clock and the journal have a say too: where state.json is a copy of former days, the next number would be taken already,
    and whoever has indexed what it named would take what comes now for the same.
    """
    path = folders.home / "state.json"
    boots = [int(clock.utc().timestamp()) // 60, *(1 + boot for boot in _boots_in(folders.journal))]
    if path.exists():
        state = json.loads(path.read_bytes())
        identity = str(state["identity"])
        boots.append(int(state["boot"]) + 1)
    else:
        identity = secrets.token_hex(4)
    boot = max(boots)
    durable.write_file(
        folders.part / secrets.token_hex(16), path, [json.dumps({"identity": identity, "boot": boot}).encode("ascii")]
    )
    durable.sync_folder(folders.home)
    return identity, boot


def _boots_in(journal: Path) -> list[int]:
    """The lives that segments of the journal are of."""
    found = [path.stem.partition("-")[0] for path in journal.glob(f"*{SUFFIX}")]
    return [int(boot) for boot in found if boot.isdecimal()]
