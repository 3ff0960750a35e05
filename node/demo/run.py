"""The demo's run, step by step. Nothing here knows how the node works inside: it sends, watches, and fetches back.

Every run has its own temporary store, free ports and PACS, so a second run meets nothing of the first and gives the same.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.commands.console import err, out
from node.deliver import scu
from node.deliver.status import Verdict
from node.demo import results, table, watch
from node.demo.node import QUIET_S, SENDER_AE_TITLE, DemoNode, running_node
from node.demo.pacs import Pacs, missing_packages, running_pacs
from node.demo.study import DemoStudy, make_phantom, read_study
from storage.base.clock import Clock, SystemClock
from storage.base.errors import ConfigError, PeerError, TransientError, WetreadError
from storage.database import open_database
from storage.views import study_story

PACS_START_S = 60.0
SUMMARY = "demo.json"


@dataclass
class DemoRun:
    """One run; ``keep`` None means a temporary folder that is removed at the end."""

    dicom_dir: Path | None
    out_dir: Path
    keep: Path | None
    clock: Clock = field(default_factory=SystemClock)

    def run(self) -> bool:
        """Run it all; True when every job ended in objects that the PACS holds."""
        self._fresh_out_dir()
        with self._work_folder() as work:
            study = self._study(work)
            with running_pacs(work / "pacs", SENDER_AE_TITLE, self.out_dir) as pacs:
                self._wait_for_pacs(pacs)
                with running_node(work, pacs, self.clock) as node:
                    return self._through(study, node, pacs)

    def _through(self, study: DemoStudy, node: DemoNode, pacs: Pacs) -> bool:
        out.print(f"sending {len(study.objects)} instances of study {study.study_instance_uid} to {node.ae_title}", markup=False)
        db = open_database(node.database, self.clock)
        try:
            with watch.bars() as bars, ThreadPoolExecutor(1) as scanner:
                sending = scanner.submit(self._send, study, node)
                watch.watch(db, study.study_instance_uid, len(study.objects), QUIET_S, bars, self.clock, sending)
                sent_s = sending.result()
            with db.read() as session:
                story = study_story(session, study.study_instance_uid)
        finally:
            db.dispose()
        assert story is not None
        files = results.collect(story, pacs, SENDER_AE_TITLE, self.out_dir, study.folder)
        table.print_tables(story, study.descriptions, sent_s, files, pacs)
        self._write_summary(story, files)
        return results.all_delivered(story)

    def _send(self, study: DemoStudy, node: DemoNode) -> float:
        """C-STORE everything; returns the seconds that it took."""
        start_s = self.clock.monotonic_s()
        for sent in scu.send(node, SENDER_AE_TITLE, study.objects):
            if sent.verdict is not Verdict.STORED:
                raise WetreadError(f"the node refused an instance: {sent.reason}")
        return self.clock.monotonic_s() - start_s

    def _study(self, work: Path) -> DemoStudy:
        if self.dicom_dir is not None:
            return read_study(self.dicom_dir)
        folder = work / "phantom"
        with out.status("making a CT phantom study"):
            make_phantom(folder)
        return read_study(folder)

    def _wait_for_pacs(self, pacs: Pacs) -> None:
        if not pacs.keeps:
            packages = " or ".join(missing_packages())
            err.print(
                f"no PACS takes part: install the Debian package {packages}; results go to a plain Storage SCP", style="yellow"
            )
        deadline_s = self.clock.monotonic_s() + PACS_START_S
        while True:
            try:
                scu.echo(pacs, SENDER_AE_TITLE)
                out.print(f"{pacs.product} answers at {pacs.host}:{pacs.port}", markup=False)
                return
            except (TransientError, PeerError):
                if self.clock.monotonic_s() > deadline_s:
                    raise WetreadError(f"{pacs.product} did not answer within {PACS_START_S:.0f} s") from None
                self.clock.sleep(0.2)

    @contextmanager
    def _work_folder(self) -> Iterator[Path]:
        if self.keep is None:
            with tempfile.TemporaryDirectory(prefix="wetread-demo-") as folder:
                yield Path(folder)
            return
        if self.keep.exists() and any(self.keep.iterdir()):
            raise ConfigError(f"--keep: {self.keep} is not empty; name a new folder")
        self.keep.mkdir(parents=True, exist_ok=True)
        yield self.keep.resolve()

    def _fresh_out_dir(self) -> None:
        """Make the folder, and remove from it what a former demo listed as its own."""
        try:
            self.out_dir.mkdir(parents=True, exist_ok=True)
            summary = self.out_dir / SUMMARY
            if summary.exists():
                for name in json.loads(summary.read_text())["files"]:
                    (self.out_dir / Path(name).name).unlink(missing_ok=True)
                summary.unlink()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"--out: {summary} is not a demo's; remove it or name another folder") from error
        except OSError as error:
            raise ConfigError(f"--out: {self.out_dir} can't be written ({error.strerror}); name a writable folder") from error

    def _write_summary(self, story: dict[str, Any], files: list[Path]) -> None:
        document = {"files": [path.name for path in files], "study": story}
        (self.out_dir / SUMMARY).write_text(json.dumps(document, indent=2) + "\n")
