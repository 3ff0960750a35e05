"""What the demo leaves behind: SEG and SR as the PACS gave them back, and a picture and a text made from those two files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from pydicom import dcmread

from node.demo.fetch import Wanted, fetch
from node.demo.pacs import Pacs
from storage.base.errors import WetreadError

Document = dict[str, Any]


def collect(story: Document, pacs: Pacs, calling_ae_title: str, out_dir: Path, source: Path) -> list[Path]:
    """Fetch every delivered object into ``out_dir``, and render it; returns the files in the order made."""
    files: list[Path] = []
    for job in story["jobs"]:
        fetched = {
            result["role"]: _fetched(story, job, result, pacs, calling_ae_title, out_dir)
            for result in job["results"]
            if result["sop_instance_uid"] and _delivered(result)
        }
        files += fetched.values()
        if "sr" in fetched:
            files += _render(fetched, source, out_dir, job["model"])
    return files


def all_delivered(story: Document) -> bool:
    """Whether there was a job, all are done, and all their objects reached their destinations."""
    jobs = story["jobs"]
    deliveries = [d for job in jobs for result in job["results"] for d in result["deliveries"]]
    return bool(jobs) and all(job["state"] == "done" for job in jobs) and all(d["state"] == "delivered" for d in deliveries)


def _delivered(result: Document) -> bool:
    return any(d["state"] == "delivered" for d in result["deliveries"])


def _fetched(story: Document, job: Document, result: Document, pacs: Pacs, calling_ae_title: str, out_dir: Path) -> Path:
    path = out_dir / f"{job['model']}-{result['role']}.dcm"
    if pacs.keeps:
        wanted = Wanted(
            study_instance_uid=story["study_instance_uid"],
            series_instance_uid=result["series_instance_uid"],
            sop_instance_uid=result["sop_instance_uid"],
            sop_class_uid=result["sop_class_uid"],
            path=path,
        )
        fetch(pacs, calling_ae_title, wanted)
        return path
    for received in pacs.received.glob("received-*.dcm"):
        if dcmread(received, stop_before_pixels=True).SOPInstanceUID == result["sop_instance_uid"]:
            return received.rename(path)
    raise WetreadError(f"the Storage SCP did not keep the {result['role']} object")


def _render(fetched: dict[str, Path], source: Path, out_dir: Path, model: str) -> list[Path]:
    """Picture and text from the fetched files, by the inference package as a process."""
    text, picture = out_dir / f"{model}-sr.txt", out_dir / f"{model}-overlay.png"
    command = [sys.executable, "-m", "inference", "render", "--sr", str(fetched["sr"]), "--text", str(text)]
    if "seg" in fetched:
        command += ["--seg", str(fetched["seg"]), "--source", str(source), "--picture", str(picture)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise WetreadError(f"the results could not be rendered: {last}")
    return [path for path in (picture, text) if path.exists()]
