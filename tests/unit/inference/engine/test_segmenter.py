from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.engine.package import LoadedModel, load_package
from inference.engine.segmenter import label_volume, run
from inference.manifest import package_digest
from inference.networks import build, save_weights
from inference.pipeline import labels_on_source, prepare, segment
from inference.volume import Volume
from storage.base.errors import InputError, ModelError
from tests.support.tiny_package import write_flat_package, write_tiny_package


def _volume(size_kji: tuple[int, int, int], modality: str = "MR") -> Volume:
    voxels = np.random.default_rng(4).normal(size=size_kji).astype(np.float32)
    return Volume(voxels, np.eye(4), (), "1.2", modality, "", True)


def _edit(package: Path, **changes: Any) -> None:
    path = package / "configs" / "wetread.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_label_map_lies_on_the_source_grid(tmp_path: Path) -> None:
    model = load_package(write_tiny_package(tmp_path))
    seen: list[tuple[str, float]] = []
    labels = run(model, {"image": _volume((9, 20, 13))}, lambda stage, fraction: seen.append((stage, fraction)))
    assert labels.shape == (9, 20, 13) and labels.dtype == np.uint8
    assert 0 < int(labels.sum()) < labels.size
    assert list(dict.fromkeys(stage for stage, _ in seen)) == ["prepare", "network", "restore"]
    assert model.digest == package_digest(tmp_path)
    assert np.array_equal(labels, run(model, {"image": _volume((9, 20, 13))}))


def test_an_ensemble_of_one_is_the_single_model_to_the_byte_and_of_two_the_mean_of_both(tmp_path: Path) -> None:
    one, two = (load_package(write_tiny_package(tmp_path / str(seed), seed=seed)) for seed in (0, 1))
    voxels = _volume((9, 20, 13)).voxels_kji
    prepared = prepare(voxels, np.eye(4), one.manifest)
    scores = [segment(model.network, prepared, one.manifest) for model in (one, two)]
    for networks, expected in (((one.network,), scores[0]), ((one.network, two.network), (scores[0] + scores[1]) / 2)):
        labels = label_volume(LoadedModel(one.manifest, "", networks), voxels, np.eye(4))
        assert labels.tobytes() == labels_on_source(expected, prepared, one.manifest).tobytes()
    first, second = (labels_on_source(score, prepared, one.manifest) for score in scores)
    assert not np.array_equal(first, second)


def test_progress_of_an_ensemble_rises_once(tmp_path: Path) -> None:
    model = load_package(write_tiny_package(tmp_path))
    seen: list[float] = []
    pair = LoadedModel(model.manifest, "", model.networks * 2)
    run(pair, {"image": _volume((30, 20, 13))}, lambda stage, fraction: seen.append(fraction) if stage == "network" else None)
    assert seen == sorted(seen) and seen[-1] == 1.0 and 0.5 in seen


def test_the_member_that_yields_no_number_is_named(tmp_path: Path) -> None:
    one, two = (load_package(write_tiny_package(tmp_path / str(seed), seed=seed)) for seed in (0, 1))
    with torch.no_grad():
        next(two.network.parameters()).fill_(torch.nan)
    with pytest.raises(ModelError, match="member 2 of 2 of the ensemble") as caught:
        run(LoadedModel(one.manifest, "", (one.network, two.network)), {"image": _volume((4, 4, 4))})
    assert caught.value.reason_code == "output-invalid"


@pytest.mark.parametrize("fit", ["spacing", "stretch", "crop", "pad"])
def test_image_model_marks_one_image(tmp_path: Path, fit: str) -> None:
    package = write_flat_package(tmp_path, grid={"fit": fit, "spacing_mm": [2.0, 2.0] if fit == "spacing" else None})
    labels = run(load_package(package), {"image": _volume((1, 40, 31), "US")})
    assert labels.shape == (1, 40, 31) and labels.any()
    assert fit != "crop" or not (labels[0, :4].any() or labels[0, -5:].any())


def test_image_model_refuses_a_volume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one single image"):
        run(load_package(write_flat_package(tmp_path)), {"image": _volume((3, 40, 31), "US")})


def test_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'image' is missing"):
        run(load_package(write_tiny_package(tmp_path)), {"t1": _volume((4, 4, 4))})


def test_stopped_by_progress(tmp_path: Path) -> None:
    def stop(stage: str, _fraction: float) -> None:
        if stage == "network":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(load_package(write_tiny_package(tmp_path)), {"image": _volume((4, 4, 4))}, stop)


def test_output_that_is_no_number_is_a_model_error(tmp_path: Path) -> None:
    model = load_package(write_tiny_package(tmp_path))
    with torch.no_grad():
        next(model.network.parameters()).fill_(torch.inf)
    with pytest.raises(ModelError, match="not numbers") as caught:
        run(model, {"image": _volume((4, 4, 4))})
    assert caught.value.reason_code == "output-invalid"


def _without_manifest(package: Path) -> None:
    (package / "configs" / "wetread.json").unlink()


def _without_weights(package: Path) -> None:
    (package / "models" / "model.safetensors").unlink()


def _cut_weights(package: Path) -> None:
    path = package / "models" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def _other_network(package: Path) -> None:
    network = json.loads((package / "configs" / "wetread.json").read_text())["network"]
    network["arguments"]["channels"] = [2, 8]
    _edit(package, network=network)


def _more_labels(package: Path) -> None:
    label = json.loads((package / "configs" / "wetread.json").read_text())["labels"][0]
    _edit(package, labels=[label, {**label, "value": 2, "name": "Other"}])


def _two_channels(package: Path) -> None:
    arguments = {"spatial_dims": 3, "in_channels": 2, "out_channels": 2, "channels": [2, 4]}
    digest = save_weights(build("unet", arguments), package / "models" / "model.safetensors")
    _edit(package, network={"name": "unet", "arguments": arguments, "weights_sha256": digest})


def _elsewhere(package: Path) -> None:
    network = json.loads((package / "configs" / "wetread.json").read_text())["network"]
    _edit(package, network={**network, "weights": "models/../../model.safetensors"})


def _grid(**changes: Any) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        grid = json.loads((package / "configs" / "wetread.json").read_text())["grid"]
        _edit(package, grid={**grid, **changes})

    return change


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_without_manifest, r"wetread\.json: can't be read"),
        (_without_weights, r"model\.safetensors: can't be read.*install the package again"),
        (_cut_weights, r"model\.safetensors: SHA-256 differs.*install the package again"),
        (_other_network, r"model\.safetensors: tensor .* has shape .*export the package again"),
        (_more_labels, r"wetread\.json: the network yields .*correct either"),
        (_two_channels, r"wetread\.json: the network can't run on 1 input\(s\) of grid\.patch"),
        (_elsewhere, r"network\.weights: must lie in models/"),
        (_grid(patch=[8, 16, 15]), r"grid\.patch: must be multiples"),
        (_grid(spacing_mm=[1.0, 0.0, 1.0]), r"grid\.spacing_mm"),
        (lambda package: _edit(package, postprocess={"mirror_axes": [3]}), r"mirror_axes"),
        (lambda package: _edit(package, postprocess={"keep_largest": [9]}), r"keep_largest"),
        (lambda package: _edit(package, intensity={"kind": "window", "lower": 5, "upper": 5}), r"intensity\.upper"),
    ],
)
def test_broken_package_names_file_and_mend(tmp_path: Path, harm: Callable[[Path], None], says: str) -> None:
    package = write_tiny_package(tmp_path)
    harm(package)
    with pytest.raises(ModelError, match=says):
        load_package(package)


def test_monai_config_is_never_read(tmp_path: Path) -> None:
    package = write_tiny_package(tmp_path)
    (package / "configs" / "inference.json").write_text('{"run": "$__import__(\'os\').abort()"}')
    load_package(package)
