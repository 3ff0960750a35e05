"""Numbers of a header: present and finite, absent, or a named refusal that doesn't quote them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.base.errors import InputError

Array = NDArray[np.float64]


def numbers(source: Dataset, keyword: str, count: int) -> Array | None:
    """The finite numbers of an attribute, None when absent or empty.

    Raises
    ------
    InputError
        Code ``missing-geometry``: it holds something else, or another count.
    """
    try:
        value = source.get(keyword)
        if value is None or value == "" or (count > 1 and len(value) == 0):
            return None
        numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (ValueError, TypeError, OverflowError) as error:
        raise unreadable(keyword, "isn't a number") from error
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise unreadable(keyword, f"isn't {count} finite number(s)")
    return numbers


def unreadable(keyword: str, what: str) -> InputError:
    """The refusal of an attribute that ``what`` is said of."""
    return InputError(f"{keyword} {what}; correct the header and resend", code="missing-geometry", attribute=keyword)
