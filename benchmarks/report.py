"""The table: what was measured, beside what is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import Taken
from benchmarks.works import Work

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """One further measurement: what, how much, and what is wanted of it."""

    what: str
    amount: str
    goal: str = ""
    met: bool | None = None


@dataclass
class Report:
    """Everything that a run has found out."""

    preface: list[str] = field(default_factory=list)
    works: list[tuple[str, Work, Mapping[str, Taken]]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(
        self, what: str, amount: float, goal: float | None, *, unit: str = "x", most: bool = True
    ) -> None:
        """A figure that is to be at most its goal, or at least."""
        met = None if goal is None else (amount <= goal if most else amount >= goal)
        wanted = "" if goal is None else f"{'≤' if most else '≥'} {goal:g} {unit}"
        self.figures.append(Figure(what, f"{amount:.2f} {unit}", wanted, met))

    def text(self, *, markdown: bool) -> str:
        head = ["# Benchmark", ""] if markdown else []
        quoted = [f"- {line}" if markdown else line for line in self.preface]
        parts = [*head, *quoted, "", *_table(_WORKS, self._work_rows(), markdown=markdown)]
        parts += ["", *_table(_COSTS, self._cost_rows(), markdown=markdown)]
        if self.figures:
            parts += ["", *_table(_FIGURES, self._figure_rows(), markdown=markdown)]
        return "\n".join([*parts, "", *self.notes])

    def write(self, path: Path) -> None:
        path.write_text(self.text(markdown=True) + "\n", encoding="utf-8")

    def _work_rows(self) -> Rows:
        rows = []
        for place, work, taken in self.works:
            titer, floor, django = (taken.get(name) for name in ("Titer", "floor", "Django"))
            assert titer is not None
            share = titer.rate / floor.rate if floor else None
            times = titer.rate / django.rate if django else None
            tail = titer.p99 / titer.p50
            rows.append(
                (
                    f"{work.name}{place}",
                    *(_rate(each) for each in (titer, floor, django)),
                    _against(share, work.goal, "≥ {:.2f}"),
                    f"{floor.cpu / titer.cpu:.2f}" if floor else "",
                    _against(times, work.django if django else None, "≥ {:.0f} x"),
                    *(f"{titer.p50:.1f}", f"{titer.p99:.1f}", _against(-tail, -5.0, "≤ 5", tail)),
                )
            )
        return rows

    def _cost_rows(self) -> Rows:
        return [
            (
                f"{work.name}{place}",
                name,
                *(f"{each.cpu:.3f}", f"{each.database:.3f}", f"{each.client:.3f}"),
                *(f"{each.p50:.1f}", f"{each.p99:.1f}", f"± {each.spread / 2:.0%}"),
                *(f"{each.resident:.0f}", str(each.refused or "")),
            )
            for place, work, taken in self.works
            for name, each in taken.items()
        ]

    def _figure_rows(self) -> Rows:
        return [
            (each.what, each.amount, each.goal, {None: "", True: "yes", False: "NO"}[each.met])
            for each in self.figures
        ]


_WORKS = (
    *("work", "Titer /s", "floor /s", "Django /s", "of the floor", "by CPU", "of Django"),
    *("p50 ms", "p99 ms", "p99 / p50"),
)
_COSTS = (
    *("work", "by", "CPU ms", "database ms", "client ms", "p50 ms", "p99 ms", "windows"),
    *("MiB", "refused"),
)
_FIGURES = ("measured", "amount", "goal", "met")


def _rate(taken: Taken | None) -> str:
    if taken is None:
        return ""
    return f"{taken.rate:,.0f}" if taken.rate >= 10 else f"{taken.rate:.1f}"


def _against(
    value: float | None, goal: float | None, wanted: str, shown: float | None = None
) -> str:
    """A value beside its goal, and whether it is met."""
    if value is None:
        return ""
    told = f"{value if shown is None else shown:.2f}"
    if goal is None:
        return told
    return f"{told} ({wanted.format(goal)}{'' if value >= goal else ', NO'})"


def _table(head: Sequence[str], rows: Rows, *, markdown: bool) -> list[str]:
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    edge = "| " if markdown else ""
    between = " | " if markdown else "  "

    def spelled(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return (edge + between.join(cells) + edge[::-1]).rstrip()

    rule = "|".join(["", *("-" * (width + 2) for width in widths), ""])
    return [spelled(head), rule if markdown else "-" * len(spelled(head)), *map(spelled, rows)]
