"""A picture of a SEG as it came back from an archive, over the Series that it refers to.

The same picture that a job makes, drawn from the stored object alone: labels, names and colours are read from the SEG, sizes
are counted in it, frames are placed by the position that they state.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from pydicom.dataset import Dataset

from inference.manifest import Code, Label
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.pictures.overlay import draw_overlay
from inference.report.seg.reading import place_by_position
from inference.report.sources.source import Source, read_source
from inference.report.statements.lengths import DECIMALS
from inference.report.statements.measurements import Target
from inference.report.statements.sizes import voxel_size
from inference.volume.assemble import assemble
from inference.volume.frames import frames_of
from inference.volume.labelmap import LabelMap
from storage.base.errors import InputError


def picture_of(seg: Dataset, candidates: Sequence[Dataset]) -> bytes:
    """PNG of a SEG over its source.

    Parameters
    ----------
    seg : a BINARY Segmentation with pixel data.
    candidates : Instances, any order; those that don't belong to the referenced Series are passed over.

    Raises
    ------
    InputError
        Code ``no-source``: the referenced Series is not among the candidates; or a refusal of ``assemble``.
    """
    wanted = str(seg.ReferencedSeriesSequence[0].SeriesInstanceUID)
    datasets = [dataset for dataset in candidates if str(dataset.get("SeriesInstanceUID", "")) == wanted]
    if not datasets:
        raise InputError(f"series {wanted}, which the SEG refers to, is not there; name its folder", code="no-source")
    spatial_dims = 3 if sum(len(frames_of(dataset)) for dataset in datasets) > 1 else 2
    volume = assemble(datasets, spatial_dims=spatial_dims, scale="unknown", colour="grey" if spatial_dims == 2 else "refuse")
    empty = LabelMap.on(volume, np.zeros(volume.voxels_kji.shape, dtype=np.uint16))
    source = read_source(datasets, empty)
    placed, counts = place_by_position(seg, source, empty)
    label_map = LabelMap.on(volume, placed)
    targets = [_target(segment, counts, label_map, source) for segment in seg.SegmentSequence]
    return draw_overlay(source, label_map, targets, _identity(seg))


def _target(segment: Dataset, counts: dict[int, int], label_map: LabelMap, source: Source) -> Target:
    number = int(segment.SegmentNumber)
    voxels = counts.get(number, 0)
    label = Label(
        value=number,
        name=str(segment.SegmentLabel),
        category=_code(segment.SegmentedPropertyCategoryCodeSequence[0]),
        type=_code(segment.SegmentedPropertyTypeCodeSequence[0]),
    )
    return Target(
        label=label,
        laterality=None,
        tracking_id=str(segment.get("TrackingID", "")),
        tracking_uid=str(segment.get("TrackingUID", "")),
        colour=_colour(segment),
        voxels=voxels,
        segment_number=number,
        quantity="volume" if label_map.positioned else "area",
        unit="mm3" if label_map.positioned else "mm2",
        size=round(voxels * voxel_size(label_map), DECIMALS) if source.calibrated else None,
    )


def _code(item: Dataset) -> Code:
    return Code(value=str(item.CodeValue), scheme=str(item.CodingSchemeDesignator), meaning=str(item.CodeMeaning))


def _colour(segment: Dataset) -> tuple[float, float, float]:
    """CIELab from its 16-bit encoding (PS3.3 C.10.7.1.1)."""
    lightness, a, b = segment.RecommendedDisplayCIELabValue
    return lightness * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128


def _identity(seg: Dataset) -> Identity:
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    return Identity(
        entropy=(),
        created=datetime(1970, 1, 1, tzinfo=UTC),
        model_name=str(algorithm.AlgorithmName),
        model_version=str(algorithm.AlgorithmVersion),
        model_manufacturer="",
        model_digest="",
        clinical_use=NOT_FOR_CLINICAL_USE not in str(seg.SeriesDescription),
        parameters=(),
    )
