"""The journal as its readers see it: segments in their order, and the lines of each.

A segment is zeros with lines from its beginning on. The last one of a spool is still written to: its first NUL, or a line not
yet whole, is where a reader waits. The others are closed. There, text without its end is what a power cut left of lines that
were never acknowledged; when other text comes after it, a line in the middle is damaged, and that is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.receive.spool import lines
from node.receive.spool.lines import Line

SUFFIX = ".journal"
_CHUNK = 256 * 2**10


@dataclass(frozen=True)
class Segment:
    """One file of the journal; ``closed``: nobody writes to it any more."""

    path: Path
    closed: bool

    @property
    def name(self) -> str:
        return self.path.stem

    def lines(self, start: int = 0) -> Iterator[Line]:
        """Its lines from ``start`` on, which is where one ends or 0. The file may be gone: then there are none.

        Raises
        ------
        OSError
            It can't be read.
        """
        try:
            file = self.path.open("rb", buffering=0)
        except FileNotFoundError:
            return
        with file:
            file.seek(start)
            reader = _Reader(start, self.closed)
            while piece := file.read(_CHUNK):
                for line in reader.take(piece):
                    if line.record is None and not self.closed and not self.holds(line):
                        return  # it was being copied in while we read
                    yield line
                if reader.stopped:
                    return

    def line_at(self, start: int, end: int) -> Line:
        """The line that stands at ``[start, end)``, by a reader's former word.

        Raises
        ------
        OSError
            It can't be read, or the file is gone.
        """
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            return lines.decode(file.read(end - start), start)

    def holds(self, line: Line) -> bool:
        """Whether the line still stands there: those of a failed write are taken back."""
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(line.start)
                return file.read(len(line.raw)) == line.raw
        except FileNotFoundError:
            return False


def segments(folder: Path) -> list[Segment]:
    """The segments of a journal, oldest first."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    return [Segment(path, closed=path != paths[-1]) for path in paths]


class _Reader:
    """Cuts what is read of a segment, piece after piece, into lines."""

    def __init__(self, start: int, closed: bool) -> None:
        self._start = start
        self._closed = closed
        self._rest = b""
        self._torn: Line | None = None
        self.stopped = False

    def take(self, piece: bytes) -> Iterator[Line]:
        data, at = self._rest + piece, 0
        while not self.stopped:
            end = data.find(b"\n", at)
            nul = data.find(b"\0", at, end if end >= 0 else len(data))
            if nul >= 0:
                at = self._zeros(data, at, nul)
            elif end >= 0:
                yield from self._told_of_torn()
                yield lines.decode(data[at : end + 1], self._start + at)
                at = end + 1
            else:
                break
        self._rest, self._start = data[at:], self._start + at

    def _zeros(self, data: bytes, at: int, nul: int) -> int:
        """Step over zeros; where the text before them ends before its LF, or zeros are followed by text, something is missing."""
        if not self._closed:
            self.stopped = True
            return at
        start = self._start + at
        stripped = data[nul:].lstrip(b"\0")
        after = len(data) - len(stripped)
        if self._torn is None or nul > at:
            self._torn = Line("", start, self._start + after, None, data[at:nul])
        return after

    def _told_of_torn(self) -> Iterator[Line]:
        if self._torn is not None:
            yield self._torn
            self._torn = None
