from __future__ import annotations

import io

from rich.console import Console

from storage.base.clock import ManualClock
from tests.unit.training.fit.task import cases, recipe
from training.fit.trainer import Trainer
from training.run.progress import Track


def shown(terminal: bool, seconds_a_step: float) -> str:
    """What a run of six steps shows, validated at the third and the sixth."""
    stream, clock = io.StringIO(), ManualClock()
    console = Console(file=stream, force_terminal=terminal, width=150)
    trainer = Trainer(recipe(), cases(), cases(3, seed=2))
    with Track(console, clock).fitting(trainer, "fold 2 of 5") as report:

        def slowly(step: int, figures: dict[str, float]) -> None:
            clock.sleep(seconds_a_step)
            report(step, figures)

        trainer.run(slowly)
    return stream.getvalue()


def test_plain_lines_at_validations_where_there_is_no_terminal() -> None:
    first, *lines = shown(terminal=False, seconds_a_step=2.0).splitlines()
    assert first == "fold 2 of 5: cpu, float32 (the recipe says so)" and [line.split()[5] for line in lines] == ["3/6", "6/6"]
    assert "2 samples/s  6 s left" in lines[0] and " dice 0." in lines[0] and "loss " in lines[0] and "0 s left" in lines[1]


def test_plain_lines_now_and_then_in_between() -> None:
    assert len(shown(terminal=False, seconds_a_step=16.0).splitlines()) == 7


def test_a_bar_on_a_terminal() -> None:
    text = shown(terminal=True, seconds_a_step=2.0)
    assert "6/6" in text and "samples/s" in text and "dice" in text
