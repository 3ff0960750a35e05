"""`python -m inference run | check`: exit status, one line on failure, JSON alone on standard output.

Within this process, since a start takes seconds; one test starts it as a person would.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.dicom_builders import mr_series, write
from tests.support.in_process import inference_here
from tests.support.tiny_classifier import write_tiny_classifier
from tests.support.tiny_package import write_tiny_package
from tests.support.wrapped_images import dx_image

pytestmark = pytest.mark.heavy


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_package(tmp_path_factory.mktemp("package") / "tiny")


def test_check_tells_what_a_package_is(package: Path) -> None:
    done = inference_here("check", package, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert (summary["name"], summary["clinical_use"], summary["labels"]) == ("tiny", False, ["1 Thing"])


def test_check_tells_what_an_ensemble_of_classifiers_is(tmp_path: Path) -> None:
    done = inference_here("check", write_tiny_classifier(tmp_path / "ensemble", members=2, postprocess={"mirror_axes": [1]}))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    told = {words[0]: words[1] for words in lines if len(words) == 2}
    assert (told["task"], told["grid"], told["labels"]) == ("classification", "16 × 16, stretch", "1 Pneumonia from 0.5")
    assert (told["members"], told["passes"], told["weights_licence"]) == ("2", "4", "Apache-2.0")
    assert done.stdout.count("SHA-256") == 2


def test_run_tells_the_probability(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 48)).astype(np.uint8)
    write([dx_image(pixels)], tmp_path / "dx")
    package = write_tiny_classifier(tmp_path / "tiny", members=2)
    done = inference_here("run", package, tmp_path / "dx", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    first, *files = done.stdout.splitlines()
    assert re.fullmatch(r"Pneumonia: (present|absent), probability 0\.\d+ \(present from 0\.5\)", first)
    assert [line.split()[0] for line in files] == ["sr", "overlay", "text", "json"]


def test_check_names_file_and_key_of_a_broken_package(package: Path, tmp_path: Path) -> None:
    broken = write_tiny_package(tmp_path / "broken", deadline_s=-1)
    assert one_line(inference_here("check", broken)).endswith("wetread.json: deadline_s: Input should be greater than 0")


def test_run_writes_results_of_a_folder(package: Path, tmp_path: Path) -> None:
    write(mr_series(8, 24, 24), tmp_path / "mr")
    (tmp_path / "mr" / "readme.txt").write_text("not DICOM")
    done = inference_here("run", package, tmp_path / "mr", "--out", tmp_path / "out", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {result["role"] for result in json.loads(done.stdout)["results"]} == {"seg", "sr", "overlay", "text", "json"}
    assert [record["label"] for record in json.loads(done.stdout)["measurements"]] == ["Thing"]
    assert all(Path(result["path"]).stat().st_size == result["size_bytes"] for result in json.loads(done.stdout)["results"])


def test_run_asks_which_series_when_two_would_do(package: Path, tmp_path: Path) -> None:
    first, second = mr_series(8, 24, 24), mr_series(9, 24, 24)
    write(first, tmp_path / "both" / "1")
    write(second, tmp_path / "both" / "2")
    asked = inference_here("run", package, tmp_path / "both", "--out", tmp_path / "out")
    assert asked.returncode == 1
    assert not (tmp_path / "out").exists()
    uid = str(second[0].SeriesInstanceUID)
    assert f"{uid} (9 instances)" in asked.stderr
    done = inference_here("run", package, tmp_path / "both", "--out", tmp_path / "out", "--series", uid)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "sr.dcm").is_file()


def test_a_process_says_it_on_the_right_streams(package: Path, tmp_path: Path) -> None:
    write(mr_series(8, 24, 24), tmp_path / "mr")
    given = ("run", package, tmp_path / "mr", "--out", tmp_path / "out", "--json")
    command = [sys.executable, "-m", "inference", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120.0, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [record["label"] for record in json.loads(done.stdout)["measurements"]] == ["Thing"]
    done = subprocess.run([*command[:3], "check", "no-such"], capture_output=True, text=True, timeout=120.0, check=False)
    assert "no such package" in one_line(done)


@pytest.mark.parametrize(
    ("arguments", "says"), [(["check", "no-such"], "no such package"), (["run", "no-such", "."], "no such package")]
)
def test_a_wrong_package_is_one_line(arguments: list[str], says: str) -> None:
    assert says in one_line(inference_here(*arguments))


def test_a_wrong_input_is_one_line(package: Path, tmp_path: Path) -> None:
    assert "no such file or folder" in one_line(inference_here("run", package, tmp_path / "missing"))


@pytest.mark.parametrize("arguments", [[], ["check"], ["check", "x", "--threads", "0"], ["host", "--fd", "x"]])
def test_wrong_use_is_status_2(arguments: list[str]) -> None:
    assert inference_here(*arguments).returncode == 2
