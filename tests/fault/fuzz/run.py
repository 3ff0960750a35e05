"""The fuzzer's loop: lives of a real receiver, batches of cases from several peers at once, the oracle after each batch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from node.receive.pool.config import PathName
from tests.fault.fuzz import seeds
from tests.fault.fuzz.client import Heard, deliver
from tests.fault.fuzz.exchange import Exchange
from tests.fault.fuzz.mutate import Case, case
from tests.fault.fuzz.oracle import Oracle
from tests.support.attacks import good_echo
from tests.support.besieged import Besieged, besieged

PEERS = 4
BATCH = 100
BATCHES_OF_A_LIFE = 100
MOST_HELD = 12
LIMITS = {"request_s": 2.0, "pdu_s": 2.0, "idle_s": 5.0, "send_s": 5.0, "linger_s": 0.5}


@dataclass
class Summary:
    """What a run did and found."""

    seconds: float = 0.0
    cases: int = 0
    lives: int = 0
    stored: int = 0
    acknowledged: int = 0
    slowest_echo_s: float = 0.0
    growth_bytes: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For a person."""
        head = (
            f"{self.cases} cases in {self.seconds:.0f} s, {self.lives} lives of the receiver; {self.acknowledged} instances "
            f"acknowledged, {self.stored} held; slowest C-ECHO of a good peer {self.slowest_echo_s:.3f} s; "
            f"largest growth of resident memory {self.growth_bytes / 2**20:.1f} MiB"
        )
        answers = ", ".join(f"{status} x {count}" for status, count in sorted(self.statuses.items()))
        found = "".join(f"\n  {line}" for line in self.findings) or " none"
        return f"{head}\nanswers: {answers}\nfindings:{found}"


def fuzz(folder: Path, seed: int, seconds: float, path: PathName = "fast", first: int = 0, most: int | None = None) -> Summary:
    """Run cases ``first``, ``first`` + 1, … of a seed until the time is over or ``most`` of them have run."""
    begun_s = time.monotonic()
    end_s = begun_s + seconds
    summary = Summary()
    number = first
    while time.monotonic() < end_s and (most is None or summary.cases < most):
        home = folder / f"life-{summary.lives}"
        home.mkdir(parents=True)
        with besieged(home, path=path, listen={"request_s": 2.0}, limits=LIMITS) as receiver:
            number = _live(receiver, home, path, seed, number, end_s, most, summary)
        summary.lives += 1
    summary.seconds = time.monotonic() - begun_s
    return summary


def _live(
    receiver: Besieged, home: Path, path: PathName, seed: int, number: int, end_s: float, most: int | None, summary: Summary
) -> int:
    """One life of a receiver, from case ``number`` on; the number of the next case."""
    good_echo(receiver.port)
    starts = [*seeds.made(), *seeds.recorded(receiver.port, home / "recorded"), *seeds.of_test_data()]
    if path == "fast":  # the stock path lets a release overtake requests that nobody waited for
        assert all(heard_well(receiver.port, start) for start in starts if start.name in ("echo", "stores", "dcmtk"))
    oracle = Oracle(receiver.pid, receiver.port, receiver.log)
    with ThreadPoolExecutor(PEERS) as peers:
        for _ in range(BATCHES_OF_A_LIFE):
            size = BATCH if most is None else min(BATCH, most - summary.cases)
            if size <= 0 or time.monotonic() >= end_s:
                break
            cases = [case(starts, seed, n) for n in range(number, number + size)]
            _batch(peers.map(lambda one: deliver(receiver.port, one), cases), oracle, summary)
            number += size
            summary.cases += size
            if receiver.process.poll() is not None:
                oracle.find(f"the receiver ended with {receiver.process.returncode} by case {number}")
                break
    summary.stored += oracle.at_the_end(receiver.folders)
    summary.findings += [line for line in oracle.findings if line not in summary.findings]
    summary.slowest_echo_s = max([summary.slowest_echo_s, *oracle.echoes_s])
    summary.growth_bytes = max(summary.growth_bytes, oracle.growth_bytes)
    return number


def _batch(all_heard: Iterable[Heard], oracle: Oracle, summary: Summary) -> None:
    kept = []
    for heard in all_heard:
        oracle.hear(heard)
        summary.statuses.update(heard.statuses)
        summary.acknowledged += len(heard.acknowledged)
        if heard.held is not None:
            kept.append(heard.held)
        while len(kept) > MOST_HELD:
            kept.pop(0).close()
    for connection in kept:
        connection.close()
    oracle.after_batch()


def heard_well(port: int, exchange: Exchange) -> bool:
    """Whether a sound exchange, sent as it is, has all its requests answered: else mutations of it would find little."""
    heard = deliver(port, Case(-1, exchange.name, b"".join(exchange.pdus()), (), "half"))
    return not heard.hung and len(heard.statuses) == len(exchange.said)


def replay(port: int, starts: Sequence[Exchange], seed: int, number: int) -> Heard:
    """One case once more."""
    return deliver(port, case(starts, seed, number))
