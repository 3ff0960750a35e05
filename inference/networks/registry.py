"""Names of architectures. A manifest says a name and keyword arguments; nothing else of a package decides what code runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from inference.networks.unet import UNet
from storage.base.errors import ModelError

_ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {"unet": UNet}


def names() -> tuple[str, ...]:
    """The names that ``build`` knows."""
    return tuple(sorted(_ARCHITECTURES))


def build(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build an architecture with fresh weights, in training mode.

    Parameters
    ----------
    name : one of ``names()``.
    arguments : keyword arguments of the architecture, plain JSON values.

    Raises
    ------
    ModelError
        Code ``network-invalid``, naming the unknown architecture or the wrong argument.
    """
    if name not in _ARCHITECTURES:
        raise ModelError(f"network {name!r} is unknown; use one of: {', '.join(names())}", code="network-invalid")
    try:
        return _ARCHITECTURES[name](**arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"network {name!r}: wrong arguments ({error}); correct network.arguments", code="network-invalid"
        ) from error
