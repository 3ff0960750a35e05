"""Checks of the measurement groups of a segmentation: sizes and lengths are recomputed from the stored SEG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydicom.dataset import Dataset

from inference.manifest import Code
from inference.report.checks.recomputed import agrees, recomputed_length, recomputed_size
from inference.report.checks.sr import Expected, check_document, check_group, check_number, numbers_of
from inference.report.codes import table
from inference.report.expect import expect
from inference.report.identity import Identity
from inference.report.seg.reading import segment_number_of
from inference.report.sources.source import Source
from inference.report.sr.reading import named, of_type, text_of
from inference.report.statements.measurements import Target

_SOURCE_SERIES, _SOURCE_IMAGE = "121232", "121233"


def check_report(
    stored: Dataset,
    seg: Dataset | None,
    counts: Mapping[int, int],
    source: Source,
    targets: Sequence[Target],
    identity: Identity,
) -> None:
    """Check the SR of a segmentation that was read back against the SEG that was read back.

    Parameters
    ----------
    counts : segment number -> voxels of the stored SEG.

    Raises
    ------
    ModelError
        See ``inference.report.checks.read_back``.
    """
    groups = check_document(stored, source, None if seg is None else str(seg.SOPInstanceUID), identity, len(targets))
    check_target_groups(groups, seg, counts, source, targets, identity)


def check_target_groups(
    groups: Sequence[Dataset],
    seg: Dataset | None,
    counts: Mapping[int, int],
    source: Source,
    targets: Sequence[Target],
    identity: Identity,
) -> None:
    """Check one group a target, in their order; parameters as for ``check_report``."""
    for group, target in zip(groups, targets, strict=True):
        check_group(group, _expected(target), identity)
        if seg is not None and target.present:
            _check_reference(group, target, seg, counts)
            _check_source(group, target, source)
            _check_numbers(group, target, seg, counts)
        else:
            numbers_of(group, 0)


def _expected(target: Target) -> Expected:
    present_template = "1410" if target.quantity == "area" else "1411"
    return Expected(
        template=present_template if target.present else "1501",
        label=target.label,
        tracking=(target.tracking_id, target.tracking_uid),
        site=target.label.site or (target.label.type if target.laterality else None),
        laterality=target.laterality,
        present=None if target.present and target.size is not None else target.present,
        stated=tuple(f"{length.name}: {length.definition}" for length in target.lengths),
        notes=target.notes,
    )


def _check_reference(group: Dataset, target: Target, seg: Dataset, counts: Mapping[int, int]) -> None:
    reference = of_type(group, "IMAGE")[0].ReferencedSOPSequence[0]
    number = segment_number_of(reference, seg)
    expect(reference.ReferencedSOPInstanceUID == seg.SOPInstanceUID, "references", "a group refers to another object")
    expect(number == target.segment_number and number in counts, "references", "a group refers to the wrong segment")


def _check_source(group: Dataset, target: Target, source: Source) -> None:
    """TID 1411 names the Series that was segmented, TID 1410 the image (whose UID is evidence or refused before)."""
    expected = str(source.attributes.SeriesInstanceUID) if target.quantity == "volume" else ""
    expect(text_of(group, _SOURCE_SERIES) == expected, "references", "a group's source series is wrong")
    images = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in named(group, _SOURCE_IMAGE)]
    wanted = [] if expected else list(source.sop_instance_uids)
    expect(list(map(str, images)) == wanted, "references", "a group's source image is wrong")


def _check_numbers(group: Dataset, target: Target, seg: Dataset, counts: Mapping[int, int]) -> None:
    """Every number of the group, in its order, against the stored SEG; a SEG without pixel spacing allows none."""
    concepts = table().concepts
    wanted: list[tuple[Code, Code, float | None]] = []
    if target.size is not None:
        wanted.append((concepts[target.quantity], concepts[target.unit], recomputed_size(seg, counts[target.segment_number])))
    known = [length for length in target.lengths if length.mm is not None]
    wanted += [(length.code, concepts["mm"], recomputed_length(seg, target.segment_number)) for length in known]
    for item, (name, unit, again) in zip(numbers_of(group, len(wanted)), wanted, strict=True):
        value = check_number(item, name, unit)
        expect(agrees(value, again), "values", "a number isn't that of the stored segment")
