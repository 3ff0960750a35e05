"""Several inputs on one grid: channels in the manifest's order, missing ones, overlap, and who is named in a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.manifest import Manifest
from inference.pipeline import prepare, prepare_inputs
from inference.pipeline.window import segment
from storage.base.errors import InputError
from tests.support.packages import manifest

WINDOW = {"kind": "window", "lower": 0.0, "upper": 100.0}


@dataclass(frozen=True, eq=False)
class Held:
    voxels_kji: NDArray[np.float32]
    affine_lps_mm: NDArray[np.float64]


def model(**changes: Any) -> Manifest:
    pet = {"name": "pet", "modality": ["PT"], "optional": True, "intensity": WINDOW, **changes.pop("pet", {})}
    ct = {"name": "ct", "modality": ["CT"]}
    return manifest(**{"inputs": [pet, ct], "reference": "ct", "grid": {"spacing_mm": None, "patch": [8, 8, 8]}, **changes})


def noise(seed: int, size: tuple[int, int, int] = (6, 8, 10)) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0, 100, size).astype(np.float32)


def at(i_mm: float = 0.0, spacing: float = 1.0) -> NDArray[np.float64]:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[0, 3] = i_mm
    return affine


def test_channels_stand_in_the_order_of_the_manifest_each_by_its_own_rule() -> None:
    ct, pet = noise(1), noise(2)
    prepared = prepare_inputs({"ct": Held(ct, at()), "pet": Held(pet, at())}, model())
    assert torch.equal(prepared.image[0], torch.from_numpy(pet / np.float32(100)))
    assert torch.equal(prepared.image[1:], prepare(ct, at(), model()).image)
    assert prepared.present.tolist() == [True, True] and prepared.covered == (1.0, 1.0)


def test_the_same_voxels_in_another_order_of_axes_are_the_same_input() -> None:
    ct, pet = noise(1), noise(2)
    flipped = at()
    flipped[0, 0], flipped[0, 3] = -1.0, 9.0
    one, other = (
        prepare_inputs({"ct": Held(ct, at()), "pet": given}, model())
        for given in (Held(pet, at()), Held(np.ascontiguousarray(pet[..., ::-1]), flipped))
    )
    assert torch.equal(one.image, other.image)


@pytest.mark.parametrize("spacing", [[2.0, 2.0, 2.0], [0.5, 0.5, 0.5]])
def test_alignment_and_the_way_of_the_reference_agree(spacing: list[float]) -> None:
    """The PET lies on the grid of the CT but for a plane that it lacks, so it is aligned; the ramp comes out as if it hadn't."""
    wanted = model(grid={"spacing_mm": spacing, "patch": [8, 8, 8]}, pet={"minimum_overlap": 0.0})
    ramp = np.broadcast_to(np.arange(12, dtype=np.float32) * 5, (8, 8, 12)).copy()
    whole = prepare_inputs({"ct": Held(noise(1, (8, 8, 12)), at()), "pet": Held(ramp, at())}, wanted).image[0]
    part = prepare_inputs({"ct": Held(noise(1, (8, 8, 12)), at()), "pet": Held(ramp[:-1].copy(), at())}, wanted).image[0]
    inner = (slice(1, -4), slice(1, -1), slice(2, -2))
    assert torch.allclose(whole[inner], part[inner], atol=1e-5)


def test_outside_its_field_of_view_an_input_is_zero_and_scaled_by_what_it_shows() -> None:
    ct, pet = noise(1), noise(2, (6, 8, 4))
    zscored = model(pet={"intensity": None})
    prepared = prepare_inputs({"ct": Held(ct, at()), "pet": Held(pet, at(3.0))}, zscored)
    shown = prepared.image[0, :, :, 3:7]
    assert prepared.covered[0] == pytest.approx(0.4) and prepared.present.all()
    assert not prepared.image[0, :, :, :3].any() and not prepared.image[0, :, :, 7:].any()
    assert abs(float(shown.mean())) < 1e-5 and abs(float(shown.std(correction=0)) - 1) < 1e-5


def test_a_missing_optional_input_is_zeros_and_said_to_be_missing() -> None:
    prepared = prepare_inputs({"ct": Held(noise(1), at())}, model())
    assert prepared.present.tolist() == [False, True] and prepared.covered == (0.0, 1.0)
    assert not prepared.image[0].any() and prepared.image[1].any()


@pytest.mark.parametrize(
    ("given", "changes", "code", "says"),
    [
        ({}, {"optional": False}, "input-missing", "input 'pet' is missing"),
        ({"pet": Held(noise(2), at(500.0))}, {}, "no-overlap", "input pet: the series shows nothing of the grid of ct"),
        ({"pet": Held(noise(2), at(500.0))}, {"minimum_overlap": 0.0}, "no-overlap", "shows nothing"),
        ({"pet": Held(noise(2), at(7.0))}, {"minimum_overlap": 0.5}, "no-overlap", r"shows 30\.0% .* needs 50\.0% or more"),
        ({"pet": Held(noise(2) * 0, at())}, {"intensity": None}, "flat-image", "input pet: the image has no contrast"),
        ({"pet": Held(noise(2) * np.float32("nan"), at())}, {}, "not-finite", "input pet: .* no numbers"),
        ({"pet": Held(noise(2) * np.float32("nan"), at(1.0))}, {}, "not-finite", "input pet: .* no numbers"),
    ],
)
def test_refusals_name_the_input(given: dict[str, Held], changes: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        prepare_inputs({"ct": Held(noise(1), at()), **given}, model(pet=changes))
    assert caught.value.reason_code == code


class _Told(nn.Module):
    """Scores that say which inputs the network was told of."""

    takes_presence = True

    def forward(self, image: Tensor, present: Tensor) -> Tensor:
        assert present.shape == (len(image), 2) and present.dtype == torch.bool
        score = present.float() @ torch.tensor([1.0, 2.0])
        return torch.stack([torch.zeros_like(image[:, 0]), score[:, None, None, None].expand_as(image[:, 0])], dim=1)


def test_a_network_that_takes_presence_is_told_of_it_in_every_window_and_mirrored_pass() -> None:
    mirrored = model(postprocess={"mirror_axes": [2]})
    for given, score in (({}, 2.0), ({"pet": Held(noise(2, (6, 20, 10)), at())}, 3.0)):
        prepared = prepare_inputs({"ct": Held(noise(1, (6, 20, 10)), at()), **given}, mirrored)
        scores = segment(_Told(), prepared, mirrored)
        assert torch.allclose(scores[1], torch.full_like(scores[1], score))
