"""How a check of a finished object fails: nothing is released, and the code names the check.

It is a ``ModelError``, so the job ends as failed instead of being tried again: the same input would give the same object.
"""

from __future__ import annotations

from storage.base.errors import ModelError


def expect(condition: bool, code: str, text: str) -> None:
    """Raise ``ModelError`` unless ``condition``; ``text`` must hold no value of a patient's attribute."""
    if not condition:
        raise ModelError(f"{text}; nothing was released", code=f"report-{code}")
