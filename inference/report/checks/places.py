"""Checks of where a finding lies, as its measurement group states it: by outline, by surface or by segment.

Outlines are read back to pixels. Corners in the patient are brought back to pixels by the position and orientation that the
source frames themselves state (PS3.3 C.7.6.2.1.1), not by the affine that placed them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from inference.report.codes import same_code, table
from inference.report.expect import expect
from inference.report.seg.reading import segment_number_of
from inference.report.sources.source import Source
from inference.report.sr.reading import named, of_type, text_of
from inference.report.statements.detections import PIXEL_DECIMALS, Finding
from inference.volume.boxes import Array, in_plane
from inference.volume.frames import Frame
from storage.base.errors import ModelError

PIXEL_TOLERANCE = 2 * 10**-PIXEL_DECIMALS
"""Half of one thousandth is rounding; Graphic Data are 32-bit floats."""

PATIENT_TOLERANCE_MM = 0.05
"""What rounded direction cosines of two slices of one volume may move its far edge by (``inference.volume.geometry``)."""

_REGION, _SURFACE, _SOURCE_SERIES = "111030", "121231", "121232"


def check_place(group: Dataset, box: Array, finding: Finding, source: Source, seg: Dataset | None) -> None:
    """A group states its place in one way alone: outline, surface or segment."""
    outlines, surfaces = of_type(group, "SCOORD"), of_type(group, "SCOORD3D")
    if outlines:
        expect(len(outlines) == 1 and not surfaces, "values", "a group has several places")
        _check_outline(outlines[0], box, source)
    elif surfaces:
        _check_surface(group, surfaces, box, source)
    else:
        _check_segment(group, finding, seg)
        return
    purposes = named(group, table().concepts["geometric_purpose"].value)
    bounded = [same_code(item.ConceptCodeSequence[0], table().concepts["bounded_by"]) for item in purposes]
    expect(bounded == [True], "template", "a box isn't said to bound its finding")


def _check_outline(item: Dataset, box: Array, source: Source) -> None:
    """A closed outline whose corners are the box's, selected from the slice that holds the box's middle."""
    expect(item.ConceptNameCodeSequence[0].CodeValue == _REGION, "template", "an outline is no Image Region")
    points = np.array(item.GraphicData, dtype=np.float64).reshape(-1, 2)
    closed = item.GraphicType == "POLYLINE" and len(points) == 5 and bool((points[0] == points[4]).all())
    expect(closed, "values", "an outline isn't a closed polyline of four corners")
    image = of_type(item, "IMAGE")[0].ReferencedSOPSequence[0]
    frames = [frame for frame in source.frames if _is_frame(frame, image)]
    expect(len(frames) == 1, "references", "an outline is on no source frame")
    limits = (frames[0].columns, frames[0].rows)
    expect(bool(((points >= 0) & (points <= limits)).all()), "values", "an outline leaves its image")
    j0, i0, j1, i1 = (box[axis] for axis in in_plane(len(box)))
    wanted = np.array([(i0, j0), (i1, j0), (i1, j1), (i0, j1)])
    expect(_close(points[:4] - wanted, PIXEL_TOLERANCE), "values", "an outline isn't the model's box")
    if len(box) == 6:
        k, middle = source.frames.index(frames[0]), (box[0] + box[3]) / 2
        expect(k - PIXEL_TOLERANCE <= middle <= k + 1 + PIXEL_TOLERANCE, "references", "an outline isn't on the central slice")


def _check_surface(group: Dataset, surfaces: Sequence[Dataset], box: Array, source: Source) -> None:
    """Two closed faces in the source's frame of reference, whose corners are those of the box."""
    alike = all(item.ConceptNameCodeSequence[0].CodeValue == _SURFACE for item in surfaces)
    expect(alike and len(surfaces) == 2, "template", "a surface isn't two faces")
    frame = source.frames[0].frame_of_reference_uid
    own = all(item.ReferencedFrameOfReferenceUID == frame for item in surfaces)
    expect(own, "references", "a surface is in another frame of reference")
    series = text_of(group, _SOURCE_SERIES)
    expect(series == str(source.attributes.SeriesInstanceUID), "references", "a group's source series is wrong")
    k0, j0, i0, k1, j1, i1 = box
    around = [(i0, j0), (i1, j0), (i1, j1), (i0, j1), (i0, j0)]
    affine = _affine_of_frames(source)
    for item, k in zip(surfaces, (k0, k1), strict=True):
        points = np.array(item.GraphicData, dtype=np.float64).reshape(-1, 3)
        closed = item.GraphicType == "POLYGON" and len(points) == 5 and bool((points[0] == points[4]).all())
        expect(closed, "values", "a face isn't a closed polygon of four corners")
        stored = np.linalg.solve(affine, np.c_[points, np.ones(5)].T)[:3].T + 0.5
        off_mm = (stored - [(i, j, k) for i, j in around]) * np.linalg.norm(affine[:3, :3], axis=0)
        expect(_close(off_mm, PATIENT_TOLERANCE_MM), "values", "a corner isn't the model's")


def _affine_of_frames(source: Source) -> Array:
    """(i, j, k, 1) to LPS millimetres, from what the first and the last frame state of their place."""
    first, end = source.frames[0], source.frames[-1].position
    if first.position is None or first.orientation is None or first.pixel_spacing_mm is None or end is None:
        raise ModelError("a box lies in the patient and its source doesn't", code="report-source")
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[:3] * first.pixel_spacing_mm[1]
    affine[:3, 1] = first.orientation[3:] * first.pixel_spacing_mm[0]
    affine[:3, 2] = (end - first.position) / (len(source.frames) - 1)
    affine[:3, 3] = first.position
    return affine


def _check_segment(group: Dataset, finding: Finding, seg: Dataset | None) -> None:
    """A group without a shape names the finding's segment: by its number, or the frame that holds it."""
    images = [item.ReferencedSOPSequence[0] for item in of_type(group, "IMAGE")]
    in_seg = [image for image in images if seg is not None and image.ReferencedSOPInstanceUID == seg.SOPInstanceUID]
    if seg is None or len(in_seg) != 1:
        raise ModelError("a group has no place; nothing was released", code="report-references")
    number = segment_number_of(in_seg[0], seg)
    expect(number == finding.segment_number, "references", "a group refers to the wrong segment")


def _is_frame(frame: Frame, image: Dataset) -> bool:
    named_frame = (str(image.ReferencedSOPInstanceUID), image.get("ReferencedFrameNumber"))
    return named_frame == (frame.reference.sop_instance_uid, frame.reference.frame_number)


def _close(off: Array, tolerance: float) -> bool:
    return bool((np.abs(off) <= tolerance).all())
