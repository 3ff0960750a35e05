"""Segmentation (PS3.3 A.51): BINARY, Explicit VR Little Endian, one per model and source Series.

Frames lie in the source's own planes and reference the very frame they were made from; empty frames are left out. highdicom
builds the object from headers in k order (``inference.report.sources.source``); what it takes from the machine's clock or at
random is then replaced by the task's own, so that a repeated task yields the same bytes. Absent on purpose: an empty SEG (a
study without findings gets a report alone), LABELMAP.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from highdicom.seg import Segmentation as HighdicomSegmentation
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.manifest import Manifest
from inference.report.codes import coded, table
from inference.report.common import contributing_equipment, equipment, finish
from inference.report.identity import Identity, series_number
from inference.report.sources.source import Source
from inference.report.statements.measurements import Target
from inference.volume.labelmap import LabelMap

# CS of at most 16 characters, PS3.3 10.29
CONTENT_LABEL = "AI_SEG"


def build_segmentation(
    source: Source, label_map: LabelMap, targets: Sequence[Target], manifest: Manifest, identity: Identity
) -> Dataset:
    """The SEG of the targets that are present; there must be one.

    Returns
    -------
    Dataset
        With file meta information, ready to be written.

    Source: PS3.3 C.8.20, C.7.6.16; PS3.16 CID 7150, 7151.
    """
    present = [target for target in targets if target.present]
    dataset = HighdicomSegmentation(
        source_images=source.images,
        pixel_array=_segment_numbers(label_map, present),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(target, manifest, identity) for target in present],
        series_instance_uid=identity.uid("seg", "series"),
        series_number=series_number("seg", source.series_number),
        sop_instance_uid=identity.uid("seg", "instance"),
        instance_number=1,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
        content_label=CONTENT_LABEL,
        content_description=identity.series_description,
        contributing_equipment=[contributing_equipment(identity)],
        **equipment(identity),
    )
    _restore_frame_numbers(dataset, source)
    _replace_dimension_uid(dataset, identity.uid("seg", "dimensions"))
    dataset.BurnedInAnnotation = "NO"
    _describe_image(dataset, source)
    return finish(dataset, source, identity)


def _segment_numbers(label_map: LabelMap, present: Sequence[Target]) -> np.ndarray:
    """Labels (K, J, I) as segment numbers 1..N."""
    numbers = np.zeros(int(label_map.labels_kji.max()) + 1, dtype=label_map.labels_kji.dtype)
    for target in present:
        numbers[target.label.value] = target.segment_number
    return numbers[label_map.labels_kji]


def _description(target: Target, manifest: Manifest, identity: Identity) -> SegmentDescription:
    algorithm = AlgorithmIdentificationSequence(
        name=manifest.name,
        version=manifest.version,
        family=coded(manifest.family),
        source=manifest.manufacturer,
        parameters=dict(identity.parameters) or None,
    )
    description = SegmentDescription(
        segment_number=target.segment_number,
        segment_label=target.label.name,
        segmented_property_category=coded(target.label.category),
        segmented_property_type=coded(target.label.type),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=target.tracking_uid,
        tracking_id=target.tracking_id,
        display_color=CIELabColor(*target.colour),
        anatomic_regions=[coded(target.label.site)] if target.label.site else None,
    )
    if target.laterality:
        side = coded(table().laterality[target.laterality])
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [side]
    return description


def _restore_frame_numbers(dataset: Dataset, source: Source) -> None:
    """highdicom saw the frames of the label map alone and counted them from 1; segments share the items of a slice."""
    if not source.multi_frame:
        return
    groups = dataset.PerFrameFunctionalGroupsSequence
    images = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups]
    for image in {id(image): image for image in images}.values():
        image.ReferencedFrameNumber = source.frames[int(image.ReferencedFrameNumber) - 1].reference.frame_number


def _replace_dimension_uid(dataset: Dataset, uid: str) -> None:
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = uid
    for item in dataset.DimensionIndexSequence:
        item.DimensionOrganizationUID = uid


def _describe_image(dataset: Dataset, source: Source) -> None:
    if "BodyPartExamined" in source.attributes:
        dataset.BodyPartExamined = source.attributes.BodyPartExamined
    if not source.positioned:
        dataset.PatientOrientation = source.attributes.get("PatientOrientation", "")
