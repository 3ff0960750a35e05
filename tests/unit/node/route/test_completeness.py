"""When a Study is complete, and what the clocks may do to that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.route.completeness import QuietWatch, Standing, proof_of, standings
from storage.evidence import Listing
from storage.studies import StudyQuiet

T0 = datetime(2026, 1, 1, tzinfo=UTC)
STUDY = StudyQuiet(1, "1.2.3", T0, 10, 0, frozenset({"MR"}), {})
HOUR = timedelta(hours=1)


def stands(study: StudyQuiet, age_s: float, *quiet_values: float, applied_at: datetime | None = None) -> list[str]:
    return [standing.stand for standing in standings(study, age_s, quiet_values, applied_at)]


def test_each_quiet_time_by_itself_shortest_first() -> None:
    assert stands(STUDY, 4.9, 60, 5) == ["waiting", "waiting"]
    assert stands(STUDY, 5.0, 60, 5) == ["due", "waiting"]
    assert stands(STUDY, 60.0, 60, 5) == ["due", "due"]
    assert stands(STUDY, 0.0, 0) == ["due"]


def test_an_open_association_keeps_everything_waiting() -> None:
    (standing,) = standings(replace(STUDY, open_associations=2), 1e6, [5], None)
    assert (standing.stand, standing.why) == ("waiting", "2 association(s) that brought part of it are open")


def test_while_no_receiver_runs_nothing_is_quiet() -> None:
    stopped = replace(STUDY, nobody_receives=True)
    (standing,) = standings(stopped, 1e6, [5], None)
    assert (standing.stand, standing.remaining_s) == ("waiting", 0.0) and "no receiver is running" in standing.why
    assert stands(replace(stopped, evaluated={5.0: 10}), 1e6, 5) == ["settled"]


def test_the_reason_says_how_long() -> None:
    (standing,) = standings(STUDY, 2.0, [5], None)
    assert (standing.why, standing.remaining_s) == ("quiet for 2.0 s, 5 s are asked for", 3.0)


def test_what_was_evaluated_is_due_again_only_when_the_study_grew() -> None:
    evaluated = replace(STUDY, evaluated={5.0: 10, 60.0: 9})
    assert stands(evaluated, 70, 5, 60) == ["settled", "due"]
    assert stands(replace(evaluated, arrival_count=11), 70, 5, 60) == ["due", "due"]


def test_new_rules_do_not_reopen_what_had_passed_their_quiet_time() -> None:
    evaluated = replace(STUDY, evaluated={60.0: 10})
    assert stands(evaluated, 3600, 5, applied_at=T0 + timedelta(seconds=30)) == ["settled"]
    assert stands(evaluated, 3600, 90, applied_at=T0 + timedelta(seconds=30)) == ["due"]
    assert stands(replace(evaluated, arrival_count=11), 3600, 5, applied_at=T0 + HOUR) == ["due"]
    assert stands(STUDY, 3600, 5, applied_at=T0 + HOUR) == ["due"], "never evaluated: the first rules apply"


def test_only_a_look_after_as_long_a_quiet_time_shows_that_new_rules_ask_for_a_passed_one() -> None:
    evaluated = replace(STUDY, evaluated={5.0: 10})
    assert stands(evaluated, 3600, 60, applied_at=T0 + HOUR / 2) == ["due"], "the rules before may have asked for it too"
    assert stands(evaluated, 3600, 3, applied_at=T0 + HOUR / 2) == ["settled"]
    assert stands(replace(evaluated, evaluated={5.0: 10, 60.0: 9}), 3600, 60, applied_at=T0 + HOUR / 2) == ["due"]


class Clocks:
    """Wall and monotonic time of one machine; the wall may be set."""

    def __init__(self) -> None:
        self.wall = T0
        self.monotonic_s = 500.0

    def age_s(self, watch: QuietWatch, *studies: StudyQuiet) -> float:
        return watch.ages_s(studies, self.wall, self.monotonic_s)[STUDY.study_id]

    def wait(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.monotonic_s += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_age_after_a_restart_is_the_walls(clocks: Clocks) -> None:
    clocks.wait(42)
    watch = QuietWatch()
    assert clocks.age_s(watch, STUDY) == 42
    clocks.wait(3)
    assert clocks.age_s(watch, STUDY) == 45


def test_age_is_counted_from_a_break_that_came_after_the_last_arrival(clocks: Clocks) -> None:
    broken = replace(STUDY, broken_off_at=T0 + timedelta(seconds=40))
    clocks.wait(42)
    assert clocks.age_s(QuietWatch(), broken) == 2
    assert clocks.age_s(QuietWatch(), replace(broken, broken_off_at=T0 - HOUR)) == 42


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_setting_the_clock_while_waiting_changes_nothing(clocks: Clocks, jump: timedelta) -> None:
    watch = QuietWatch()
    clocks.age_s(watch, STUDY)
    clocks.wait(10)
    clocks.wall += jump
    assert clocks.age_s(watch, STUDY) == 10
    clocks.wait(50)
    assert clocks.age_s(watch, STUDY) == 60


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_setting_the_clock_between_arrival_and_first_sight(clocks: Clocks, jump: timedelta) -> None:
    """A pass before bounds how old an arrival can be, so even this completes nothing early."""
    watch = QuietWatch()
    watch.ages_s([], clocks.wall, clocks.monotonic_s)
    arrived = replace(STUDY, last_arrival_at=clocks.wall)
    clocks.wall += jump
    clocks.wait(1)
    assert clocks.age_s(watch, arrived) <= 1
    clocks.wait(60)
    assert 60 <= clocks.age_s(watch, arrived) <= 61


def test_a_clock_set_back_before_a_restart_makes_it_wait_no_longer_than_once(clocks: Clocks) -> None:
    clocks.wall -= HOUR
    watch = QuietWatch()
    assert clocks.age_s(watch, STUDY) == 0
    clocks.wait(60)
    assert clocks.age_s(watch, STUDY) == 60


def test_growth_starts_anew_even_under_an_old_time_stamp(clocks: Clocks) -> None:
    """After the clock was set back, an arrival doesn't raise the last arrival time; the count tells."""
    watch = QuietWatch()
    clocks.age_s(watch, STUDY)
    clocks.wait(30)
    clocks.age_s(watch, STUDY)
    clocks.wait(1)
    assert clocks.age_s(watch, replace(STUDY, arrival_count=11)) <= 1


def test_studies_that_are_no_longer_named_are_forgotten(clocks: Clocks) -> None:
    watch = QuietWatch()
    clocks.age_s(watch, STUDY)
    clocks.wait(30)
    watch.ages_s([], clocks.wall, clocks.monotonic_s)
    clocks.wait(10)
    assert clocks.age_s(watch, STUDY) <= 10


# ---------------------------------------------------------------------------------------------------------------- evidence

ALL_HELD = Listing("mpps", "1.8", 10, 0, 0)


def with_evidence(study: StudyQuiet, age_s: float, *said: Listing) -> list[Standing]:
    return standings(study, age_s, [5, 60], None, said)


def test_evidence_that_names_what_is_held_and_no_more_makes_every_quiet_time_due() -> None:
    found = with_evidence(STUDY, 0.5, ALL_HELD)
    assert [(standing.stand, standing.by_evidence) for standing in found] == [("due", True), ("due", True)]
    assert found[0].why == "no association is open, MPPS 1.8 lists 10 instances, all held"


@pytest.mark.parametrize(
    "said",
    [
        replace(ALL_HELD, missing=1),
        replace(ALL_HELD, beyond=1),
        replace(ALL_HELD, unfinished=1),
        replace(ALL_HELD, listed=0),
    ],
)
def test_evidence_that_differs_from_what_is_held_leaves_it_to_quiet_time(said: Listing) -> None:
    assert [standing.stand for standing in with_evidence(STUDY, 5.0, said)] == ["due", "waiting"]
    assert not any(standing.by_evidence for standing in with_evidence(STUDY, 60.0, said))
    assert proof_of(said) is None


def test_one_kind_of_evidence_is_enough() -> None:
    said = (Listing("commitment", "1.9", 3, 0, 7), Listing("ian", "1.7", 10, 0, 0))
    (first, _) = with_evidence(STUDY, 0.0, *said)
    assert (first.stand, "availability notification 1.7" in first.why) == ("due", True)


def test_a_step_in_progress_says_that_other_lists_are_of_a_part() -> None:
    """A modality that asks for commitment after each series, and ends its procedure step after the last."""
    first_series = Listing("commitment", "1.9", 10, 0, 0)
    for said in ((Listing("mpps", "1.8", 0, 0, 10, unfinished=1), first_series), (first_series, replace(ALL_HELD, unfinished=1))):
        assert [s.stand for s in with_evidence(STUDY, 5.0, *said)] == ["due", "waiting"]
        assert not any(s.by_evidence for s in with_evidence(STUDY, 60.0, *said))


def test_evidence_waits_for_open_associations() -> None:
    assert [s.stand for s in with_evidence(replace(STUDY, open_associations=1), 0.0, ALL_HELD)] == ["waiting", "waiting"]


def test_evidence_completes_nothing_twice() -> None:
    evaluated = replace(STUDY, evaluated={5.0: 10, 60.0: 9})
    assert [s.stand for s in with_evidence(evaluated, 0.0, ALL_HELD)] == ["settled", "due"]


def test_evidence_holds_after_a_sender_was_cut_off() -> None:
    """What was aborted had brought all by then."""
    assert with_evidence(replace(STUDY, broken_off_at=T0), 0.0, ALL_HELD)[0].stand == "due"
