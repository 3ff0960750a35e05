"""What a response needs to know of procedure steps: does it exist, has it ended. Small files that all workers share.

    SPOOL/procedure-steps/HASH.json     named by the SHA-256 of the step's UID; bounded in number, ended and oldest go first
                          lock          held while a step is looked up and changed

The truth for everybody else is the spool record, which is durable before the file changes: killed in between, the peer got no
answer, and asks again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from node.receive.spool import durable
from node.receive.spool.records import References, StepState

FOLDER = "procedure-steps"
MOST_STEPS = 10_000
_KEPT_OF_TOO_MANY = 0.9


@dataclass(frozen=True)
class Step:
    """A procedure step as its messages left it."""

    state: StepState
    studies: tuple[str, ...]
    references: References


class Steps:
    """The files of one spool."""

    def __init__(self, spool_root: Path, most: int = MOST_STEPS) -> None:
        self._folder = spool_root / FOLDER
        self._most = most

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else looks up or changes a step within the block.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``.
        """
        with durable.disk_errors("lock the procedure steps"):
            self._folder.mkdir(exist_ok=True)
            fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def find(self, uid: str) -> Step | None:
        """A step, if it is known; a torn file counts as unknown."""
        try:
            return _decode(json.loads(self._path(uid).read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            return None

    def put(self, uid: str, step: Step) -> None:
        """Keep a step durably. Raises TransientError."""
        path = self._path(uid)
        self._make_room()
        durable.write_file(self._folder / f".{secrets.token_hex(8)}", path, [json.dumps(asdict(step)).encode("ascii")])
        durable.sync_folder(self._folder)

    def _path(self, uid: str) -> Path:
        return self._folder / f"{hashlib.sha256(uid.encode()).hexdigest()}.json"

    def _make_room(self) -> None:
        with durable.disk_errors("list the procedure steps"):
            paths = list(self._folder.glob("*.json"))
            if len(paths) < self._most:
                return
            ages = sorted((_has_not_ended(path), path.stat().st_mtime_ns, path) for path in paths)
            for _, _, path in ages[: len(paths) - int(self._most * _KEPT_OF_TOO_MANY)]:
                path.unlink(missing_ok=True)


def _has_not_ended(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["state"] == "in-progress")
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _decode(fields: dict[str, Any]) -> Step:
    if fields["state"] not in ("in-progress", "completed", "discontinued"):
        raise ValueError("no state of a step")
    listed = tuple((str(sop_class), str(instance)) for sop_class, instance in fields["references"])
    return Step(fields["state"], tuple(fields["studies"]), listed)
