"""A package of several tasks in the engine: one pass, and each head as a package of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.engine.classifier import class_probabilities
from inference.engine.heads import models_of_heads
from inference.engine.loading import dry_run
from inference.engine.package import LoadedModel, load_package
from inference.engine.predict import predict
from inference.engine.segmenter import label_volume
from inference.engine.stored import decode, encode
from inference.engine.summary import package_summary
from inference.manifest import Postprocess
from inference.volume import Answers, ClassProbabilities, Detections, SliceRef, Volume
from storage.base.errors import ModelError, TransientError
from tests.support.tiny_reader import write_tiny_reader

IMAGE: NDArray[np.float32] = np.random.default_rng(4).normal(size=(1, 40, 31)).astype(np.float32)
VOLUME = Volume(IMAGE, np.eye(4), (SliceRef("2.25.1", "1.2", None),), "", "US", "", False)


def _found(model: LoadedModel) -> tuple[NDArray[Any], NDArray[np.float64]]:
    answers = predict(model, {"image": VOLUME})
    assert isinstance(answers, Answers) and list(answers.by_head) == ["segmentation", "classification"]
    classes = answers.by_head["classification"]
    assert isinstance(classes, ClassProbabilities)
    return answers.mask.labels_kji, classes.probabilities


def _counted(model: LoadedModel) -> list[int]:
    """The sizes of the batches that the first network gets from now on."""
    batches: list[int] = []
    model.network.register_forward_hook(lambda _module, given, _output: batches.append(len(given[0])))
    return batches


@pytest.mark.parametrize("mirror", [(), (1,)])
def test_one_pass_answers_as_packages_of_one_task_do(tmp_path: Path, mirror: tuple[int, ...]) -> None:
    model = load_package(write_tiny_reader(tmp_path, members=2))
    model = replace(model, manifest=model.manifest.model_copy(update={"postprocess": Postprocess(mirror_axes=mirror)}))
    batches = _counted(model)
    labels, probabilities = _found(model)
    assert batches == [2 ** len(mirror)], "the image goes through the network once"
    masks, classes = models_of_heads(model).values()
    assert np.array_equal(labels, label_volume(masks, IMAGE, np.eye(4))) and 0 < labels.mean() < 1
    assert np.array_equal(probabilities, class_probabilities(classes, IMAGE, np.eye(4))) and len(probabilities) == 3


def test_another_image_is_another_pass(tmp_path: Path) -> None:
    model = load_package(write_tiny_reader(tmp_path))
    alone = models_of_heads(model)["classification"]
    batches = _counted(model)
    first, second, again = (class_probabilities(alone, image, np.eye(4)) for image in (IMAGE, IMAGE[:, ::-1], IMAGE))
    assert len(batches) == 3 and np.array_equal(first, again) and not np.array_equal(first, second)


def test_the_answers_come_back_from_their_blob(tmp_path: Path) -> None:
    model = load_package(write_tiny_reader(tmp_path))
    answers = predict(model, {"image": VOLUME})
    name, blob = encode(answers)
    again = decode(blob, "multitask")
    assert name == "answers.npz" and encode(again) == (name, blob) and isinstance(again, Answers)
    assert again.slices == VOLUME.slices and not again.positioned and again.frame_of_reference_uid == ""
    for broken in (blob[:-40], b"", encode(again.mask)[1]):
        with pytest.raises(TransientError, match="run the job again"):
            decode(broken, "multitask")


def test_boxes_come_out_of_the_same_pass(tmp_path: Path) -> None:
    model = load_package(write_tiny_reader(tmp_path, boxes=True))
    batches = _counted(model)
    answers = predict(model, {"image": VOLUME})
    assert isinstance(answers, Answers) and list(answers.by_head) == ["segmentation", "classification", "detection"]
    assert batches == [1]
    boxes = answers.by_head["detection"]
    assert isinstance(boxes, Detections) and 0 < len(boxes.boxes) <= 5 and set(boxes.labels.tolist()) == {1}
    assert bool((boxes.boxes >= 0).all()) and bool((boxes.boxes <= [40, 31, 40, 31]).all())
    assert encode(decode(encode(answers)[1], "multitask")) == encode(answers)
    wrong = write_tiny_reader(tmp_path / "wrong", boxes=True)
    document = json.loads((wrong / "configs" / "wetread.json").read_text())
    document["network"]["arguments"]["boxes"]["pyramid"] = 0
    (wrong / "configs" / "wetread.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=r"boxes\.pyramid"):
        load_package(wrong)


def test_it_is_tried_out_and_told(tmp_path: Path) -> None:
    model = load_package(write_tiny_reader(tmp_path))
    dry_run(model)
    said = package_summary(model, tmp_path)
    assert said["labels"] == ["1 Lesion"]
    assert said["classes"] == ["1 Benign tumour from 0.5", "2 Malignant tumour from 0.3"]


def test_a_network_that_does_not_fit_is_named(tmp_path: Path) -> None:
    model = load_package(write_tiny_reader(tmp_path))
    network = model.manifest.network.model_dump() | {"name": "resnet"}
    with pytest.raises(ModelError, match="wrong arguments"):
        load_package(write_tiny_reader(tmp_path / "other", network=network))
    broken = write_tiny_reader(tmp_path / "third", classes=[])
    with pytest.raises(ModelError, match=r"wetread\.json: classes: name the classes"):
        load_package(broken)


def test_the_head_that_yields_no_number_ends_the_run(tmp_path: Path) -> None:
    model = load_package(write_tiny_reader(tmp_path))
    with torch.no_grad():
        model.network.get_parameter("heads.classification.bias").fill_(torch.nan)
    with pytest.raises(ModelError, match="not numbers") as caught:
        predict(model, {"image": VOLUME})
    assert caught.value.reason_code == "output-invalid"
