"""A shipped package in MONAI's hands: its own transforms, inferer and our network by ``configs/inference.json``."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from inference.engine.segmenter import LoadedModel, label_volume, load_package
from inference.manifest import Postprocess

pytestmark = pytest.mark.heavy

BUNDLE = Path(__file__).parents[4] / "inference" / "bundles" / "hippocampus-mr"


@pytest.fixture(scope="module")
def crop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smooth random crop at 1 mm, stored with its axes the other way round than the model's."""
    folder = tmp_path_factory.mktemp("images")
    noise = np.random.default_rng(0).normal(size=(35, 51, 33))
    spectrum = np.fft.fftn(noise)
    distance = np.sqrt(sum(f**2 for f in np.meshgrid(*[np.fft.fftfreq(n) for n in noise.shape], indexing="ij")))
    smooth = np.fft.ifftn(spectrum * np.exp(-((distance * 12) ** 2))).real
    values = (100 + 40 * smooth / smooth.std()).astype(np.float32)
    nibabel.nifti1.save(nibabel.nifti1.Nifti1Image(values, np.diag([-1.0, 1.0, 1.0, 1.0])), folder / "crop.nii.gz")
    return folder


@pytest.mark.filterwarnings("ignore")  # MONAI and its readers use what others have deprecated
def test_monai_finds_what_the_node_finds(crop: Path) -> None:
    from monai.bundle.config_parser import ConfigParser  # seconds of import, which the fast tests do without
    from monai.transforms.io.dictionary import SaveImaged

    parser = ConfigParser()
    parser.read_config(BUNDLE / "configs" / "inference.json")
    parser.read_meta(BUNDLE / "configs" / "metadata.json")
    parser["bundle_root"] = str(BUNDLE)
    parser["dataset_dir"] = str(crop)
    parser.get_parsed_content("initialize")
    network, inferer = parser.get_parsed_content("network"), parser.get_parsed_content("inferer")
    post = parser.get_parsed_content("postprocessing")
    post.transforms = tuple(step for step in post.transforms if not isinstance(step, SaveImaged))
    data = parser.get_parsed_content("dataset")[0]
    data["pred"] = inferer(data["image"][None], network)[0]
    found = np.asarray(post(data)["pred"][0]).astype(np.uint8)

    image = nibabel.nifti1.load(crop / "crop.nii.gz")
    affine_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    plain = load_package(BUNDLE)
    bare = plain.manifest.model_copy(update={"postprocess": Postprocess()})
    voxels = np.asarray(image.dataobj, dtype=np.float32).transpose(2, 1, 0)
    ours = label_volume(LoadedModel(bare, plain.digest, plain.networks), voxels, affine_lps).transpose(2, 1, 0)
    assert found.shape == ours.shape and ours.any()
    assert (found == ours).mean() > 0.999
