"""A running node and its PACS, used as a hospital would: packages and rules by command, images by C-STORE."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from pydicom import dcmread

from tests.support import peers, validators
from tests.support.in_process import wetread_here
from tests.support.wetread_node import SCANNER, WetreadNode, wetread

CHECK_S = 300.0


@dataclass
class Line:
    """A running node and its PACS."""

    node: WetreadNode
    pacs: peers.OrthancPeer

    def use(self, package: Path, rule: dict[str, Any]) -> dict[str, Any]:
        """Add the package and put a rule for it in force, while the node runs."""
        added = wetread("models", "add", package, "--json", "--config", self.node.config, timeout_s=CHECK_S)
        assert added.returncode == 0, added.stderr
        rules = Path(self.node.settings["rules"])
        rules.write_text(yaml.safe_dump({"rules": [{"deliver_to": ["pacs"], "quiet_s": 1, **rule}]}))
        applied = wetread_here("rules", "apply", "--config", self.node.config)
        assert applied.returncode == 0, applied.stderr
        document: dict[str, Any] = json.loads(added.stdout)
        return document

    def send(self, study: Path) -> None:
        """C-STORE by DCMTK."""
        called = ("-aec", self.node.ae_title, "-aet", SCANNER, "+sd", "+r", self.node.host, str(self.node.port))
        sent = peers.run_tool("storescu", *called, study)
        assert sent.returncode == 0, sent.stderr

    def at_pacs(self, uid: str, folder: Path) -> dict[str, Path]:
        """The study's objects at the PACS by modality, each valid."""
        folder.mkdir()
        found = {}
        for content in self.pacs.files(StudyInstanceUID=uid):
            modality = str(dcmread(BytesIO(content)).Modality)
            found[modality] = folder / f"{modality}.dcm"
            found[modality].write_bytes(content)
        for path in found.values():
            assert validators.dciodvfy(path) == []
        return found
