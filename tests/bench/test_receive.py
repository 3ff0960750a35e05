"""How fast instances are taken in: our receiver beside Orthanc, storescp and stock pynetdicom, same senders and same files.

Only what is stored can fail a test, never a time: whether a goal is met stands in the table (README.md explains it). Ours
answers success when an instance is durable; of the peers Orthanc syncs its files, storescp and pynetdicom sync nothing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.bench.conftest import Sizes
from tests.bench.contest import Report, Row, contest
from tests.bench.limits import durable_files_per_s
from tests.bench.objects import Batch
from tests.bench.plot import plot
from tests.bench.receivers import (
    LARGEST_PDU,
    Setup,
    orthanc_receiver,
    stock_receiver,
    storescp_receiver,
    wetread,
    without_nagle,
)
from tests.bench.senders import (
    by_bytes,
    by_bytes_one_each,
    by_echoscu,
    by_pynetdicom,
    by_storescu,
    by_storescu_one_each,
)
from tests.support.certificates import authority

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RELAXED = [{"name": "scanner", "calling": ["SCANNER"], "durability": "os"}]
MANY: dict[str, dict[str, int]] = {"node": {"max_associations": 200}, "receive": {"max_per_host": 200}}
OURS = Setup("Wetread", wetread())
OURS_OS = Setup("Wetread, os", wetread(sources=RELAXED))
OURS_STOCK_PATH = Setup("Wetread, stock path", wetread(receive={"path": "stock"}))
ORTHANC = Setup("Orthanc", orthanc_receiver())
STORESCP = Setup("storescp", storescp_receiver())
STORESCP_LARGE = Setup("storescp +B, 128 KiB PDU", storescp_receiver("+B", "-pdu", str(LARGEST_PDU)))
STORESCP_FORK = Setup("storescp --fork", storescp_receiver("--fork"))
STOCK = Setup("pynetdicom", stock_receiver())
STOCK_ALL = Setup("pynetdicom, all syntaxes", stock_receiver("all"))
MIB = 2**20


def test_ct_as_shipped(ct: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    costs = contest(tmp_path, [OURS, ORTHANC], ct, partial(by_storescu, batch=ct), sizes.repeats)
    costs |= contest(tmp_path, [STORESCP, STOCK], ct, partial(by_storescu, batch=ct), 1)
    ours = costs["Wetread"].wall_s
    work = f"{sizes.ct} CT, storescu as shipped"
    report.add(Row(work, "s", ours, "Orthanc", costs["Orthanc"].wall_s, goal=4.0))
    report.add(Row(work, "s", ours, "storescp", costs["storescp"].wall_s))
    report.add(Row(work, "s", ours, "pynetdicom", costs["pynetdicom"].wall_s))


def test_ct_without_nagle(ct: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    setups = [without_nagle(s) for s in (OURS, OURS_OS, OURS_STOCK_PATH, ORTHANC, STORESCP, STORESCP_LARGE, STOCK)]
    costs = contest(tmp_path, setups, ct, partial(by_storescu, batch=ct), sizes.repeats)
    work = f"{sizes.ct} CT, storescu, no Nagle"
    ours, relaxed = costs[OURS.name], costs[OURS_OS.name]
    report.add(Row(work, "s", ours.wall_s, "Orthanc", costs["Orthanc"].wall_s, goal=1.5))
    report.add(Row(f"{work}, durability os", "s", relaxed.wall_s, "storescp", costs["storescp"].wall_s, goal=1 / 1.5))
    for setup in (OURS_STOCK_PATH, STORESCP_LARGE, STOCK):
        report.add(Row(work, "s", ours.wall_s, setup.name, costs[setup.name].wall_s))
    for setup in (OURS_STOCK_PATH, ORTHANC, STORESCP, STOCK):
        _add_cpu(report, f"CPU per CT, {sizes.ct}", ours.cpu_s, setup.name, costs[setup.name].cpu_s, sizes.ct, None)


def test_small_instances(small: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    setups = [without_nagle(s) for s in (OURS, OURS_STOCK_PATH, ORTHANC, STORESCP, STOCK)]
    costs = contest(tmp_path, setups, small, partial(by_storescu, batch=small), sizes.repeats)
    ours = costs[OURS.name]
    for setup in (OURS_STOCK_PATH, ORTHANC, STORESCP, STOCK):
        report.add(Row(f"{sizes.small} of 8 KiB, no Nagle", "s", ours.wall_s, setup.name, costs[setup.name].wall_s))
    for setup in (STOCK, OURS_STOCK_PATH, ORTHANC, STORESCP):
        goal = 4.0 if setup is STOCK else None
        _add_cpu(report, "CPU per 8 KiB instance", ours.cpu_s, setup.name, costs[setup.name].cpu_s, sizes.small, goal)
    shipped = contest(tmp_path, [OURS, ORTHANC], small, partial(by_storescu, batch=small), 1)
    work = f"{sizes.small} of 8 KiB, as shipped"
    report.add(Row(work, "s", shipped["Wetread"].wall_s, "Orthanc", shipped["Orthanc"].wall_s))


def test_pynetdicom_as_sender(ct: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    costs = contest(tmp_path, [OURS, ORTHANC, STOCK], ct, partial(by_pynetdicom, batch=ct), 1)
    for setup in (ORTHANC, STOCK):
        work = f"{sizes.ct} CT, pynetdicom as sender"
        report.add(Row(work, "s", costs[OURS.name].wall_s, setup.name, costs[setup.name].wall_s))


def test_large_object(large: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    costs = contest(tmp_path, [without_nagle(s) for s in (OURS, STORESCP_LARGE)], large, partial(by_storescu, batch=large), 1)
    ours, theirs = costs[OURS.name], costs[STORESCP_LARGE.name]
    work = f"one object of {sizes.large_bytes / 1e9:g} GB"
    report.add(Row(f"{work}, resident", "MB", ours.peak_bytes / 1e6, STORESCP_LARGE.name, theirs.peak_bytes / 1e6, limit=100))
    report.add(Row(work, "s", ours.wall_s, STORESCP_LARGE.name, theirs.wall_s))
    report.add(Row(f"{work}, CPU", "s", ours.cpu_s, STORESCP_LARGE.name, theirs.cpu_s))


def test_one_association_per_image(single: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    setups = [without_nagle(s) for s in (OURS, STOCK, STOCK_ALL, ORTHANC, STORESCP)]
    costs = contest(tmp_path, setups, single, partial(by_bytes_one_each, batch=single), min(2, sizes.repeats))
    work = f"{sizes.single} associations of 1 image"
    for setup in (STOCK, STOCK_ALL, ORTHANC, STORESCP):
        goal = 5.0 if setup in (STOCK, STOCK_ALL) else None
        report.add(Row(work, "s", costs[OURS.name].wall_s, setup.name, costs[setup.name].wall_s, goal=goal))
    _add_cpu(report, f"CPU, {work}", costs[OURS.name].cpu_s, STOCK.name, costs[STOCK.name].cpu_s, sizes.single, None)
    dcmtk = contest(tmp_path, setups[:2], single, partial(by_storescu_one_each, batch=single), 1)
    report.add(Row(f"{work}, storescu", "s", dcmtk[OURS.name].wall_s, STOCK.name, dcmtk[STOCK.name].wall_s))


@pytest.mark.parametrize("associations", [4, 16])
def test_associations(ct: Batch, sizes: Sizes, tmp_path: Path, report: Report, associations: int) -> None:
    setups = [without_nagle(s) for s in (OURS, ORTHANC, STORESCP_FORK)]
    costs = contest(tmp_path, setups, ct, partial(by_storescu, batch=ct, associations=associations), min(2, sizes.repeats))
    for setup in (ORTHANC, STORESCP_FORK):
        work = f"{sizes.ct} CT, {associations} associations, no Nagle"
        report.add(Row(work, "s", costs[OURS.name].wall_s, setup.name, costs[setup.name].wall_s))


def test_tls(ct: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    pki = authority(tmp_path / "pki")
    node, scanner = pki.pair("node"), pki.pair("scanner")
    ca = str(pki.certificate)
    ours = wetread(tls={"certificate": str(node.certificate), "key": str(node.key), "ca": ca})
    files = {"Certificate": str(node.certificate), "PrivateKey": str(node.key), "TrustedCertificates": ca}
    theirs = orthanc_receiver(DicomTlsEnabled=True, **{f"DicomTls{key}": value for key, value in files.items()})
    setups = [
        Setup("Wetread", ours),
        Setup("Orthanc", theirs),
        Setup("storescp", storescp_receiver("+tls", str(node.key), str(node.certificate), "+cf", ca)),
    ]
    options = ("+tls", scanner.key, scanner.certificate, "+cf", ca)
    send, warm = partial(by_storescu, batch=ct, options=options), partial(by_echoscu, options=options)
    costs = contest(tmp_path, [without_nagle(setup) for setup in setups], ct, send, min(2, sizes.repeats), warm)
    for name in ("Orthanc", "storescp"):
        report.add(Row(f"{sizes.ct} CT by TLS, no Nagle", "s", costs["Wetread"].wall_s, name, costs[name].wall_s))


def test_throughput_over_associations(ct: Batch, sizes: Sizes, tmp_path: Path, report: Report) -> None:
    setups = [Setup("Wetread", wetread(**MANY)), Setup("os: Wetread, durability os", wetread(**MANY, sources=RELAXED))]
    curves: dict[str, list[float]] = {"Wetread": [], "os: Wetread, durability os": [], "Disk, fdatasync": []}
    for count in sizes.curve:
        costs = contest(tmp_path, setups, ct, partial(by_bytes, batch=ct, associations=count), 1)
        for name, cost in costs.items():
            curves[name].append(sizes.ct / cost.wall_s)
        curves["Disk, fdatasync"].append(durable_files_per_s(tmp_path / "disk", count, 512 * 1024, sizes.ct))
    report.notes.append(plot("CT of 512 KiB per second over the number of associations", sizes.curve, curves, "CT/s"))


def _add_cpu(report: Report, work: str, ours_s: float, peer: str, theirs_s: float, count: int, goal: float | None) -> None:
    report.add(Row(work, "ms", 1000 * ours_s / count, peer, 1000 * theirs_s / count, goal=goal))
