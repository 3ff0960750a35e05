"""Mask and class by one network, from its fit on drawn ultrasound images to SEG and SR at the PACS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydicom import Dataset, dcmread

from inference.engine.heads import models_of_heads
from inference.engine.package import LoadedModel, load_package
from tests.support import peers, validators
from tests.support.dicom_builders import write
from tests.support.ports import free_port
from tests.support.wetread_node import SCANNER, WetreadNode, delivered, node_settings
from tests.support.wrapped_images import us_region
from tests.unit.training.run.made import run
from tests.unit.training.several import several_recipe
from training.data import Case, read_parts
from training.evaluate.served import labels_of, probabilities_of

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

RULE = {"name": "breasts", "when": 'Modality == "US"', "model": "breast-reader", "deliver_to": ["pacs"], "quiet_s": 1}
FIT = {"steps": 50, "batch": 8, "validate_every": 50, "checkpoint_every": 50, "ema_decay": 0.8}
SPACING_MM = (0.4, 0.4)


@dataclass(frozen=True)
class Line:
    """A node with the package that was fitted, its PACS, and the package in memory."""

    node: WetreadNode
    pacs: peers.OrthancPeer
    model: LoadedModel


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder, port = tmp_path_factory.mktemp("several"), free_port()
    torch.set_num_threads(1)
    recipe = several_recipe(fit=FIT, evaluation={"baseline": False})
    package = run(recipe, folder / "run").package
    (folder / "node").mkdir()
    with peers.orthanc(folder / "orthanc") as pacs:
        settings = node_settings(folder / "node", port, pacs, [RULE]) | {"models": [str(package)]}
        node = WetreadNode(folder / "node", port, settings)
        node.start()
        try:
            yield Line(node, pacs, load_package(package))
        finally:
            node.stop()


def _cases() -> dict[str, Case]:
    """A drawn breast of each class that the network hasn't seen."""
    return {case.traits["class"]: case for case in read_parts(several_recipe(), None).cases("test")}


def _send(line: Line, case: Case, folder: Path) -> tuple[dict[str, Any], dict[str, Dataset]]:
    """C-STORE of the case as an ultrasound image; the study's story, and what came to the PACS by modality, each valid."""
    image = us_region(case.voxels_kji[0].astype(np.uint8), SPACING_MM)
    write([image], folder / "us")
    called = ("-aec", line.node.ae_title, "-aet", SCANNER, "+sd", "+r", line.node.host, str(line.node.port))
    sent = peers.run_tool("storescu", *called, folder / "us")
    assert sent.returncode == 0, sent.stderr
    story = line.node.wait(str(image.StudyInstanceUID), delivered, 200.0)
    found: dict[str, Dataset] = {}
    for content in line.pacs.files(StudyInstanceUID=str(image.StudyInstanceUID)):
        dataset = dcmread(BytesIO(content))
        path = folder / f"{dataset.Modality}.dcm"
        path.write_bytes(content)
        assert validators.dciodvfy(path) == []
        found[str(dataset.Modality)] = dataset
    return story, found


@pytest.mark.parametrize("kind", ["0", "2"], ids=["without a lesion", "malignant"])
def test_an_image_gives_what_each_head_says(line: Line, kind: str, tmp_path: Path) -> None:
    case = _cases()[kind]
    story, found = _send(line, case, tmp_path)
    heads = models_of_heads(line.model)
    labels, probabilities = labels_of(heads["segmentation"], case), probabilities_of(heads["classification"], case)
    lesion, benign, malignant = story["jobs"][0]["measurements"]
    assert set(found) == ({"SEG", "SR"} if labels.any() else {"SR"}) and lesion["present"] == labels.any()
    if labels.any():
        assert np.array_equal(np.squeeze(found["SEG"].pixel_array) != 0, labels[0] != 0)
        assert lesion["area_mm2"] == pytest.approx(labels.sum() * SPACING_MM[0] * SPACING_MM[1], rel=1e-3)
    assert [benign["probability"], malignant["probability"]] == pytest.approx(probabilities[1:], abs=1e-5)
    printed = validators.dsrdump(tmp_path / "SR.dcm")
    absent = [record["label"] for record in (lesion, benign, malignant) if not record["present"]]
    assert printed.count('=(272519000,SCT,"Absent")') == len(absent)
    assert f'"{malignant["probability"]:g}" (1,UCUM' in printed
    if kind == "2":
        assert labels.any(), "a lesion that was drawn is found"
