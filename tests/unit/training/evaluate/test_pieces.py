"""Pictures, ticks, costs."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from storage.base.clock import ManualClock
from tests.unit.training.evaluate.made import ellipse_case
from training.data import Case
from training.evaluate.cost import WATTS_PER_CORE, Meter
from training.evaluate.page.gallery import Gallery
from training.evaluate.page.svg import padded, ticks
from training.evaluate.pictures import PREDICTION, SIDE, TRUTH, draw, take_snapshot


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def _volume() -> tuple[Case, np.ndarray]:
    """Truth and prediction differ in slice 3 of 6 alone; rows are twice as far apart as columns."""
    truth = np.zeros((6, 20, 20), dtype=np.uint8)
    truth[:, 5:12, 5:12] = 1
    predicted = truth.copy()
    predicted[2, 5:12, 10:16] = 1
    voxels = np.random.default_rng(0).normal(size=(1, 6, 20, 20)).astype(np.float32)
    return Case("volume", "1", voxels, np.diag([1.0, 2.0, 3.0, 1.0]), truth), predicted


def test_a_volume_is_shown_where_it_is_most_wrong_and_in_its_true_shape() -> None:
    case, predicted = _volume()
    picture = draw(take_snapshot(case, predicted), "volume", 1)
    pixels = _pixels(picture.png)
    assert picture.caption == "volume, slice 3" and pixels.shape[0] == SIDE > pixels.shape[1]
    colours = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}
    assert {TRUTH, PREDICTION} <= colours
    assert picture.data_uri.startswith("data:image/png;base64,iVBOR")


def test_outlines_are_of_the_label_alone() -> None:
    case, predicted = _volume()
    pixels = _pixels(draw(take_snapshot(case, predicted), "volume", 2).png)
    assert not (pixels == np.array(TRUTH)).all(axis=2).any()


def test_large_images_are_kept_small() -> None:
    case = Case("large", "1", np.zeros((3, 1, 1000, 2000), dtype=np.float32), np.eye(4))
    snapshot = take_snapshot(case)
    assert max(snapshot.grey.shape) <= 384 and _pixels(draw(snapshot, "large").png).shape == (144, 288, 3)
    assert snapshot.grey.base is None  # nothing of the case itself is kept


def test_the_worst_and_the_median_are_shown_once_each() -> None:
    gallery = Gallery()
    names = [f"case_{n:03d}" for n in range(5)]
    for n in range(5):
        gallery.add(ellipse_case(n), ellipse_case(n).labels_kji)
    captions = {name: name for name in names}
    assert [p.caption for p in gallery.pictures(names, captions, 1, 1)] == ["Worst 1: case_000", "Median: case_002"]
    assert len(gallery.pictures(names, captions, 3, 1)) == 3
    assert gallery.pictures(names, captions, 0) == [] == gallery.pictures([], captions, 3)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3.0, 12.0, [0.0, 5.0, 10.0]),
        (0.0, 4321.0, [0.0, 1000.0, 2000.0, 3000.0, 4000.0]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(found)
    assert padded([2.0, 2.0]) == (1.5, 2.5)


def test_energy_is_estimated_from_busy_cores_where_no_counter_is(tmp_path: Path) -> None:
    clock = ManualClock()
    with Meter(clock, tmp_path) as meter:
        clock.sleep(7.0)
        sum(range(300_000))
    cost = meter.cost
    assert cost.seconds == 7.0 and cost.peak_mib > 10 and cost.energy_source.startswith("estimate")
    assert cost.energy_wh == pytest.approx(cost.cpu_seconds * WATTS_PER_CORE / 3600)


def test_work_of_processes_that_have_ended_is_counted(tmp_path: Path) -> None:
    before_s = resource.getrusage(resource.RUSAGE_SELF)
    with Meter(ManualClock(), tmp_path) as meter:
        subprocess.run([sys.executable, "-S", "-c", "sum(range(3_000_000))"], check=True)
    after_s = resource.getrusage(resource.RUSAGE_SELF)
    assert meter.cost.cpu_seconds > after_s.ru_utime + after_s.ru_stime - before_s.ru_utime - before_s.ru_stime + 0.02


def test_energy_is_read_from_the_processor_where_it_counts(tmp_path: Path) -> None:
    counter = tmp_path / "energy_uj"
    counter.write_text("1000000\n")
    with Meter(ManualClock(), tmp_path) as meter:
        counter.write_text("7201000000\n")
    assert meter.cost.energy_wh == pytest.approx(2.0) and "RAPL" in meter.cost.energy_source
    with Meter(ManualClock(), tmp_path) as meter:
        counter.write_text("5\n")  # it ran over
    assert meter.cost.energy_source.startswith("estimate")
