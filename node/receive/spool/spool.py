"""The spool: the receiver's own place on a local disk, where an instance is durable before its sender is told so.

    ROOT/RECEIVER/part/        being written; never read
                  objects/     NAME.dcm: our file head, then the data set's bytes as received
                  records/     NAME.json: a name here means that its object, if it has one, is complete and durable
                  quarantine/  refused or stray bytes, NAME.dcm, and why, NAME.json, or one of them; for a person to look at
                  state.json   this spool's identity and how often it was opened

Order of an instance: object bytes, object name, record bytes, record name; each forced to the disk before the next is begun. So
a kill leaves at most a part, or an object without a record: nothing that was acknowledged. Absent on purpose: the database, and
deletion other than by `remove`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from node.receive.spool import durable, records
from node.receive.spool.durable import Bytes
from node.receive.spool.quarantine import Quarantine, Verdict
from node.receive.spool.records import Quarantined, Record
from storage.base.clock import Clock
from storage.base.errors import ConfigError, TransientError

FOLDERS = ("part", "objects", "records", "quarantine")


@dataclass(frozen=True)
class SpoolFolders:
    """The folders of one receiver's spool."""

    home: Path

    @property
    def part(self) -> Path:
        return self.home / "part"

    @property
    def objects(self) -> Path:
        return self.home / "objects"

    @property
    def records(self) -> Path:
        return self.home / "records"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    def object_of(self, name: str) -> Path:
        return self.objects / f"{name}.dcm"

    def record_of(self, name: str) -> Path:
        return self.records / f"{name}.json"


@dataclass
class Spool:
    """The writer's side of one receiver's spool; one process holds it at a time. Threads may share it."""

    folders: SpoolFolders
    receiver: str
    boot: int
    identity: str
    minimum_free_bytes: int
    _lock_fd: int
    _number: int = 0
    _counting: Lock = field(default_factory=Lock)
    _quarantining: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._kept = Quarantine(self.folders.quarantine)

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
        if durable.free_bytes(self.folders.home) - size_bytes < self.minimum_free_bytes:
            raise TransientError("spool: less free space than store.minimum_free_mb asks for", code="no-space")

    def is_nearly_full(self) -> bool:
        """Less than half of the minimum is free: better not to begin an association."""
        return 2 * durable.free_bytes(self.folders.home) < self.minimum_free_bytes

    def put_instance(self, chunks: Sequence[Bytes], record: Record) -> str:
        """Make an object and its record durable; returns their name. On failure nothing of them remains in sight.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``.
        """
        name = self.new_name()
        target = self.folders.object_of(name)
        try:
            durable.write_file(self._part(), target, chunks)
            durable.sync_folder(self.folders.objects)
            self._put(self.folders.record_of(name), record)
        except TransientError:
            # The sender is told of a failure; its record must go first, else a kill here would index what was refused.
            self.folders.record_of(name).unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            raise
        return name

    def put_record(self, record: Record) -> str:
        """Make a record without an object durable; returns its name."""
        name = self.new_name()
        self._put(self.folders.record_of(name), record)
        return name

    def quarantine(self, chunks: Sequence[Bytes], record: Quarantined) -> tuple[str, Verdict]:
        """Keep why bytes were refused, and the bytes unless they are kept already or are too many; returns the name."""
        name = self.new_name()
        target = self.folders.quarantine / f"{name}.dcm"
        with self._quarantining:
            verdict = self._kept.judge(record.sha256, record.size_bytes)
            try:
                if verdict == "keep":
                    durable.write_file(self._part(), target, chunks)
                self._put(target.with_suffix(".json"), record)
            except TransientError:
                target.unlink(missing_ok=True)
                raise
            if verdict == "keep":
                self._kept.add(record.sha256, target, record.size_bytes)
        return name, verdict

    def close(self) -> None:
        """Let another process have the spool."""
        os.close(self._lock_fd)

    def _put(self, target: Path, record: Record) -> None:
        durable.write_file(self._part(), target, [records.encode(record)])
        durable.sync_folder(target.parent)

    def _part(self) -> Path:
        return self.folders.part / secrets.token_hex(16)


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
    return Spool(folders, receiver, boot, identity, minimum_free_bytes, lock_fd)


def _lock(home: Path) -> int:
    fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise ConfigError(f"store.spool: another receiver works in {home}; stop it or set store.spool") from error
    return fd


def _count_boot(folders: SpoolFolders, clock: Clock) -> tuple[str, int]:
    """The spool's identity and the number of this life, larger than any before, also of a lost spool in this place."""
    path = folders.home / "state.json"
    if path.exists():
        state = json.loads(path.read_bytes())
        identity, boot = str(state["identity"]), int(state["boot"]) + 1
    else:
        identity, boot = secrets.token_hex(4), int(clock.utc().timestamp()) // 60
    durable.write_file(
        folders.part / secrets.token_hex(16), path, [json.dumps({"identity": identity, "boot": boot}).encode("ascii")]
    )
    durable.sync_folder(folders.home)
    return identity, boot
