"""What a receiver does with the rest of its former life, before it listens.

A part was never acknowledged: removed. An object without a record was never acknowledged, or has been indexed: removed when
the blob store holds a link to it, else kept apart. A record without its object contradicts the order in which both are
written: it is told loudly and left to the indexer, which looks for the object among the blobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.receive.spool import durable, records
from node.receive.spool.records import InstanceReceived, RecordDamaged
from node.receive.spool.spool import SpoolFolders
from storage.base.log import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """How many parts were removed, strays removed and kept apart, and objects found missing."""

    parts: int
    removed: int
    kept_apart: int
    missing: int


def reconcile(folders: SpoolFolders) -> Reconciled:
    """Bring a spool that nobody writes to into order; an indexer may be at work on it.

    Raises
    ------
    TransientError
        The disk failed.
    """
    with durable.disk_errors("put the spool in order"):
        parts = [_removed(path) for path in folders.part.iterdir()]
        strays = [_clear(path, folders) for path in sorted(folders.objects.glob("*.dcm"))]
        missing = [path.stem for path in sorted(folders.records.glob("*.json")) if _lacks_object(path, folders)]
    for name in missing:
        _log.error("spool.object-missing", record=name)
    found = Reconciled(len(parts), strays.count("removed"), strays.count("kept"), len(missing))
    if parts or found.removed or found.kept_apart:
        _log.warning("spool.reconciled", parts=found.parts, removed=found.removed, kept_apart=found.kept_apart)
    return found


def _clear(path: Path, folders: SpoolFolders) -> str:
    if folders.record_of(path.stem).exists():
        return "whole"
    try:
        linked = path.stat().st_nlink > 1
        if linked:
            path.unlink()
        else:
            path.rename(folders.quarantine / path.name)
    except FileNotFoundError:
        return "gone"  # the indexer has just finished with it
    except OSError as error:
        _tell_stuck(path, error)
        return "stuck"
    _log.warning("spool.object-without-record", record=path.stem, kept_apart=not linked)
    return "removed" if linked else "kept"


def _lacks_object(path: Path, folders: SpoolFolders) -> bool:
    try:
        record = records.decode(path.read_bytes())
    except FileNotFoundError:
        return False
    except RecordDamaged:
        _log.error("spool.record-damaged", record=path.stem)
        return False
    except OSError as error:
        _tell_stuck(path, error)
        return False
    lacks = isinstance(record, InstanceReceived) and not folders.object_of(path.stem).exists()
    return lacks and path.exists()


def _tell_stuck(path: Path, error: OSError) -> None:
    """A file that can't be used stays where it is and keeps nobody from receiving."""
    if not durable.is_of_one_file(error):
        raise error
    _log.error("spool.record-stuck", record=path.stem, exc_info=error)


def _removed(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
