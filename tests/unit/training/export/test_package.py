from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from inference.engine.classifier import class_probabilities
from inference.engine.package import load_package
from inference.manifest import Classification, package_digest, read_manifest
from inference.networks import build
from storage.base.errors import ConfigError, ModelError
from tests.unit.training.several import three_recipe
from tests.unit.training.small import spots_document, spots_recipe
from tests.unit.training.tiny import tiny_recipe
from training.data import read_cases
from training.export.licence import licence_text
from training.export.package import export_package
from training.export.parity import check_parity
from training.recipe import Recipe


def _networks(recipe: Recipe, count: int = 1) -> list[nn.Module]:
    torch.manual_seed(4)
    network = recipe.manifest().network
    return [build(network.name, network.arguments).eval() for _ in range(count)]


def test_members_have_a_file_each_and_a_smaller_export_leaves_none_behind(tmp_path: Path) -> None:
    recipe = spots_recipe()
    networks = _networks(recipe, 3)
    export_package(recipe, networks, tmp_path)
    files = {path.name for path in (tmp_path / "models").iterdir()}
    assert files == {"model.safetensors", "member-2.safetensors", "member-3.safetensors"}
    assert len(read_manifest(tmp_path).network.members) == 3 and not (tmp_path / "configs" / "inference.json").exists()
    first = package_digest(tmp_path)
    export_package(recipe, networks[:1], tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["model.safetensors"]
    export_package(recipe, networks, tmp_path)
    assert package_digest(tmp_path) == first


def test_calibration_goes_into_the_manifest(tmp_path: Path) -> None:
    recipe = spots_recipe()
    export_package(recipe, _networks(recipe), tmp_path, Classification(temperature=2.5, thresholds=(0.3,)))
    stated = read_manifest(tmp_path).classification
    assert stated is not None and stated.temperature == 2.5 and stated.thresholds == (0.3,)


def test_trainer_and_node_agree_and_other_weights_are_refused(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    networks = _networks(recipe)
    export_package(recipe, networks, tmp_path)
    cases = list(read_cases(recipe, "test", None))
    found = check_parity(recipe, networks, tmp_path, cases)
    assert found.cases == 2 and 0 <= found.difference <= found.bound
    with torch.no_grad():
        dict(networks[0].named_parameters())["head.bias"][1] += 5.0
    with pytest.raises(ModelError, match=r"trainer and node differ on case phantom_021: .* of the labels"):
        check_parity(recipe, networks, tmp_path, cases)


def _with_terms(licence: str, weights: str) -> Recipe:
    document = spots_document()
    document["package"] |= {"licence": licence, "weights_licence": weights}
    return Recipe.model_validate(document)


def test_licence_names_every_term_and_where_it_stands() -> None:
    text = licence_text(_with_terms("Apache-2.0", "CC-BY-4.0 AND MIT").manifest())
    for words in ("SPDX: Apache-2.0", "its weights (models/)", "SPDX: CC-BY-4.0", "SPDX: MIT", "by/4.0/legalcode", "Nobody."):
        assert words in text
    assert "its weights" not in licence_text(_with_terms("CC-BY-4.0", "CC-BY-4.0").manifest())
    assert "terms of its author's own (SPDX: LicenseRef-mine)" in licence_text(_with_terms("MIT", "LicenseRef-mine").manifest())


@pytest.mark.parametrize(
    ("key", "terms"), [("package.licence", ("WTF", "MIT")), ("package.weights_licence", ("MIT", "MIT AND WTF"))]
)
def test_an_unknown_licence_is_refused_before_anything_is_written(key: str, terms: tuple[str, str], tmp_path: Path) -> None:
    recipe = _with_terms(*terms)
    with pytest.raises(ConfigError, match=f"{key}: 'WTF' is unknown"):
        export_package(recipe, _networks(recipe), tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_unwritable_package_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="name another --out"):
        export_package(tiny_recipe(), _networks(tiny_recipe()), tmp_path / "file" / "package")


def test_monais_metadata_calls_boxes_boxes(tmp_path: Path) -> None:
    export_package(three_recipe(), _networks(three_recipe()), tmp_path)
    outputs = json.loads((tmp_path / "configs" / "metadata.json").read_text())["network_data_format"]["outputs"]
    assert [(name, said["type"], said["format"]) for name, said in outputs.items()] == [
        ("segmentation", "image", "segmentation"),
        ("classification", "probabilities", "classes"),
        ("detection", "object", "dict"),
    ]
    boxes = outputs["detection"]
    assert boxes["channel_def"] == {"0": "background", "1": "Lesion"} and boxes["spatial_shape"] == ["n"]
    assert "(j, i)" in boxes["content"] and "masks" not in boxes["content"]


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")  # MONAI and its readers use what others have deprecated
def test_monai_gives_a_classifiers_probabilities(tmp_path: Path) -> None:
    from monai.bundle.config_parser import ConfigParser  # seconds of import, which the fast tests do without

    recipe = spots_recipe()
    export_package(recipe, _networks(recipe), tmp_path, Classification(temperature=0.4, thresholds=(0.5,)))
    pixels = np.random.default_rng(1).integers(0, 255, (24, 36)).astype(np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "one.png")
    parser: Any = ConfigParser()
    parser.read_config(tmp_path / "configs" / "inference.json")
    parser.read_meta(tmp_path / "configs" / "metadata.json")
    parser["bundle_root"] = str(tmp_path)
    parser.get_parsed_content("initialize")
    network, inferer = parser.get_parsed_content("network"), parser.get_parsed_content("inferer")
    post = parser.get_parsed_content("postprocessing")
    data = parser.get_parsed_content("dataset")[0]
    with torch.inference_mode():
        data["pred"] = inferer(data["image"][None], network)[0]
    for step in post.transforms[:-1]:  # the last one writes
        data = step(data)
    ours = class_probabilities(load_package(tmp_path), pixels[None].astype(np.float32), np.eye(4))
    assert np.allclose(np.asarray(data["pred"]), ours, atol=1e-4) and abs(ours[0] - 0.5) > 0.01
