"""Functions that conditions may call besides the language's own. Each is pure; a value that it can't read raises."""

from __future__ import annotations

import re

_DAYS = {"Y": 365.25, "M": 30.4375, "W": 7.0, "D": 1.0}


def age_years(age: str) -> float:
    """Years of an Age String such as ``045Y``, ``018M``, ``006W``, ``003D`` (PS3.5 6.2, VR AS)."""
    match = re.fullmatch(r"(\d{1,3})([DWMY])", age.strip(" "))
    if match is None:
        raise ValueError("no age string")
    return int(match[1]) * _DAYS[match[2]] / _DAYS["Y"]


def hour_of(time: str) -> int:
    """Hour 0..23 of a Time such as ``134502.25`` (PS3.5 6.2, VR TM), in the local time of whoever wrote it."""
    match = re.fullmatch(r"([01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?|60)?)?", time.strip(" "))
    if match is None:
        raise ValueError("no time")
    return int(match[1])
