from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.engine.classifier import class_probabilities, softmax
from inference.engine.loading import dry_run
from inference.engine.package import LoadedModel, load_package
from inference.engine.predict import predict
from inference.manifest import Classification, Postprocess, read_manifest
from inference.pipeline import class_scores, prepare
from inference.volume import ClassProbabilities, SliceRef, Volume
from storage.base.errors import InputError, ModelError
from tests.support.tiny_classifier import write_tiny_classifier

IMAGE: NDArray[np.float32] = np.random.default_rng(4).normal(size=(1, 40, 31)).astype(np.float32)


def found(model: LoadedModel, image: NDArray[np.float32] = IMAGE) -> NDArray[np.float64]:
    return class_probabilities(model, image, np.eye(4))


def with_changes(model: LoadedModel, **changes: Any) -> LoadedModel:
    return LoadedModel(model.manifest.model_copy(update=changes), model.digest, model.networks)


def test_probabilities_are_the_softmax_at_the_temperature(tmp_path: Path) -> None:
    model = load_package(write_tiny_classifier(tmp_path))
    with torch.inference_mode():
        logits = model.network(prepare(IMAGE, np.eye(4), model.manifest).image[None])
    expected = torch.softmax(logits.double() / 1.5, dim=1)[0].numpy()
    assert found(model).dtype == np.float64 and np.allclose(found(model), expected, atol=1e-6)
    cold = with_changes(model, classification=Classification(temperature=0.1, thresholds=(0.5,)))
    assert found(cold).max() > found(model).max()


def test_members_and_mirrored_passes_are_averaged(tmp_path: Path) -> None:
    model = load_package(write_tiny_classifier(tmp_path, members=3))
    alone = [found(LoadedModel(model.manifest, "", (network,))) for network in model.networks]
    assert np.allclose(found(model), np.mean(alone, axis=0)) and not np.allclose(alone[0], alone[1])
    mirrored = with_changes(model, postprocess=Postprocess(mirror_axes=(0, 1)))
    passes = [np.ascontiguousarray(IMAGE[:, ::j, ::i]) for j in (1, -1) for i in (1, -1)]
    assert np.allclose(found(mirrored), np.mean([found(model, image) for image in passes], axis=0), atol=1e-5)


def test_an_ensemble_of_one_is_the_single_model_to_the_byte(tmp_path: Path) -> None:
    model = load_package(write_tiny_classifier(tmp_path))
    scores = class_scores(model.network, prepare(IMAGE, np.eye(4), model.manifest), model.manifest)
    assert found(model).tobytes() == softmax(scores / 1.5)[0].tobytes()


def test_large_scores_are_still_probabilities() -> None:
    assert softmax(np.array([[1e5, -1e5], [-1e300, 0.0]])).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_prediction_names_its_source_and_a_dry_run_runs(tmp_path: Path) -> None:
    model = load_package(write_tiny_classifier(tmp_path, members=2))
    source = (SliceRef("2.25.1", "1.2", None),)
    prediction = predict(model, {"image": Volume(IMAGE, np.eye(4), source, "", "DX", "", False)})
    assert isinstance(prediction, ClassProbabilities)
    assert (prediction.slices, prediction.positioned) == (source, False)
    dry_run(model)


def test_several_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one single image"):
        found(load_package(write_tiny_classifier(tmp_path)), np.zeros((3, 8, 8), dtype=np.float32))


def test_the_member_that_yields_no_number_is_named(tmp_path: Path) -> None:
    model = load_package(write_tiny_classifier(tmp_path, members=3))
    with torch.no_grad():
        next(model.networks[1].parameters()).fill_(torch.inf)
    with pytest.raises(ModelError, match="member 2 of 3 of the ensemble yields values that are not numbers") as caught:
        found(model)
    assert caught.value.reason_code == "output-invalid"


def _edit(package: Path, **changes: Any) -> None:
    path = package / "configs" / "wetread.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _cut(package: Path) -> None:
    path = package / "models" / "member-1.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def _gone(package: Path) -> None:
    (package / "models" / "member-1.safetensors").unlink()


def _not_finite(package: Path) -> None:
    import hashlib

    from safetensors.torch import load, save

    path = package / "models" / "member-1.safetensors"
    tensors = load(path.read_bytes())
    tensors["head.bias"][0] = torch.nan
    path.write_bytes(save(tensors))
    network = json.loads((package / "configs" / "wetread.json").read_text())["network"]
    network["more_weights"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    _edit(package, network=network)


def _elsewhere(package: Path) -> None:
    network = json.loads((package / "configs" / "wetread.json").read_text())["network"]
    network["more_weights"][0]["weights"] = "/etc/passwd"
    _edit(package, network=network)


def _three_labels(package: Path) -> None:
    label = json.loads((package / "configs" / "wetread.json").read_text())["labels"][0]
    labels = [{**label, "value": value, "name": f"{value}"} for value in (1, 2)]
    _edit(package, labels=labels, classification={"thresholds": [0.5, 0.5]})


@pytest.mark.parametrize(
    ("harm", "code", "says"),
    [
        (_cut, "weights-digest", r"member-1\.safetensors: SHA-256 differs.*install the package again"),
        (_gone, "package-unreadable", r"member-1\.safetensors: can't be read"),
        (_not_finite, "weights-invalid", r"member-1\.safetensors: tensor head\.bias holds values that are not finite"),
        (_elsewhere, "manifest-invalid", r"network\.weights: must lie in models/, /etc/passwd does not"),
        (_three_labels, "network-invalid", r"the network yields \(1, 2\), a classification .* needs \(1, 3\)"),
        (
            lambda package: _edit(package, task="segmentation", classification=None),
            "network-invalid",
            r"the network yields \(1, 2\)",
        ),
        (
            lambda package: _edit(package, classification={"thresholds": [0.5, 0.2]}),
            "manifest-invalid",
            r"classification\.thresholds",
        ),
        (
            lambda package: _edit(package, classification={"thresholds": [0.5], "temperature": 0}),
            "manifest-invalid",
            r"temperature",
        ),
        (lambda package: _edit(package, weights_licence=" "), "manifest-invalid", r"wetread\.json: weights_licence: is blank"),
    ],
)
def test_a_broken_package_names_file_and_mend(tmp_path: Path, harm: Callable[[Path], None], code: str, says: str) -> None:
    package = write_tiny_classifier(tmp_path, members=2)
    read_manifest(package)
    harm(package)
    with pytest.raises(ModelError, match=says) as caught:
        load_package(package)
    assert caught.value.reason_code == code
