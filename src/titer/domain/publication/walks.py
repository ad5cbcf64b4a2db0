"""Walks: a key goes through a list page by page, and each page begins where the last one ended.

Lists are cut into numbered pages, newest first: a test that comes while somebody walks through them
would push every later one on, and a page would show again what the one before it showed. So each
page begins where the one before it ended, as it was shown to that key: a row that is there during
the whole walk is seen exactly once, whatever comes, goes, or is committed late meanwhile.

Where the pages begin is noted down for some pages ahead, and noted anew only where a page turns out
to end elsewhere: a list in which nothing has happened is read without a write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, delete, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from titer.domain.publication.models import Walk
from titer.domain.publication.rules import Start, Trail
from titer.kit.db.types import Id
from titer.kit.prepared import KEY, TENANT, Prepared
from titer.kit.records import Records
from titer.kit.strokes import table_of

#: A walk that nobody has gone on with for so long is over.
_WALK_LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Numbered:
    """Which page of a list is wanted."""

    page: int
    per_page: int
    list: str


@dataclass(frozen=True, slots=True)
class Step:
    """Where a page of a list begins, and some pages after it, as a walk came to know."""

    list: str
    page: int
    starts: Sequence[Start]
    #: Whether the walk has just begun.
    begins: bool


class Walks(Records[Walk]):
    """The walks of whoever asks by a key."""

    model = Walk

    async def trail(self, window: Numbered) -> Trail:
        """Where the key's pages of the list begin, as far as that is known."""
        walks = await self.session.fetch(_TRAIL, list=window.list)
        return Trail.read(*walks[0]) if walks else Trail()

    async def note(self, step: Step) -> None:
        """Note where pages begin; with a walk's first page, forget walks that are long over."""
        if step.begins:
            await self._forget()
        walk = await self._walk(step.list)
        trail = Trail.read(walk.first_page, walk.starts).continued(step.page, step.starts)
        walk.first_page, walk.starts = trail.first, trail.spell()
        walk.noted_at = self.session.now
        await self.session.flush()

    async def _walk(self, name: str) -> Walk:
        """The key's walk through the list, locked until the commit."""
        nowhere = Trail()
        await self.session.insert_unless_taken(
            Walk,
            key_id=self._key_id,
            list=name,
            first_page=nowhere.first,
            starts=nowhere.spell(),
            noted_at=self.session.now,
        )
        own = Walk.key_id == self._key_id, Walk.list == name
        return (await self.session.scalars(select(Walk).where(*own).with_for_update())).one()

    async def _forget(self) -> None:
        over = self.session.now - _WALK_LASTS
        await self.session.execute(
            delete(Walk)
            .where(Walk.key_id == self._key_id, Walk.noted_at < over)
            .execution_options(synchronize_session=False)
        )

    @property
    def _key_id(self) -> int:
        key_id = self.session.actor.key_id
        assert key_id is not None, "only who asks by a key walks"
        return key_id


_WALKS = table_of(Walk).c
_OWN = (
    _WALKS.organization_id == TENANT,
    _WALKS.key_id == KEY,
    _WALKS.list == bindparam("list", type_=Text),
)
_TRAIL = Prepared(select(_WALKS.first_page, _WALKS.starts).where(*_OWN))


class _Entry(FunctionElement[str]):
    """An entry of a list that is kept as JSON, by its place; or with a part, that part of it."""

    inherit_cache = False

    def __init__(self, entries: Any, place: Any, part: int | None, kind: Any) -> None:
        self.part = part
        self.type = kind
        super().__init__(entries, place)


@compiles(_Entry, "postgresql")
def _entry_of_jsonb(element: Any, compiler: Any, **words: Any) -> str:
    entries, place = (compiler.process(clause, **words) for clause in element.clauses)
    entry = f"({entries})::jsonb -> ({place})::int"
    if element.part is None:
        return f"({entry})::text"
    kind = "bigint" if isinstance(element.type, BigInteger) else "text"
    return f"({entry} ->> {element.part})::{kind}"


@compiles(_Entry)
def _entry_of_json(element: Any, compiler: Any, **words: Any) -> str:
    entries, place = (compiler.process(clause, **words) for clause in element.clauses)
    part = "" if element.part is None else f" || '[{element.part}]'"
    return f"json_extract({entries}, '$[' || ({place}) || ']'{part})"


def start_of_page(kinds: Sequence[Any]) -> list[ColumnElement[Any]]:
    """Where the `page` that a statement is given begins, by the caller's walk through `list`.

    One column for each of what the list is ordered by; null where that is not known.
    """
    return [_noted(0, part, kind) for part, kind in enumerate(kinds)]


def start_of_next() -> ColumnElement[str]:
    """Where the page after that begins, as JSON; null where that is not known."""
    return _noted(1, None, Text())


def _noted(ahead: int, part: int | None, kind: Any) -> ColumnElement[Any]:
    page: Any = bindparam("page", type_=Id)
    wanted = page + ahead if ahead else page
    entry = _Entry(_WALKS.starts, wanted - _WALKS.first_page, part, kind)
    return select(entry).where(*_OWN, _WALKS.first_page <= wanted).scalar_subquery()
