"""How each task hangs into the training step: what is drawn, what the network is asked, what is minimised and measured."""

from __future__ import annotations

from training.fit.duties.choose import duty_of
from training.fit.duties.duty import Drawn, Duty

__all__ = ["Drawn", "Duty", "duty_of"]
