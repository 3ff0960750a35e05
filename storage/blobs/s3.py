"""Blobs in an S3-compatible bucket, by obstore (extra ``[s3]``). A put is durable and whole when the server says so."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from storage.base.errors import ConfigError, TransientError
from storage.blobs.base import BlobExists, BlobInfo, BlobMissing, check_key

_OPTIONS = ("endpoint", "region")


class S3Blobs:
    """A bucket, or a prefix of it, as a blob store.

    Credentials come from the environment as usual (``AWS_ACCESS_KEY_ID`` …). A plain ``http`` endpoint is allowed when the URL
    names it.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore import exceptions, store
        except ImportError as error:
            raise ConfigError("store.blobs: S3 needs `pip install wetread[s3]`", code="blobs") from error
        self._obstore: Any = obstore
        make: Any = store.S3Store
        self._errors: Any = exceptions
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = sorted(set(options) - set(_OPTIONS))
        if not parts.netloc or unknown:
            raise ConfigError("store.blobs: write s3://BUCKET/PREFIX?endpoint=URL&region=NAME", code="blobs")
        self._name = f"s3://{parts.netloc}{parts.path}"
        plain = options.get("endpoint", "").startswith("http://")
        self._store: Any = make(
            parts.netloc, prefix=parts.path.strip("/") or None, client_options={"allow_http": plain}, **options
        )

    def put(self, key: str, data: bytes, *, only_new: bool = False) -> BlobInfo:
        with self._faults(key):
            mode = "create" if only_new else "overwrite"
            self._obstore.put(self._store, check_key(key), data, mode=mode, use_multipart=False if only_new else None)
        return BlobInfo(hashlib.sha256(data).hexdigest(), len(data))

    def adopt(self, key: str, path: Path) -> None:
        with self._faults(key):
            self._obstore.put(self._store, check_key(key), path)

    def adopt_many(self, files: Iterable[tuple[str, Path]]) -> None:
        for key, path in files:
            self.adopt(key, path)

    def get(self, key: str) -> bytes:
        with self._faults(key):
            return bytes(self._obstore.get(self._store, check_key(key)).bytes())

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self.get(key))

    def exists(self, key: str) -> bool:
        try:
            with self._faults(key):
                self._obstore.head(self._store, check_key(key))
        except BlobMissing:
            return False
        return True

    def delete(self, key: str) -> None:
        with self._faults(key):
            self._obstore.delete(self._store, check_key(key))

    def list(self, prefix: str = "") -> Iterator[str]:
        # The service's own prefix means whole parts only, so the rest of it is matched here.
        with self._faults(prefix):
            pages = self._obstore.list(self._store, prefix=prefix.rpartition("/")[0] or None)
            keys = [str(entry["path"]) for page in pages for entry in page]
        return iter(sorted(key for key in keys if key.startswith(prefix)))

    def local_path(self, key: str) -> Path | None:
        return None

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except self._errors.AlreadyExistsError as error:
            raise BlobExists(f"blob {key}: exists already") from error
        except (self._errors.NotFoundError, FileNotFoundError) as error:
            raise BlobMissing(f"blob {key}: there is none in {self._name}") from error
        except (self._errors.BaseError, OSError) as error:
            raise TransientError(f"blob {key} in {self._name}: {type(error).__name__}", code="blobs") from error
