"""Which image Series a SEG or an RTSTRUCT marks, by its references."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from inference.volume.read import PARSE_ERRORS
from inference.volume.scan import FoundInstance, Scan
from storage.base.errors import ConfigError

LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
"""Label Map Segmentation Storage, PS3.4 B.5."""

_OBJECTS = {"seg": (SegmentationStorage, LABEL_MAP_SEGMENTATION), "rtstruct": (RTStructureSetStorage,)}
_NAMES = {"seg": "SEG", "rtstruct": "RTSTRUCT"}


@dataclass(frozen=True, eq=False)
class Marked:
    """The files of an image Series, the header of one of them, and the file of the object that marks it."""

    images: tuple[Path, ...]
    header: Dataset
    object_path: Path


def marked_series(found: Scan, kind: Literal["seg", "rtstruct"]) -> list[Marked]:
    """Every object of a kind with its image Series.

    Raises
    ------
    ConfigError
        Codes ``no-data`` (no such object), ``data-missing`` (an object without its images), ``data-invalid`` (two objects for
        one Series).
    """
    instances = [instance for files in found.series.values() for instance in files]
    objects = [instance for instance in instances if instance.header.get("SOPClassUID") in _OBJECTS[kind]]
    images = {uid: files for uid, files in found.series.items() if files[0].header.get("Rows") and not _is_object(files[0])}
    if not objects:
        raise ConfigError(f"--data: no {_NAMES[kind]} in it; name the right folder or correct data.objects", code="no-data")
    by_series: dict[str, FoundInstance] = {}
    for instance in objects:
        uid = _referred(instance, images)
        if uid in by_series:
            raise ConfigError(
                f"{by_series[uid].path.name} and {instance.path.name}: mark the same image Series; leave one of them",
                code="data-invalid",
            )
        by_series[uid] = instance
    return [
        Marked(tuple(image.path for image in images[uid]), images[uid][0].header, instance.path)
        for uid, instance in sorted(by_series.items())
    ]


def _is_object(instance: FoundInstance) -> bool:
    return any(instance.header.get("SOPClassUID") in classes for classes in _OBJECTS.values())


def _elements(instance: FoundInstance) -> list[DataElement]:
    """All elements at every level; pydicom parses values only now, so damage may show here."""
    try:
        return list(instance.header.iterall())
    except PARSE_ERRORS as error:
        message = f"{instance.path.name}: its references can't be read; write the object anew"
        raise ConfigError(message, code="unreadable-instance") from error


def _referred(instance: FoundInstance, images: dict[str, list[FoundInstance]]) -> str:
    """The Series whose Instances are referred to most, else the one that is named, else the only one in the same frame."""
    series_of = {str(image.header.SOPInstanceUID): uid for uid, files in images.items() for image in files}
    by_instance: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for element in _elements(instance):
        if element.keyword == "ReferencedSOPInstanceUID" and str(element.value) in series_of:
            by_instance[series_of[str(element.value)]] += 1
        elif element.keyword == "SeriesInstanceUID" and str(element.value) in images:
            named[str(element.value)] += 1
    for counted in (by_instance, named):
        if counted:
            return min(counted, key=lambda uid: (-counted[uid], uid))
    frame = instance.header.get("FrameOfReferenceUID")
    same = [uid for uid, files in images.items() if frame and files[0].header.get("FrameOfReferenceUID") == frame]
    if len(same) == 1:
        return same[0]
    raise ConfigError(f"{instance.path.name}: the image Series that it marks is not below --data; add it", code="data-missing")
