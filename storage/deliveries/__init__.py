"""Deliveries: one result object to one peer. Claimed under leases like jobs; the only writer of delivery rows.

A delivery whose dependency (the SEG that an SR refers to) isn't delivered stays pending; when the dependency has failed,
``last_error`` says so.
"""

from storage.deliveries.asking import add_deliveries, list_, retry
from storage.deliveries.claim import LEASE_MOST_S, claim_due, due, expired, reap_expired, release_former, renew, take
from storage.deliveries.fence import DeliveryClaim, Fence
from storage.deliveries.moves import fail, mark_delivered, retry_later
from storage.states import LeaseLost

__all__ = [
    "LEASE_MOST_S",
    "DeliveryClaim",
    "Fence",
    "LeaseLost",
    "add_deliveries",
    "claim_due",
    "due",
    "expired",
    "fail",
    "list_",
    "mark_delivered",
    "reap_expired",
    "release_former",
    "renew",
    "retry",
    "retry_later",
    "take",
]
