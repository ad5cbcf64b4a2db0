"""How commands speak: one JSON object on standard output, or sentences; the rest on standard error.

A command that cannot do what it was asked raises `Stop`, or lets a `Problem` of the domain pass;
`entry.main` says it once and leaves with 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from titer.kit.clock import spell

T = TypeVar("T")

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")
]
#: Below this many steps a bar would be gone before it is read.
_WORTH_A_BAR = 200


class Stop(Exception):
    """The command ends here: a slug for machines, a sentence that says what to do next."""

    def __init__(self, slug: str, sentence: str, **facts: Any) -> None:
        self.slug = slug
        self.sentence = sentence
        self.facts = facts
        super().__init__(sentence)


def show(facts: Mapping[str, Any], *sentences: str, as_json: bool) -> None:
    """The answer of a command: the facts for a machine, or the sentences for a person."""
    if as_json:
        typer.echo(orjson.dumps(facts, _plain, orjson.OPT_PASSTHROUGH_DATETIME).decode())
        return
    for sentence in sentences:
        typer.echo(sentence)


def show_rows(
    name: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, as_json: bool
) -> None:
    """A list under `name`: as it is for a machine, or a table with these headings for a person."""
    if as_json:
        show({name: rows}, as_json=True)
        return
    table = Table(*columns.values())
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console(soft_wrap=True).print(table)


def tell(sentence: str) -> None:
    """A remark by the way, on standard error."""
    typer.echo(sentence, err=True)


def tracked(steps: Sequence[T], doing: str) -> Iterable[T]:
    """The steps themselves, with a bar on standard error when there are many to watch."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=len(steps) < _WORTH_A_BAR,
    )
    with bar:
        yield from bar.track(steps, description=doing)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(_plain(value))


def _plain(value: Any) -> Any:
    """What JSON has no word for: a moment as every face spells it, an exact decimal as text."""
    return spell(value) if isinstance(value, datetime) else str(value)
