"""A small writer of charts as SVG text: two linear axes, lines, points, bands, a legend. No script, no outside reference.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which colour-blind readers tell apart; lines also differ in
their dashes, so that a print in grey stays readable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("", "6 3", "2 2", "8 3 2 3", "4 4", "1 3")
_GREY = "#767676"
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 22, 30, 44
_SAMPLE, _LETTER, _ROW = 34, 6.4, 16  # of the legend: a line's sample with its margins, a letter, a row

_HALO = 'stroke="white" stroke-width="3" paint-order="stroke"'

Range = tuple[float, float]
Points = Iterable[tuple[float, float]]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within low .. high."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def padded(values: Sequence[float], share: float = 0.05) -> Range:
    """A range that holds all values and some air; of width 1 about a single value."""
    low, high = min(values), max(values)
    air = (high - low) * share or 0.5
    return low - air, high + air


class Chart:
    """One chart; marks are drawn in the order of the calls, over the axes.

    Parameters
    ----------
    x, y : the ranges shown, low before high.
    x_label, y_label : with the unit.
    rows : the y axis has no numbers; what stands at a height is said by ``note``.
    marks : places on the x axis and what is written there; round numbers where None.
    """

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        x: Range,
        y: Range,
        *,
        size: tuple[int, int] = (420, 300),
        rows: bool = False,
        marks: Mapping[float, str] | None = None,
    ) -> None:
        self._title, self._x, self._y = title, x, y
        self._width, self._height = size
        self._marks: list[str] = []
        self._legend: list[tuple[str, str, str]] = []
        across = {place: f"{place:g}" for place in ticks(*x)} if marks is None else marks
        self._axes = [*self._grid(across, () if rows else ticks(*y)), *self._labels(x_label, y_label)]

    def line(self, points: Points, name: str = "", number: int = 0) -> None:
        """Join points; ``number`` chooses colour and dashes."""
        colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)]
        places = " ".join(f"{self._across(x):.1f},{self._up(y):.1f}" for x, y in points)
        self._marks.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.8" {_dashed(dash)}/>')
        if name:
            self._legend.append((name, colour, dash))

    def guide(self, start: tuple[float, float], end: tuple[float, float], name: str = "") -> None:
        """A thin grey line, such as the diagonal."""
        (x1, x2), (y1, y2) = map(self._across, (start[0], end[0])), map(self._up, (start[1], end[1]))
        self._marks.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_GREY}" {_dashed("4 3")}/>')
        if name:
            self._marks.append(_text(x2 - 4, y2 - 4, name, "end", _GREY))

    def note(self, x: float, y: float, words: str) -> None:
        """Words that begin at a place."""
        self._marks.append(_text(self._across(x) + 4, self._up(y), words, "start", extra=_HALO))

    def dots(self, points: Points, number: int = 0, radius: float = 3.0) -> None:
        """Points by themselves, half see-through, so that many at one place show."""
        colour = COLOURS[number % len(COLOURS)]
        self._marks.extend(
            f'<circle cx="{self._across(x):.1f}" cy="{self._up(y):.1f}" r="{radius:g}" fill="{colour}" fill-opacity="0.55"/>'
            for x, y in points
        )

    def text(self) -> str:
        """The chart as one ``<svg>`` element; the legend stands below the axes, where no line runs through it."""
        rows = self._key_rows()
        height = self._height + _ROW * len(rows)
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width} {height}" role="img" class="chart"'
        title = escape(self._title)
        font = 'font-family="sans-serif" font-size="11"'
        body = "".join([*self._axes, *self._marks, *self._key(rows)])
        return f'{head} width="{self._width}" height="{height}" {font} aria-label="{title}"><title>{title}</title>{body}</svg>'

    def _across(self, x: float) -> float:
        share = (x - self._x[0]) / (self._x[1] - self._x[0])
        return _LEFT + share * (self._width - _LEFT - _RIGHT)

    def _up(self, y: float) -> float:
        share = (y - self._y[0]) / (self._y[1] - self._y[0])
        return self._height - _BOTTOM - share * (self._height - _TOP - _BOTTOM)

    def _grid(self, across: Mapping[float, str], heights: Sequence[float]) -> Iterable[str]:
        left, right, top, foot = _LEFT, self._width - _RIGHT, _TOP, self._height - _BOTTOM
        for x, words in across.items():
            yield f'<line x1="{self._across(x):.1f}" y1="{top}" x2="{self._across(x):.1f}" y2="{foot}" stroke="#e4e4e4"/>'
            yield _text(self._across(x), foot + 14, words, "middle")
        for y in heights:
            yield f'<line x1="{left}" y1="{self._up(y):.1f}" x2="{right}" y2="{self._up(y):.1f}" stroke="#e4e4e4"/>'
            yield _text(left - 5, self._up(y) + 4, f"{y:g}", "end")
        yield f'<path d="M{left} {top}V{foot}H{right}" fill="none" stroke="#333"/>'

    def _labels(self, x_label: str, y_label: str) -> Iterable[str]:
        middle = _TOP + (self._height - _TOP - _BOTTOM) / 2
        yield _text(self._width / 2, 16, self._title, "middle", extra='font-weight="bold" font-size="13"')
        yield _text(_LEFT + (self._width - _LEFT - _RIGHT) / 2, self._height - 10, x_label, "middle")
        yield _text(14, middle, y_label, "middle", extra=f'transform="rotate(-90 14 {middle:.0f})"')

    def _key_rows(self) -> list[list[tuple[float, str, str, str]]]:
        """The legend's entries in rows that the chart's width holds: where each begins, its name, colour and dashes."""
        rows: list[list[tuple[float, str, str, str]]] = []
        x = math.inf
        for name, colour, dash in self._legend:
            width = _SAMPLE + _LETTER * len(name)
            if x + width > self._width - 4:
                rows.append([])
                x = _LEFT
            rows[-1].append((x, name, colour, dash))
            x += width
        return rows

    def _key(self, rows: Sequence[Sequence[tuple[float, str, str, str]]]) -> Iterable[str]:
        """A sample of each line and its name."""
        for place, row in enumerate(rows):
            y = self._height + _ROW * place + 4
            for x, name, colour, dash in row:
                yield f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="{colour}" stroke-width="2" {_dashed(dash)}/>'
                yield _text(x + 26, y + 4, name, "start")


def _dashed(dash: str) -> str:
    return f'stroke-dasharray="{dash}"' if dash else ""


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#222", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" {extra}>{escape(words)}</text>'
