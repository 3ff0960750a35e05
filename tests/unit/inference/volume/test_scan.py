from __future__ import annotations

from pathlib import Path

import pytest

from inference.volume.scan import Scan, scan
from storage.base.errors import InputError
from tests.support import dicom_builders as build


def _reasons(found: Scan) -> dict[str, str]:
    return {skipped.path.name: skipped.reason for skipped in found.skipped}


def test_series_are_told_apart_by_header(tmp_path: Path) -> None:
    ct, mr = build.ct_series(3), build.mr_series(2)
    build.write([ct[0], mr[0], ct[2]], tmp_path / "a")
    build.write([mr[1], ct[1]], tmp_path / "b" / "deep")
    found = scan(tmp_path)
    assert {uid: len(files) for uid, files in found.series.items()} == {ct[0].SeriesInstanceUID: 3, mr[0].SeriesInstanceUID: 2}
    assert not found.skipped
    for files in found.series.values():
        assert all("PixelData" not in file.header and file.path.is_file() for file in files)


def test_one_file(tmp_path: Path) -> None:
    [path, _] = build.write(build.ct_series(2), tmp_path)
    [files] = scan(path).series.values()
    assert [file.path for file in files] == [path]


def test_what_is_left_out_has_a_reason(tmp_path: Path) -> None:
    [dataset] = build.ct_series(1)
    build.write([dataset], tmp_path)
    (tmp_path / "copy.dcm").write_bytes((tmp_path / "0000.dcm").read_bytes())
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").touch()
    (tmp_path / "cut").write_bytes((tmp_path / "0000.dcm").read_bytes()[:150])
    del dataset.SeriesInstanceUID
    dataset.save_as(tmp_path / "orphan.dcm", enforce_file_format=True)
    reasons = _reasons(scan(tmp_path))
    assert reasons.pop("copy.dcm") == "the same as 0000.dcm"
    assert reasons.pop("orphan.dcm") == "SeriesInstanceUID is absent"
    assert reasons.pop("notes.txt") == reasons.pop("empty") == "not a DICOM file (no DICM prefix)"
    assert set(reasons) == {"cut"}


def test_two_contents_under_one_uid_both_stay(tmp_path: Path) -> None:
    datasets = build.ct_series(2, SOPInstanceUID="2.25.77")
    build.write(datasets, tmp_path)
    [files] = scan(tmp_path).series.values()
    assert len(files) == 2


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        scan(tmp_path / "absent")
    assert scan(tmp_path).series == {}
