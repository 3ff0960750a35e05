"""Routing of a model of several Series over a real store: its job's inputs, late Series, and Series that may not be inputs."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from node.commands.narrative import story_lines
from storage import intake, packages
from storage.base.clock import ManualClock
from storage.database import Database
from storage.schema import Job, JobInput, ResultObject, Series
from storage.views.story import study_story
from tests.contract.test_routing import Node
from tests.support.packages import manifest
from tests.support.seeds import STUDY, done_job, instance, open_association

RULES = [{"name": "fused", "when": 'Modality == "CT"', "model": "fused", "deliver_to": ["pacs"], "quiet_s": 5}]
CT, PT = 1, 2


@pytest.fixture
def clock(db: Database) -> ManualClock:
    assert isinstance(db.clock, ManualClock)
    return db.clock


@pytest.fixture
def node(db: Database, clock: ManualClock) -> Node:
    made = Node(db, clock)
    made.rules(RULES)
    with db.write() as s:
        open_association(s)
        intake.note_association_closed(s, uid="a1", end="released", at=clock.utc())
    return made


def use(node: Node, *, optional: bool) -> None:
    inputs = [{"name": "ct", "modality": ["CT"]}, {"name": "pet", "modality": ["PT"], "optional": optional}]
    document = manifest("fused", inputs=inputs).model_dump(mode="json")
    with node.db.write() as s:
        packages.register(s, "fused", "1.0.0", "digest", "/nowhere", document, node.clock.utc())


def send(node: Node, series: int, modality: str, frame: str = "9", count: int = 2) -> None:
    node.send(series=series, modality=modality, header=_header(modality, frame), count=count)


def _header(modality: str, frame: str) -> dict[str, Any]:
    return {"00080060": {"vr": "CS", "Value": [modality]}, "00200052": {"vr": "UI", "Value": [frame]}}


def jobs_inputs(node: Node) -> list[dict[str, str]]:
    with node.db.read() as s:
        query = select(JobInput.job_id, JobInput.name, Series.series_instance_uid).join(Series, Series.id == JobInput.series_id)
        found: dict[int, dict[str, str]] = {}
        for job_id, name, uid in s.execute(query.order_by(JobInput.id)):
            found.setdefault(job_id, {})[name] = uid
    return list(found.values())


def told(node: Node) -> str:
    with node.db.read() as s:
        story = study_story(s, STUDY)
    assert story is not None
    return "\n".join(story_lines(story))


def test_both_series_are_inputs_of_one_job_and_shown(node: Node) -> None:
    use(node, optional=False)
    send(node, CT, "CT")
    send(node, PT, "PT")
    node.wait(6)
    assert jobs_inputs(node) == [{"ct": f"{STUDY}.1", "pet": f"{STUDY}.2"}]
    said = told(node)
    assert f"matched -> job 1: the condition holds, with pet {STUDY}.2" in said
    assert f"inputs: ct {STUDY}.1, pet {STUDY}.2" in said


def test_a_late_optional_series_makes_a_new_job_and_a_repeated_look_none(node: Node) -> None:
    use(node, optional=True)
    send(node, CT, "CT")
    node.wait(6)
    assert jobs_inputs(node) == [{"ct": f"{STUDY}.1"}]
    assert "the condition holds, without pet, which is optional: the study has no PT series" in told(node)
    send(node, PT, "PT")
    node.wait(6)
    assert jobs_inputs(node) == [{"ct": f"{STUDY}.1"}, {"ct": f"{STUDY}.1", "pet": f"{STUDY}.2"}]
    send(node, PT, "PT")
    node.wait(6)
    assert node.count(Job) == 2


def test_another_image_of_a_further_input_makes_a_new_job_and_one_of_no_input_none(node: Node) -> None:
    use(node, optional=False)
    send(node, CT, "CT")
    send(node, PT, "PT")
    node.wait(6)
    send(node, 3, "MR")
    node.wait(6)
    assert node.count(Job) == 1
    send(node, PT, "PT", count=3)
    node.wait(6)
    assert node.count(Job) == 2


def test_a_needed_series_is_waited_for_by_name(node: Node) -> None:
    use(node, optional=False)
    send(node, CT, "CT")
    send(node, PT, "PT", frame="8")
    node.wait(6)
    assert node.count(Job) == 0
    why = f"1 PT series, none in the frame of reference of {STUDY}.1"
    assert f"no match: the condition holds, but input pet is missing: {why}" in told(node)
    send(node, 3, "PT")
    node.wait(6)
    assert jobs_inputs(node) == [{"ct": f"{STUDY}.1", "pet": f"{STUDY}.3"}]
    send(node, 4, "PT")
    node.wait(6)
    assert node.count(Job) == 1
    assert f"but 2 series fit input pet ({STUDY}.3, {STUDY}.4); give the rule a condition under inputs.pet" in told(node)


def test_what_this_node_made_is_no_input(node: Node) -> None:
    use(node, optional=True)
    done_job(node.db)  # on series 1 of the study
    with node.db.read() as s:
        own = s.scalars(select(ResultObject.sop_instance_uid).where(ResultObject.role == "seg")).one()
    send(node, 3, "CT")
    node.receive(instance(1, series=4, modality="PT", header=_header("PT", "9"), sop_instance_uid=own))
    node.wait(6)
    assert jobs_inputs(node)[-1] == {"ct": f"{STUDY}.3"}
    assert "without pet, which is optional: the study has no PT series" in told(node)
