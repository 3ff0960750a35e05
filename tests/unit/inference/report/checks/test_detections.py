"""Every check of a detection's report fails on the defect it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from storage.base.errors import ModelError
from tests.support.dicom_builders import ORIENTATIONS, ct_series, enhanced_mr, us_image
from tests.unit.inference.report.detected import Detected, detected
from tests.unit.inference.report.sr.test_sr import groups_of, values_of

_BOX = (1.25, 2, 3, 5, 10.5, 17)


@pytest.fixture(scope="module")
def image() -> Detected:
    return detected([us_image(np.zeros((30, 40)))], [((2, 3, 10.5, 40), 0.87654, 1), ((0, 0, 5, 5), 0.5, 1)])


@pytest.fixture(scope="module")
def volume() -> Detected:
    return detected(ct_series(7, 13, 17), [(_BOX, 0.9, 1)])


def test_an_untouched_report_passes(image: Detected, volume: Detected) -> None:
    image.check(image.sr)
    volume.check(volume.sr)


@pytest.mark.parametrize("orientation", sorted(ORIENTATIONS))
def test_corners_come_back_in_every_orientation(orientation: str) -> None:
    found = detected(ct_series(7, 13, 17, orientation=ORIENTATIONS[orientation])[::-1], [(_BOX, 0.9, 1)])
    found.check(found.sr)


def test_a_multi_frame_source_is_named_by_its_frame() -> None:
    pixels = np.arange(6 * 13 * 17).reshape(6, 13, 17)
    datasets = [enhanced_mr(pixels, order=[3, 1, 0, 2, 5, 4], FrameOfReferenceUID="1.2.3.4")]
    found = detected(datasets, [((1, 0, 0, 2, 5, 5), 0.9, 1)])
    found.check(found.sr)
    image = values_of(groups_of(found.sr)[0], "111030")[0].ContentSequence[0].ReferencedSOPSequence[0]
    assert image.ReferencedFrameNumber == 2


def test_findings_that_are_not_the_models_are_found(image: Detected) -> None:
    first, second = image.sought
    one, two = first.findings
    for findings in ((one,), (one, one), (one, replace(two, box=two.box + 1)), (one, replace(two, segment_number=4))):
        with pytest.raises(ModelError) as failure:
            replace(image, sought=(replace(first, findings=findings), second)).check(image.sr)
        assert failure.value.reason_code == "report-values"


def _item(sr: Dataset, group: int, code: str, number: int = 0) -> Dataset:
    return values_of(groups_of(sr)[group], code)[number]


def _set(group: int, code: str, **values: object) -> Callable[[Dataset], None]:
    def spoil(sr: Dataset) -> None:
        item = _item(sr, group, code)
        for keyword, value in values.items():
            setattr(item, keyword, value)

    return spoil


def _certainty(sr: Dataset) -> Dataset:
    measured: Dataset = _item(sr, 0, "111012").MeasuredValueSequence[0]
    return measured


def _image_of(sr: Dataset) -> Dataset:
    reference: Dataset = _item(sr, 0, "111030").ContentSequence[0].ReferencedSOPSequence[0]
    return reference


def _state(sr: Dataset, number: int, text: str) -> None:
    values_of(groups_of(sr)[0], "111002")[number].TextValue = text


def _drop(sr: Dataset, code: str) -> None:
    group = groups_of(sr)[0]
    group.ContentSequence = [item for item in group.ContentSequence if item is not values_of(group, code)[0]]


def _shift(sr: Dataset, mm: float) -> None:
    face = _item(sr, 1, "121231")
    face.GraphicData = [float(value) + mm for value in face.GraphicData]


def _code(code: str, value: str) -> Callable[[Dataset], None]:
    return lambda sr: setattr(_item(sr, 0, code).ConceptCodeSequence[0], "CodeValue", value)


IN_IMAGE: dict[str, tuple[str, Callable[[Dataset], None]]] = {
    "a box half a pixel off": ("values", _set(0, "111030", GraphicData=[3.5, 2.5, 40, 2.5, 40, 11, 3.5, 11, 3.5, 2.5])),
    "rows for columns": ("values", _set(0, "111030", GraphicData=[2, 3, 2, 40, 10.5, 40, 10.5, 3, 2, 3])),
    "an open outline": ("values", _set(0, "111030", GraphicData=[3, 2, 40, 2, 40, 10.5, 3, 10.5])),
    "a triangle": ("values", _set(0, "111030", GraphicData=[3, 2, 40, 2, 40, 10.5, 3, 2])),
    "points": ("values", _set(0, "111030", GraphicType="MULTIPOINT")),
    "an outline outside": ("values", _set(0, "111030", GraphicData=[3, 2, 41, 2, 41, 10.5, 3, 10.5, 3, 2])),
    "another image": ("references", lambda sr: setattr(_image_of(sr), "ReferencedSOPInstanceUID", "1.2")),
    "a frame": ("references", lambda sr: setattr(_image_of(sr), "ReferencedFrameNumber", 2)),
    "a fraction": ("values", lambda sr: setattr(_certainty(sr), "NumericValue", "0.8765")),
    "another certainty": ("values", lambda sr: setattr(_certainty(sr), "NumericValue", "87.67")),
    "no unit": ("values", lambda sr: setattr(_certainty(sr).MeasurementUnitsCodeSequence[0], "CodeValue", "1")),
    "a probability": ("values", lambda sr: setattr(_item(sr, 0, "111012").ConceptNameCodeSequence[0], "CodeValue", "122157")),
    "another threshold": ("values", lambda sr: _state(sr, -2, "threshold: 0.1")),
    "no score scale": ("values", lambda sr: _state(sr, -1, "score scale: logit")),
    "absent for present": ("template", _code("121052", "272519000")),
    "an outline for a bound": ("template", _code("130400", "111041")),
    "no purpose": ("template", lambda sr: _drop(sr, "130400")),
    "another finding": ("template", _code("121071", "1")),
    "another lesion's tracking": ("template", _set(0, "112040", UID="1.2")),
    "no outline": ("references", lambda sr: _drop(sr, "111030")),
}  # fmt: skip
IN_VOLUME: dict[str, tuple[str, Callable[[Dataset], None]]] = {
    "a face a tenth of a millimetre off": ("values", lambda sr: _shift(sr, 0.1)),
    "another frame of reference": ("references", _set(1, "121231", ReferencedFrameOfReferenceUID="1.2.3")),
    "an open face": ("values", lambda sr: setattr(_item(sr, 1, "121231"), "GraphicData", list(range(15)))),
    "another series": ("references", _set(1, "121232", UID="1.2")),
    "an ellipse": ("values", _set(1, "121231", GraphicType="ELLIPSE")),
    "the neighbouring slice": ("references", lambda sr: _neighbour(sr)),
}


def _neighbour(sr: Dataset) -> None:
    series = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    uids = [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]
    image = _image_of(sr)
    image.ReferencedSOPInstanceUID = uids[uids.index(image.ReferencedSOPInstanceUID) - 1]


@pytest.mark.parametrize("defect", IN_IMAGE)
def test_a_defect_in_an_images_report_is_found(defect: str, image: Detected) -> None:
    code, spoil = IN_IMAGE[defect]
    _refused(image, code, spoil)


@pytest.mark.parametrize("defect", IN_VOLUME)
def test_a_defect_in_a_volumes_report_is_found(defect: str, volume: Detected) -> None:
    code, spoil = IN_VOLUME[defect]
    _refused(volume, code, spoil)


def _refused(finished: Detected, code: str, spoil: Callable[[Dataset], None]) -> None:
    sr = finished.sr
    spoil(sr)
    with pytest.raises(ModelError) as failure:
        finished.check(sr)
    assert failure.value.reason_code == f"report-{code}"
