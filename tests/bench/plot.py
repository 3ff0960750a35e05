"""Curves as text: one letter for each series, on a grid whose steps across are the given points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEIGHT = 16
STEP = 10


def plot(title: str, points: Sequence[int], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """The curves of ``series``, marked by the first letter of their names, from zero up; the highest letter wins a clash."""
    top = max(value for values in series.values() for value in values)
    grid = [[" "] * (STEP * len(points)) for _ in range(HEIGHT + 1)]
    for name, values in series.items():
        for column, value in enumerate(values):
            grid[HEIGHT - round(HEIGHT * value / top)][STEP * column + STEP // 2] = name[0]
    lines = [title] + [f"{top * (HEIGHT - row) / HEIGHT:8.0f} |{''.join(cells)}".rstrip() for row, cells in enumerate(grid)]
    lines.append(" " * 9 + "+" + "-" * (STEP * len(points)))
    lines.append(" " * 10 + "".join(f"{point:^{STEP}d}" for point in points))
    for name, values in series.items():
        lines.append(f"  {name[0]} {name} ({unit}): " + "  ".join(f"{value:.0f}" for value in values))
    return "\n".join(lines)
