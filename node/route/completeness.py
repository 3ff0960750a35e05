"""When a Study is complete. Pure but for what `QuietWatch` remembers; reads no clock and no row by itself.

A Study has been quiet for q seconds when no association that brought part of it is open, its last arrival is q seconds old, and
so is the abort or loss of any association that brought part of it, and the last start of any receiver that had brought part of it
before: while a receiver is down nobody can send. While all have stopped in order, no Study is quiet. The end of an association
completes nothing by itself. Each q is looked at by itself, once for every growth of the Study; a quiet time that new
rules bring in doesn't reopen a Study that had passed it, and was looked at after one as long, before they were applied.

Evidence takes the place of quiet time: where a peer has said what the Study holds, all that it named is held, and nothing else
is held of the Study, then every quiet time is due at once, as soon as no association that brought part of it is open. A list that
names more than is held, or less, proves nothing and changes nothing: quiet time decides. While a procedure step of the Study is
in progress, no list proves anything: commitment may be asked for series by series.

Ages are counted by the monotonic clock from when an arrival or break is first seen, so that setting the wall clock neither
completes a Study early nor keeps it waiting. Only after a restart must the persisted wall time be believed, and never below zero.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from storage.evidence import Kind, Listing
from storage.studies import StudyQuiet

Stand = Literal["due", "waiting", "settled"]
NAMES: Mapping[Kind, str] = {"mpps": "MPPS", "commitment": "storage commitment request", "ian": "availability notification"}


@dataclass(frozen=True)
class Standing:
    """How a Study stands to one quiet time, and why in words. ``remaining_s``: 0 unless time alone is missing.

    ``by_evidence``: it is due because of what a peer has said, before the quiet time or after.
    """

    quiet_s: float
    stand: Stand
    why: str
    remaining_s: float = 0.0
    by_evidence: bool = False


def standings(
    study: StudyQuiet,
    age_s: float,
    quiet_values: Collection[float],
    applied_at: datetime | None,
    evidence: Sequence[Listing] = (),
) -> list[Standing]:
    """How a Study stands to each quiet time, shortest first.

    Parameters
    ----------
    age_s : seconds since the last arrival or break, as `QuietWatch.ages_s` gives it.
    applied_at : when the rules in force were applied; None without rules.
    evidence : what peers have said of the Study.
    """
    under_way = any(listing.unfinished for listing in evidence)  # who makes the Study says that there is more to come
    proof = None if under_way else next((found for listing in evidence if (found := proof_of(listing))), None)
    return [_standing(study, age_s, quiet_s, applied_at, proof) for quiet_s in sorted(quiet_values)]


def proof_of(listing: Listing) -> str | None:
    """Why a listing shows that the Study is complete; None where it doesn't."""
    if listing.unfinished or not listing.listed or listing.missing or listing.beyond:
        return None
    return f"{NAMES[listing.kind]} {listing.source_uid} lists {listing.listed} instances, all held"


def _standing(study: StudyQuiet, age_s: float, quiet_s: float, applied_at: datetime | None, proof: str | None) -> Standing:
    if study.evaluated.get(quiet_s, 0) >= study.arrival_count:
        return Standing(quiet_s, "settled", "this content was evaluated")
    passed_at = study.quiet_since + timedelta(seconds=quiet_s)
    # Only a look after a quiet time as long proves that this one, had it been asked for, would have been taken.
    evaluated = any(q >= quiet_s and count >= study.arrival_count for q, count in study.evaluated.items())
    if evaluated and applied_at is not None and passed_at < applied_at:
        return Standing(quiet_s, "settled", "this quiet time had passed before the rules that ask for it were applied")
    if study.open_associations:
        return Standing(quiet_s, "waiting", f"{study.open_associations} association(s) that brought part of it are open")
    if proof is not None:
        return Standing(quiet_s, "due", f"no association is open, {proof}", by_evidence=True)
    if study.nobody_receives:
        return Standing(quiet_s, "waiting", "no receiver is running, so nobody can send what may be missing")
    if age_s < quiet_s:
        why = f"quiet for {age_s:.1f} s, {quiet_s:g} s are asked for"
        return Standing(quiet_s, "waiting", why, quiet_s - age_s)
    return Standing(quiet_s, "due", f"no association is open, quiet for {age_s:.1f} s")


@dataclass(frozen=True)
class _Sight:
    last_known: tuple[int, datetime, datetime | None]
    age_s: float
    monotonic_s: float


class QuietWatch:
    """Ages of Studies' last arrivals and breaks, robust against jumps of the wall clock."""

    def __init__(self) -> None:
        self._sights: dict[int, _Sight] = {}
        self._last_pass_s: float | None = None

    def ages_s(self, studies: Sequence[StudyQuiet], as_of: datetime, monotonic_s: float) -> dict[int, float]:
        """Seconds since the last arrival or break of each Study, by its row id; Studies that aren't named are forgotten.

        Parameters
        ----------
        as_of, monotonic_s : the moment, by either clock, up to which every arrival and break is known.
        """
        self._sights = {study.study_id: self._sight(study, as_of, monotonic_s) for study in studies}
        self._last_pass_s = monotonic_s
        return {key: sight.age_s + max(0.0, monotonic_s - sight.monotonic_s) for key, sight in self._sights.items()}

    def _sight(self, study: StudyQuiet, as_of: datetime, monotonic_s: float) -> _Sight:
        known = self._sights.get(study.study_id)
        last_known = (study.arrival_count, study.last_arrival_at, study.broken_off_at)
        if known and known.last_known == last_known:
            return known
        age_s = max(0.0, (as_of - study.quiet_since).total_seconds())
        if self._last_pass_s is not None:  # what the pass before didn't know of has come since
            age_s = min(age_s, max(0.0, monotonic_s - self._last_pass_s))
        return _Sight(last_known, age_s, monotonic_s)
