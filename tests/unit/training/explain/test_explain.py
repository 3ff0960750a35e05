"""Maps of a tiny classifier whose evidence is a bright square, and maps that say nothing of the weights."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.networks import build
from training.explain.gradcam import Map, default_layer, grad_cam
from training.explain.occlusion import occlusion_map
from training.explain.sanity import Method, rank_correlation, sanity_test

SIDE = {2: 24, 3: 16}


def _image(dims: int, corner: tuple[int, ...] | None, seed: int) -> Tensor:
    """Noise, and a bright square (cube) at ``corner``."""
    side = SIDE[dims]
    image = 0.3 * torch.randn((1, *(side,) * dims), generator=torch.Generator().manual_seed(seed))
    if corner is not None:
        places = (slice(0, 1), *(slice(start, start + side // 4) for start in corner))
        image[places] += 1.5
    return image


def _quadrant(dims: int, seed: int) -> tuple[int, ...]:
    """The corner of a square that lies well inside one half of each axis."""
    random = np.random.default_rng(seed)
    half, square = SIDE[dims] // 2, SIDE[dims] // 4
    room = half - square - 1
    return tuple(int(random.integers(0, room + 1)) + int(random.integers(0, 2)) * (half + 1) for _ in range(dims))


@cache
def _trained(dims: int) -> nn.Module:
    """Tells images with a square from those without; some forty steps."""
    torch.manual_seed(0)
    arguments = {"spatial_dims": dims, "in_channels": 1, "out_channels": 2, "channels": [8, 16]}
    network = build("cnn", arguments)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for step in range(40):
        seeds = [step * 16 + n for n in range(16)]
        batch = torch.stack([_image(dims, _quadrant(dims, seed) if seed % 2 else None, seed) for seed in seeds])
        loss = nn.functional.cross_entropy(network(batch), torch.tensor([seed % 2 for seed in seeds]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def _hits(method: Method, dims: int) -> float:
    """The share of fresh images on which the map is strongest in the square's quadrant."""
    hits = []
    for seed in range(9000, 9006):
        corner = _quadrant(dims, seed)
        found = method(_trained(dims), _image(dims, corner, seed), 1)
        strongest = np.unravel_index(int(found.argmax()), found.shape)
        hits.append(
            all((place >= SIDE[dims] // 2) == (start >= SIDE[dims] // 2) for place, start in zip(strongest, corner, strict=True))
        )
    return float(np.mean(hits))


@pytest.mark.parametrize("method", [grad_cam, occlusion_map])
def test_the_map_points_to_the_evidence(method: Method) -> None:
    assert _hits(method, 2) == 1.0


@pytest.mark.heavy
@pytest.mark.parametrize("method", [grad_cam, occlusion_map])
def test_the_map_of_a_volume_points_to_the_evidence(method: Method) -> None:
    assert _hits(method, 3) >= 0.6  # by chance an eighth; Grad-CAM has eight places along each axis of sixteen


def test_a_map_is_of_the_images_size_and_leaves_the_network_alone() -> None:
    network, image = _trained(2), _image(2, (3, 3), 1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for found in (grad_cam(network, image, 1), occlusion_map(network, image, 1)):
        assert found.shape == (24, 24) and found.dtype == np.float32 and (found.min(), found.max()) == (0.0, 1.0)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(weight.grad is None or not network.training for weight in network.parameters())


def test_nothing_that_speaks_for_a_class_gives_a_map_of_zeros() -> None:
    """Covering the square makes class 0 more probable wherever it is done, so its map is empty there."""
    found = occlusion_map(_trained(2), _image(2, (2, 2), 5), 0)
    assert found[2:8, 2:8].max() < 0.2


def _images(dims: int, count: int) -> list[tuple[Tensor, int]]:
    return [(_image(dims, _quadrant(dims, seed), seed), 1) for seed in range(9000, 9000 + count)]


@pytest.mark.parametrize("method", [grad_cam, pytest.param(occlusion_map, marks=pytest.mark.heavy)])
def test_maps_of_trained_weights_pass_the_sanity_test(method: Method) -> None:
    found = sanity_test(method, _trained(2), _images(2, 4))
    assert found.passed, found
    assert list(found.by_stage) == ["head", "levels.1", "levels.0"] and found.document()["passed"] is True


def test_a_method_that_shows_edges_fails_the_sanity_test() -> None:
    def edges(_network: nn.Module, image: Tensor, _value: int) -> Map:
        rows = torch.gradient(image[0], dim=0)[0].abs()
        return np.asarray(rows / rows.max(), dtype=np.float32)

    found = sanity_test(edges, _trained(2), _images(2, 2))
    assert not found.passed and found.correlation == pytest.approx(1.0)


def test_a_method_that_shows_nothing_fails_the_sanity_test() -> None:
    found = sanity_test(lambda _n, image, _v: np.zeros(image.shape[1:], dtype=np.float32), _trained(2), _images(2, 2))
    assert not found.passed and found.blank == 1.0


def test_the_sanity_test_leaves_network_and_generator_alone() -> None:
    network, state = _trained(2), torch.get_rng_state()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    sanity_test(grad_cam, network, _images(2, 1))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


def test_rank_correlation_by_hand() -> None:
    rising = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert rank_correlation(rising, rising**3) == pytest.approx(1.0)
    assert rank_correlation(rising, -rising) == pytest.approx(-1.0)
    assert rank_correlation(rising, np.ones((2, 3), dtype=np.float32)) == 0.0


@pytest.mark.parametrize("dims", [2, 3])
def test_grad_cam_of_a_segmentation(dims: int) -> None:
    torch.manual_seed(0)
    network = build("unet", {"spatial_dims": dims, "in_channels": 1, "out_channels": 3, "channels": [4, 8, 8]}).eval()
    image = torch.randn((1, *(16,) * dims))
    assert default_layer(network, image) is list(network.get_submodule("merge.0").modules())[-1]  # half resolution, going up
    found = grad_cam(network, image, 1)
    assert found.shape == (16,) * dims and 0.0 <= found.min() <= found.max() <= 1.0
