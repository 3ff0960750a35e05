"""What must hold whatever was sent: the receiver lives, serves, doesn't grow, says no false 0000, and logs no bug of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node.receive.dataset.header import read_header
from node.receive.spool.spool import SpoolFolders
from tests.fault.fuzz.client import Heard
from tests.support.attacks import good_echo
from tests.support.receiver import held
from tests.support.vitals import MIB, settle

ECHO_S = 10.0
MOST_GROWTH_BYTES = 64 * MIB
SLACK = 6  # threads and descriptors: journal segments come and go
# Levels that only a bug of ours reaches: what a peer does wrong is a warning.
_LOUD = ("error", "critical")


@dataclass
class Oracle:
    """Judges one life of a receiver. ``findings`` are lines for a person."""

    pid: int
    port: int
    log: Path
    findings: list[str] = field(default_factory=list)
    echoes_s: list[float] = field(default_factory=list)
    growth_bytes: int = 0
    _told: set[str] = field(default_factory=set)
    _log_read: int = 0
    _acknowledged: dict[str, set[str]] = field(default_factory=dict)
    _cases: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        good_echo(self.port)
        self.first = settle(self.pid, lambda now: False, 0.5)

    def hear(self, heard: Heard) -> None:
        """Note the end of a case."""
        if heard.hung:
            self.find(f"case {heard.case.number} ({heard.case.name}, {heard.case.ending}): not closed in time")
        shas = {uid: {sha for other, sha in heard.possible if other == uid} for uid in heard.acknowledged}
        for uid, possible in shas.items():
            self._acknowledged.setdefault(uid, set()).update(possible)
            self._cases[uid] = heard.case.number

    def after_batch(self) -> None:
        """A good peer is served, nothing has grown, the log is clean."""
        seconds = good_echo(self.port, ECHO_S)
        self.echoes_s.append(seconds)
        if math.isinf(seconds) or seconds > ECHO_S:
            self.find("a good peer's C-ECHO wasn't answered")
        now = settle(self.pid, lambda now: self._is_calm(now.threads, now.descriptors), 10.0)
        self.growth_bytes = max(self.growth_bytes, now.resident_bytes - self.first.resident_bytes)
        if not self._is_calm(now.threads, now.descriptors):
            self.find(f"threads {self.first.threads} -> {now.threads}, descriptors {self.first.descriptors} -> {now.descriptors}")
        if now.processes != self.first.processes:
            self.find(f"processes {self.first.processes} -> {now.processes}")
        if self.growth_bytes > MOST_GROWTH_BYTES:
            self.find(f"resident memory grew by {self.growth_bytes // MIB} MiB")
        self._read_log()

    def at_the_end(self, folders: Sequence[SpoolFolders]) -> int:
        """Everything acknowledged is held, whole, and has a header; the number of instances held."""
        for folder in folders:
            self._read_headers(folder)
        found = [one for folder in folders for one in held(folder)]
        by_uid: dict[str, set[str]] = {}
        for one in found:
            if not one.is_whole:
                self.find(f"{one.name} isn't whole")
            by_uid.setdefault(one.record.sop_instance_uid, set()).add(one.record.sha256)
        for uid, possible in self._acknowledged.items():
            if uid not in by_uid or (possible and not possible & by_uid[uid]):
                self.find(f"case {self._cases[uid]}: {uid!r} was answered 0000 and is not held as sent")
        return len(found)

    def _read_headers(self, folder: SpoolFolders) -> None:
        for one in held(folder):
            try:
                read_header(folder.object_of(one.name), one.record.data_offset, one.record.transfer_syntax_uid)
            except Exception as error:  # noqa: BLE001 - a finding, whatever it is
                self.find(f"the header of {one.name} ({one.record.transfer_syntax_uid}) can't be read: {error!r}")

    def find(self, line: str) -> None:
        """A finding, told once."""
        if line not in self._told:
            self._told.add(line)
            self.findings.append(line)

    def _is_calm(self, threads: int, descriptors: int) -> bool:
        return threads <= self.first.threads + SLACK and descriptors <= self.first.descriptors + SLACK

    def _read_log(self) -> None:
        with self.log.open("rb") as file:
            file.seek(self._log_read)
            lines = file.read().split(b"\n")
            self._log_read = file.tell() - len(lines[-1])
        for line in suspicious(line.decode("utf-8", "replace") for line in lines[:-1]):
            self.find(line)


def suspicious(lines: Iterable[str]) -> list[str]:
    """Lines of a log that tell of a bug of ours, without what differs from one to the next."""
    found: dict[str, None] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            found[f"log: {line[:200]}"] = None
            continue
        if entry.get("level") in _LOUD or entry.get("status") == "C0FF":
            places = entry.get("error_places") or ["?"]
            found[f"log: {entry.get('event')} {entry.get('error', '')} {entry.get('error_message', '')} at {places[-1]}"] = None
    return list(found)
