"""What the disk allows: files of a size, each made durable by a sync of its own, per second, by one to many writers."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def durable_files_per_s(folder: Path, writers: int, size_bytes: int, count: int) -> float:
    """How many files per second ``writers`` threads write, fdatasync and close."""
    folder.mkdir(parents=True)
    content = os.urandom(size_bytes)
    began_s = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(lambda number: _write(folder / str(number), content), range(count)))
    taken_s = time.perf_counter() - began_s
    shutil.rmtree(folder)
    return count / taken_s


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(descriptor, content)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
