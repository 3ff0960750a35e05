"""What people read of the store, on both databases: the same documents."""

from __future__ import annotations

import json

from storage import deliveries, studies
from storage.database import Database
from storage.views import list_deliveries, list_jobs, list_packages, overview, study_progress, study_story
from tests.support.seeds import STUDY, done_job


def _deliver_all(db: Database) -> None:
    while claims := deliveries.take(db, "w", 30.0, 9):
        for claim in claims:
            with db.write() as s:
                deliveries.mark_delivered(s, claim.fence, 0, db.clock.utc())


def test_an_empty_store_has_an_overview_and_no_story(db: Database) -> None:
    with db.read() as s:
        document = overview(s)
        assert study_story(s, STUDY) is None
        assert study_progress(s, STUDY).arrivals == 0
    assert document["studies"] == 0
    assert set(document["jobs"].values()) == {0}


def test_the_story_tells_the_whole_way_and_is_json(db: Database) -> None:
    job_id = done_job(db)
    with db.read() as s:
        before = study_story(s, STUDY)
        assert not study_progress(s, STUDY).over
    _deliver_all(db)
    with db.read() as s:
        story = study_story(s, STUDY)
    assert before is not None and story is not None
    assert json.loads(json.dumps(story)) == story
    (job,) = story["jobs"]
    assert (job["id"], job["state"], job["destinations"][0]["peer"]) == (job_id, "done", "pacs")
    assert [r["role"] for r in job["results"] if r["deliveries"]] and len(job["results"]) == 3
    assert {d["state"] for r in before["jobs"][0]["results"] for d in r["deliveries"]} == {"pending"}
    assert {d["last_status"] for r in job["results"] for d in r["deliveries"]} == {"0x0000"}
    assert story["series"][0]["instances"] == story["revisions"][0]["instances"] == 3


def test_counts_and_lists_agree(db: Database) -> None:
    done_job(db)
    with db.read() as s:
        document, jobs, waiting, packages = overview(s), list_jobs(s, "done"), list_deliveries(s, "pending"), list_packages(s)
    assert document["jobs"]["done"] == len(jobs) == 1
    assert document["deliveries"]["pending"] == len(waiting) == 2
    assert document["packages"]["active"] == len(packages) == 1
    assert document["instances"] == 3


def test_a_failed_segmentation_leaves_nothing_under_way_and_names_the_commands(db: Database) -> None:
    done_job(db)
    (seg,) = deliveries.take(db, "w", 30.0, 9)
    with db.write() as s:
        deliveries.fail(s, seg.fence, 0xA900, "it will not take it", db.clock.utc())
        (study,) = studies.pending_studies(s)
        studies.settle(s, study.study_id, study.arrival_count)
    with db.read() as s:
        story, progress = study_story(s, STUDY), study_progress(s, STUDY)
    assert story is not None
    assert sorted(progress.delivery_states) == ["blocked", "failed"]
    assert f"`wetread deliveries retry {seg.id}`" in story["next"]
    assert progress.over
