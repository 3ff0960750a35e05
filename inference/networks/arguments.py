"""Checks of keyword arguments that come as JSON values; each ``ValueError`` names the argument and what it may be."""

from __future__ import annotations

from collections.abc import Sequence

WIDEST = 4096


def whole(name: str, value: object, *, least: int = 1, most: int = WIDEST) -> int:
    """``value`` as a whole number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return value


def whole_list(name: str, values: object, *, count: int | None = None, fewest: int = 1, most: int = WIDEST) -> list[int]:
    """``values`` as a list of positive whole numbers: exactly ``count`` of them, else ``fewest`` to 64."""
    low, high = (count, count) if count is not None else (fewest, 64)
    if isinstance(values, str) or not isinstance(values, Sequence) or not low <= len(values) <= high:
        wanted = f"{count} numbers" if count is not None else f"{fewest} to 64 numbers"
        raise ValueError(f"{name} must be a list of {wanted}, not {values!r}")
    return [whole(f"{name}[{index}]", value, most=most) for index, value in enumerate(values)]


def choice(name: str, value: object, *options: str | int) -> None:
    """Refuse what is none of ``options``."""
    if isinstance(value, bool) or not any(type(value) is type(option) and value == option for option in options):
        listed = ", ".join(map(str, options[:-1]))
        raise ValueError(f"{name} must be {listed} or {options[-1]}, not {value!r}")


def share(name: str, value: object) -> float:
    """``value`` as a number from 0 to below 1: the share of features that dropout sets to zero."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < 1.0:
        raise ValueError(f"{name} must be a number from 0 to below 1, not {value!r}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """``value`` as true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def common(spatial_dims: object, in_channels: object, out_channels: object, norm: object = "batch") -> None:
    """The arguments that every network takes."""
    choice("spatial_dims", spatial_dims, 2, 3)
    whole("in_channels", in_channels)
    whole("out_channels", out_channels)
    choice("norm", norm, "batch", "instance")
