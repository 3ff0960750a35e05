"""Cases as small PNG pictures, with the outlines of truth and prediction.

Sky blue is the truth, orange the prediction: a pair that colour-blind readers tell apart (Okabe and Ito), on grey.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.case import Case
from training.evaluate.figures.sizes import spacing_kji

TRUTH, PREDICTION = (86, 180, 233), (230, 159, 0)
SIDE = 288
_MOST_KEPT = 384
_MARGIN = 0.35

Grey = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Picture:
    """One case: ``caption`` says which and why it is shown."""

    caption: str
    png: bytes

    @property
    def data_uri(self) -> str:
        """For ``<img src=…>``: nothing is fetched."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One slice of a case, kept until it is known whether it is shown: (J, I), label maps or None; mm per row, per column."""

    grey: Grey
    truth: NDArray[Any] | None
    predicted: NDArray[Any] | None
    spacing_ji: tuple[float, float]
    slice_number: int | None


def take_snapshot(case: Case, predicted_kji: NDArray[Any] | None = None) -> Snapshot:
    """The slice of the largest error (most voxels of a wrong label), of a case without masks the middle one."""
    depth = case.voxels_ckji.shape[1]
    k = depth // 2
    if predicted_kji is not None and case.labels_kji is not None:
        wrong = (predicted_kji != case.labels_kji).sum(axis=(1, 2))
        worst = wrong if wrong.any() else (case.labels_kji != 0).sum(axis=(1, 2))
        k = int(np.argmax(worst)) if worst.any() else k
    _, row_mm, column_mm = spacing_kji(case.affine_lps_mm)
    step = -(-max(case.voxels_ckji.shape[2:]) // _MOST_KEPT)
    rare = (slice(None, None, step), slice(None, None, step))
    return Snapshot(
        grey=_grey(case.voxels_ckji[:, k])[rare].copy(),  # a view would keep the whole slice of every case
        truth=None if case.labels_kji is None else case.labels_kji[k][rare].copy(),
        predicted=None if predicted_kji is None else predicted_kji[k][rare].copy(),
        spacing_ji=(row_mm, column_mm),
        slice_number=k + 1 if depth > 1 else None,
    )


def draw(snapshot: Snapshot, caption: str, value: int | None = None) -> Picture:
    """The snapshot with outlines of one label value (of all, where None), right in aspect, its longer side 288 pixels.

    A label that takes up little of the picture is shown with the surroundings it needs, enlarged.
    """
    grey, truth, predicted = snapshot.grey, _chosen(snapshot.truth, value), _chosen(snapshot.predicted, value)
    if truth is not None and predicted is not None and (truth | predicted).any():
        window = _window(truth | predicted)
        grey, truth, predicted = grey[window], truth[window], predicted[window]
    size_mm = np.multiply(grey.shape, snapshot.spacing_ji)
    rows, columns = (max(1, round(SIDE * float(length / size_mm.max()))) for length in size_mm)
    canvas = np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BICUBIC).convert("RGB")).copy()
    for mask, colour, width in ((truth, TRUTH, 4), (predicted, PREDICTION, 2)):
        if mask is not None:
            canvas[_outline(mask, (rows, columns), width)] = colour
    where = f", slice {snapshot.slice_number}" if snapshot.slice_number else ""
    return Picture(caption + where, _png(canvas))


def _png(canvas: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(canvas).save(stream, "PNG")
    return stream.getvalue()


def _grey(channels: NDArray[np.float32]) -> Grey:
    """8 bits between the 1st and 99th percentile; of several channels the mean."""
    values = channels.mean(axis=0)
    low, high = np.percentile(values, [1, 99])
    scaled = np.clip((values - low) / max(float(high - low), 1e-9) * 255, 0, 255)
    return np.asarray(scaled, dtype=np.uint8)


def _chosen(labels: NDArray[Any] | None, value: int | None) -> NDArray[np.bool_] | None:
    if labels is None:
        return None
    return np.asarray(labels > 0 if value is None else labels == value, dtype=bool)


def _window(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The mask's box and a third of its longer side around it, or half of the picture where that is more."""
    ends = [np.flatnonzero(mask.any(axis=1 - axis))[[0, -1]] for axis in (0, 1)]
    sides = [int(last - first) + 1 for first, last in ends]
    margin = int(max(sides) * _MARGIN) + 2
    least = max(mask.shape) // 2
    found = []
    for (first, last), length in zip(ends, mask.shape, strict=True):
        extra = max(margin, (least - int(last - first)) // 2)
        found.append(slice(max(0, int(first) - extra), min(length, int(last) + 1 + extra)))
    return tuple(found)


def _outline(mask: NDArray[np.bool_], size: tuple[int, int], width: int) -> NDArray[np.bool_]:
    """The mask's rim on a canvas of (rows, columns); the truth's is the wider one, so that both show where they agree."""
    large = np.asarray(Image.fromarray(mask.astype(np.uint8)).resize(size[::-1], Image.Resampling.NEAREST)).astype(bool)
    inner = large
    for _ in range(width):
        framed = np.pad(inner, 1)
        inner = inner & framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return np.asarray(large & ~inner, dtype=bool)
