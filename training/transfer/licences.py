"""Under which terms weights stand that were fitted from others: licences as SPDX expressions.

Fitting on data and starting from weights are both taken as making derived works, which is the careful reading.
"""

from __future__ import annotations

from storage.base.errors import ConfigError

_FREE = {"CC0-1.0", "Unlicense", "0BSD"}
_SHARE_ALIKE = {"CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only"}
_GOES_UNDER = {  # what a share-alike licence takes in: permissive terms, whose notices stay in the attribution
    "CC-BY-SA-4.0": {"CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"},
    "CC-BY-SA-3.0": {"CC-BY-3.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"},
    "CC-BY-NC-SA-4.0": {"CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-4.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"},
}
_OF_ONE_KIND = ({"CC-BY-3.0", "CC-BY-4.0"},)


def combined(ours: str, source: str) -> str:
    """The licence of weights whose own terms are ``ours`` and that started from weights under ``source``.

    A share-alike licence takes in what may go under it; of terms of one kind the later stays; else both hold, joined by AND.

    Raises
    ------
    ConfigError
        Code ``licence-missing``: one is blank. ``licence-conflict``: two share-alike licences that exclude each other, or one
        of them with terms that it can't take in.
    """
    for key, value in (("package.weights_licence", ours), ("transfer.licence", source)):
        if not value.strip():
            raise ConfigError(f"{key}: is blank; state the terms, such as CC-BY-4.0", code="licence-missing")
    parts: list[str] = []
    for licence in [*_split(ours), *_split(source)]:
        parts = _add(parts, licence)
    return " AND ".join(parts)


def _split(expression: str) -> list[str]:
    return [part.strip() for part in expression.split(" AND ")]


def _add(parts: list[str], licence: str) -> list[str]:
    """``parts`` with one more licence, each left out that another takes in."""
    if licence in parts or (licence in _FREE and parts):
        return parts
    parts = [part for part in parts if part not in _FREE]
    if any(_takes_in(part, licence) for part in parts):
        return parts
    rest = [part for part in parts if not _takes_in(licence, part)]
    for strict, other in [(licence, part) for part in rest] + [(part, licence) for part in rest]:
        if strict in _SHARE_ALIKE:
            message = f"weights under {other} can't be passed on under {strict}, which asks for its own terms; start from others"
            raise ConfigError(message, code="licence-conflict")
    return [*rest, licence]


def _takes_in(wide: str, narrow: str) -> bool:
    """Whether work under ``narrow`` may be passed on under ``wide`` alone."""
    later = any({wide, narrow} <= kind and wide > narrow for kind in _OF_ONE_KIND)
    return later or narrow in _GOES_UNDER.get(wide, set())
