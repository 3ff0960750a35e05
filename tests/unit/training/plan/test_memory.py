"""The estimate against what a process really takes, in a process of its own so that nothing else counts.

What malloc has given out is counted, not what is resident: that depends on how much memory others leave.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from inference.networks import names
from training.plan.memory import need_of

FACTOR = 1.5
"""How far estimate and measured peak may lie apart, either way."""

UNET = ("unet", {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [16, 32, 64]}, 2, (40, 56, 40))

MEASURE = """
import ctypes, json, sys, threading, torch
from inference.networks import build

class Mallinfo(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Mallinfo

def used():
    found = mallinfo()
    return found.hblkhd + found.uordblks

name, arguments, batch, patch = json.loads(sys.argv[1])
torch.set_num_threads(1)
before, most, done = used(), 0, threading.Event()

def watch():
    global most
    while not done.wait(0.001):
        most = max(most, used())

watcher = threading.Thread(target=watch)
watcher.start()
network = build(name, arguments)
optimizer = torch.optim.AdamW(network.parameters())
for _ in range(2):
    optimizer.zero_grad()
    network(torch.randn(batch, 1, *patch)).softmax(1).square().mean().backward()
    optimizer.step()
done.set()
watcher.join()
print(most - before)
"""


@pytest.mark.heavy
def test_estimate_is_near_the_measured_peak() -> None:
    name, arguments, batch, patch = UNET
    done = subprocess.run([sys.executable, "-c", MEASURE, json.dumps(UNET)], capture_output=True, text=True, check=True)
    measured, estimated = int(done.stdout), need_of(name, arguments, batch, 1, patch).bytes
    assert 1 / FACTOR < estimated / measured < FACTOR


@pytest.mark.parametrize("name", [name for name in names() if name != "swin-unetr"])
def test_every_network_can_be_estimated(name: str) -> None:
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2}
    assert need_of(name, arguments, 2, 1, (64, 64)).bytes > 2 * 64 * 64 * 4


@pytest.mark.heavy
def test_networks_of_monai_can_be_estimated() -> None:
    arguments = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "width": 12}
    assert need_of("swin-unetr", arguments, 2, 1, (32, 32, 32)).parameters > 100_000


def test_estimate_grows_with_batch_and_patch_but_not_faster() -> None:
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [4, 8]}
    small, double = (need_of("unet", arguments, batch, 1, (32, 32)) for batch in (2, 4))
    larger = need_of("unet", arguments, 2, 1, (64, 32))
    assert small.parameters == double.parameters and small.bytes < double.bytes <= 2 * small.bytes
    assert double.bytes == pytest.approx(larger.bytes, rel=0.02)
