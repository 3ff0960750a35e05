from __future__ import annotations

import io
import logging
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from inference.protocol import InstanceRef, SeriesRef
from inference.volume import assemble, read_series
from inference.volume.read import read_files
from storage.base.errors import InputError
from tests.support import dicom_builders as build


class _Folder:
    """A blob is a file of this name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO((self.folder / key).read_bytes())


def _series(folder: Path) -> SeriesRef:
    datasets = build.ct_series(3)
    paths = build.write(datasets, folder)
    instances = [
        InstanceRef(sop_instance_uid=dataset.SOPInstanceUID, sha256="0" * 64, blob_key=path.name)
        for dataset, path in zip(datasets, paths, strict=True)
    ]
    return SeriesRef(series_instance_uid=datasets[0].SeriesInstanceUID, instances=tuple(instances))


def test_blobs_and_files_give_the_same(tmp_path: Path) -> None:
    series = _series(tmp_path)
    blobs = assemble(read_series(_Folder(tmp_path), series))
    files = assemble(read_files(sorted(tmp_path.iterdir())))
    assert np.array_equal(blobs.voxels_kji, files.voxels_kji) and blobs.slices == files.slices


def test_unreadable_instances_are_named(tmp_path: Path) -> None:
    series = _series(tmp_path)
    (tmp_path / "0001.dcm").write_bytes(b"not DICOM")
    with pytest.raises(InputError, match=series.instances[1].sop_instance_uid) as caught:
        read_series(_Folder(tmp_path), series)
    assert caught.value.reason_code == "unreadable-instance"


@pytest.mark.parametrize("kept", [0, 100, 140, 400, 900, 1500])
def test_an_instance_cut_anywhere_is_refused(tmp_path: Path, kept: int) -> None:
    _series(tmp_path)
    victim = tmp_path / "0001.dcm"
    victim.write_bytes(victim.read_bytes()[:kept])
    with pytest.raises(InputError) as caught:
        assemble(read_files(sorted(tmp_path.iterdir())))
    assert caught.value.reason_code in {"unreadable-instance", "no-pixels", "undecodable-pixels"}


def test_odd_values_are_not_quoted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """pydicom quotes a value that it finds odd, and the value may be a patient's."""
    series = _series(tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"2.25.", b"Mark."))
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        datasets = read_series(_Folder(tmp_path), series)
        assemble(datasets)
    assert datasets[0].FrameOfReferenceUID.startswith("Mark.")
    assert not any("Mark" in record.getMessage() for record in caplog.records)
    assert [str(warning.message) for warning in caught] == []
