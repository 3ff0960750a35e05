"""`wetread status` and `wetread show`: what the node holds and the whole story of one Study."""

from __future__ import annotations

from typing import Annotated

import typer

from node.commands import narrative
from node.commands.console import ConfigOption, JsonOption, clear_errors, database_of, out, print_json, settings_of
from node.commands.spool_view import spool_overview
from storage.base.errors import WetreadError
from storage.base.uids import check_uid
from storage.views import overview, study_story


@clear_errors
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The node at a glance: studies, jobs, deliveries, spool, and what needs a person."""
    settings = settings_of(config)
    with database_of(settings) as db, db.read() as session:
        document = {**overview(session), "spool": spool_overview(settings.store.spool)}
    if as_json:
        print_json(document)
        return
    for line in narrative.status_lines(document):
        out.print(line, markup=False)


@clear_errors
def show(
    study_instance_uid: Annotated[str, typer.Argument(metavar="STUDY_UID")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The whole story of a Study: what came in, which rule matched or why none did, what ran, what was sent, what is next."""
    settings = settings_of(config)
    uid = check_uid(study_instance_uid)
    with database_of(settings) as db, db.read() as session:
        story = study_story(session, uid)
    if story is None:
        raise WetreadError(f"no study {uid} here: check the UID, or `wetread status` for what is still in the spool")
    if as_json:
        print_json(story)
        return
    for line in narrative.story_lines(story):
        out.print(line, markup=False)
