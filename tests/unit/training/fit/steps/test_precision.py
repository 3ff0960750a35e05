from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from storage.base.errors import ConfigError
from tests.unit.training.fit.task import cases, digest, fitted, recipe, silent
from training.fit.steps.optimize import check_finite, optimize
from training.fit.steps.precision import choose_device, choose_precision
from training.fit.trainer import Trainer

_CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "expected", "reason"),
    [
        ({"avx512_bf16": True}, "bf16", "AVX512-BF16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16", "AMX"),
        ({"avx2": True}, "float32", "no bfloat16 instructions"),
    ],
)
def test_auto_takes_bf16_only_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, bool], expected: str, reason: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    found = choose_precision("auto", _CPU)
    assert found.name == expected and reason in found.reason


@pytest.mark.parametrize(("bfloat16", "expected"), [(True, "bf16"), (False, "fp16")])
def test_auto_on_a_gpu(monkeypatch: pytest.MonkeyPatch, bfloat16: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_keywords: bfloat16)
    assert choose_precision("auto", torch.device("cuda")).name == expected


def test_what_is_asked_for_is_taken_or_refused() -> None:
    assert choose_precision("bf16", _CPU).name == "bf16" and choose_precision("float32", _CPU).reason == "the recipe says so"
    with pytest.raises(ConfigError, match=r"fit\.precision: fp16 needs a CUDA device"):
        choose_precision("fp16", _CPU)


@pytest.mark.parametrize("name", ["gpu", "mps", "cuda:99", "cuda:-1"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="--device"):
        choose_device(name)


def test_bf16_learns_and_resumes_with_the_same_bytes(tmp_path: Path) -> None:
    told = recipe(precision="bf16", steps=4)
    whole = fitted(told)
    Trainer(told, cases(), cases(3, seed=2)).run(silent, tmp_path / "checkpoint.pt", until=2)
    again = Trainer(told, cases(), cases(3, seed=2))
    again.resume(tmp_path / "checkpoint.pt")
    again.run(silent)
    assert digest(again) == digest(whole) != digest(fitted(recipe(steps=4)))
    assert {value.dtype for value in whole.network.parameters()} == {torch.float32}


def test_a_scaled_step_that_overflows_is_skipped_and_the_scale_halved() -> None:
    """The scaler on a CPU stands in for the one on CUDA."""
    layer = nn.Linear(2, 1, bias=False)
    before = layer.weight.detach().clone()
    optimizer, scaler = torch.optim.SGD(layer.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(layer(torch.tensor([[torch.inf, 1.0]])).sum()).backward()
    norm = optimize([*layer.parameters()], optimizer, scaler, clip_norm=1.0)
    assert torch.equal(layer.weight, before) and scaler.get_scale() == 4.0
    check_finite(0, 1.0, norm, scaled=True)
    with pytest.raises(ConfigError, match="step 1: the gradient is not finite"):
        check_finite(0, 1.0, norm, scaled=False)
    optimizer.zero_grad()
    scaler.scale(layer(torch.tensor([[3.0, 4.0]])).sum()).backward()
    assert optimize([*layer.parameters()], optimizer, scaler, clip_norm=1.0) == pytest.approx(
        5.0
    )  # unscaled before it is clipped
    assert torch.allclose(before - layer.weight, torch.tensor([[0.06, 0.08]]), atol=1e-5)
