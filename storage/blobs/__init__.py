"""Blobs: bytes under keys, durable when a call returns. A local folder by default, S3 for more than one machine.

A key is a relative path of lower-case letters, digits, ``.``, ``_`` and ``-``; no part begins with a dot. Keys hold no text
from a peer other than digests. Absent on purpose: knowledge of DICOM, retention.
"""

from __future__ import annotations

from pathlib import Path

from storage.base.errors import ConfigError
from storage.blobs.base import BlobExists, BlobInfo, BlobMissing, Blobs
from storage.blobs.local import LocalBlobs

__all__ = ["BlobExists", "BlobInfo", "BlobMissing", "Blobs", "open_blobs"]


def open_blobs(url_or_path: str | Path) -> Blobs:
    """A folder (made when missing), or ``s3://BUCKET/PREFIX?endpoint=URL&region=NAME`` with credentials from the environment.

    Raises
    ------
    ConfigError
        Code ``blobs``: the folder can't be made or written, S3 support isn't installed, or the address is of another kind.
    """
    text = str(url_or_path)
    if text.startswith("s3://"):
        from storage.blobs.s3 import S3Blobs

        return S3Blobs(text)
    if "://" in text:
        raise ConfigError("store.blobs: takes a folder or s3://BUCKET/PREFIX", code="blobs")
    return LocalBlobs(Path(url_or_path))
