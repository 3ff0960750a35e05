"""One pass over the Studies that wait: those whose quiet time is reached are evaluated, the others go on waiting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from node.route.completeness import QuietWatch, standings
from node.route.evaluate import Look, Outcome, evaluate
from node.route.ruleset import RuleSet, RulesInForce
from node.settings import CompletionSettings
from storage.base.errors import ConfigError, TransientError
from storage.base.log import get_logger
from storage.database import Database
from storage.decisions import latest_rules
from storage.evaluations import note_failure
from storage.evidence import Listing, listings
from storage.studies import StudyQuiet, pending_studies, settle

_log = get_logger(__name__)


class Sweep:
    """Keeps between passes what tells a Study's age: build one a process."""

    def __init__(self, db: Database, completion: CompletionSettings) -> None:
        self._db = db
        self._completion = completion
        self._watch = QuietWatch()
        self._in_force = RulesInForce()

    def run(self, as_of: datetime, monotonic_s: float) -> int:
        """Evaluate what is due; returns how many looks were taken.

        Parameters
        ----------
        as_of, monotonic_s : a moment, by either clock, such that everything received before it is indexed.

        Raises
        ------
        TransientError
            The database doesn't answer; the next pass goes on.
        """
        with self._db.read() as s:
            studies = pending_studies(s)
            said = listings(s, [study.study_instance_uid for study in studies])
            version = latest_rules(s)
        rules = self._in_force.of(version)
        ages_s = self._watch.ages_s(studies, as_of, monotonic_s)
        return sum(
            self._guarded(study, ages_s[study.study_id], rules, said.get(study.study_instance_uid, [])) for study in studies
        )

    def _guarded(self, study: StudyQuiet, age_s: float, rules: RuleSet, said: Sequence[Listing]) -> int:
        try:
            return self._study(study, age_s, rules, said)
        except (TransientError, ConfigError):
            raise
        except Exception as error:  # noqa: BLE001  # one Study that trips over a bug of ours must not keep the others from being routed
            _log.exception("study.evaluation-failed", study_instance_uid=study.study_instance_uid)
            with self._db.write() as s:
                note_failure(s, study.study_id, study.arrival_count, type(error).__name__, self._db.clock.utc())
            return 0

    def _study(self, study: StudyQuiet, age_s: float, rules: RuleSet, said: Sequence[Listing]) -> int:
        quiet_values = rules.quiet_values(study.modalities, self._completion)
        stands = standings(study, age_s, quiet_values, rules.applied_at, said)
        due = [stand for stand in stands if stand.stand == "due"]
        waiting = any(stand.stand == "waiting" for stand in stands)
        for number, stand in enumerate(due, 1):
            last = number == len(due) and not waiting
            look = Look(study, stand.quiet_s, rules, self._completion, last, stand.why)
            self._log_outcome(look, evaluate(self._db, look))
        if not due and not waiting:
            with self._db.write() as s:
                settle(s, study.study_id, study.arrival_count)
        return len(due)

    def _log_outcome(self, look: Look, outcome: Outcome) -> None:
        _log.info(
            "study.evaluated",
            study_instance_uid=look.study.study_instance_uid,
            quiet_s=look.quiet_s,
            why=look.why,
            revision=outcome.revision,
            matched=outcome.matched,
            new_jobs=outcome.new_jobs,
            repeated=outcome.repeated,
        )
