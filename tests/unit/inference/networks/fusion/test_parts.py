"""Gates, cross-attention and the mean of scores, against what can be said of them by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inference.networks.fusion.cross import CrossAttention, places, pool, unpool
from inference.networks.fusion.gates import Gate, Per
from inference.networks.fusion.late import ScoreMean
from tests.unit.inference.networks.fusion.examples import flags


@pytest.mark.parametrize("per", ["voxel", "channel"])
def test_gates_share_one_among_the_present(per: Per) -> None:
    torch.manual_seed(0)
    gate, there = Gate(2, 6, per), flags("111", "101", "010")
    features = [torch.randn(3, 6, 4, 5) * there[:, m, None, None, None] for m in range(3)]
    weights = gate.weights(features, there)
    assert weights.shape == (3, 3, 1, 4, 5) if per == "voxel" else weights.shape == (3, 3, 6, 1, 1)
    assert torch.allclose(weights.sum(1), torch.ones(())) and bool((weights[~there] == 0).all())
    assert bool((weights[there] > 0).all()) and float(weights[0].detach().std()) > 0
    assert torch.equal(gate(features, there)[2], features[1][2]), "one alone goes through as it is"


def test_attention_is_the_formula() -> None:
    """One head, two modalities, two tokens each, one of the cases without the second modality."""
    torch.manual_seed(0)
    attend = CrossAttention(4, 1, 8)
    first, second = torch.randn(2, 4, 1, 2), torch.randn(2, 4, 1, 2)
    second[1] = 0
    told, _ = attend([first, second], flags("11", "10"))
    place = places((1, 2), 4)
    mine, theirs = (attend.norm(each[0].flatten(1).T) for each in (first, second))
    scores = attend.query(mine + place) @ attend.key(theirs + place).T / math.sqrt(4)
    weights = scores.exp() / (1 + scores.exp().sum(1, keepdim=True))
    context = attend.project(weights @ attend.value(theirs))
    assert torch.allclose(told[0], first[0] + context.T.view(4, 1, 2), atol=1e-6)
    assert torch.equal(told[1], first[1]), "there is nothing to read"


def test_attention_reads_at_most_so_many_tokens() -> None:
    seen: list[int] = []
    attend = CrossAttention(8, 2, 10)
    attend.query.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    features = [torch.randn(1, 8, 5, 7, 9) for _ in range(2)]
    assert [each.shape for each in attend(features, flags("11"))] == [(1, 8, 5, 7, 9)] * 2
    assert seen == [2, 2]  # 5 × 7 × 9 by 3 × 4 × 5 and 2 × 2 × 3 to 1 × 1 × 2


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 13), (3, 5, 6)])
def test_pooling_keeps_a_constant_and_the_place(size: tuple[int, ...]) -> None:
    constant = torch.full((1, 2, *size), 3.0)
    less, sizes = pool(constant, 4)
    assert math.prod(less.shape[2:]) <= 4 and torch.equal(unpool(less, sizes), constant)
    ramp = torch.arange(16.0).view(1, 1, 1, 16).expand(1, 1, 2, 16)
    back = unpool(*pool(ramp, 16))
    assert torch.allclose(back[..., 2:-2], ramp[..., 2:-2]), "linear interpolation keeps a ramp, but at its ends"


def test_places_differ() -> None:
    for size, channels in (((4, 5), 16), ((3, 4, 5), 16), ((4, 4), 6)):
        code = places(size, channels)
        assert code.shape == (math.prod(size), channels) and len(torch.unique(code, dim=0)) == len(code)


def test_scores_are_averaged_by_class() -> None:
    mean = ScoreMean(2, 4, 2, 3)
    with torch.no_grad():
        mean.theta.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, -1.0]]))
    weights = mean.weights(flags("111", "101", "010"))
    e = math.e
    assert torch.allclose(weights[0, :, 0], torch.tensor([1, e, e * e]) / (1 + e + e * e))
    assert torch.allclose(weights[1, :, 1], torch.tensor([e, 0, 1 / e]) / (e + 1 / e))
    assert torch.equal(weights[2], torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
