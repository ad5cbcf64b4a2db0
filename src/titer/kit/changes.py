"""What happened to a row, as the audit trail keeps it: which values, under which word, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState

from titer.kit import strokes
from titer.kit.owned import TenantOwned, TenantRoot, Versioned

if TYPE_CHECKING:
    from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one row: the values before and after, of the columns that changed."""

    row: TenantOwned | TenantRoot
    verb: str
    reason: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    #: The version that the change leaves behind; None where rows have none.
    version: int | None = None

    @classmethod
    def of(cls, label: "Label") -> "Change":
        """The change that is pending on a row, from the unit of work's own books."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        state: InstanceState[Any] = inspect(label.row)
        for attribute in state.mapper.column_attrs:
            column = attribute.columns[0]
            history = state.attrs[attribute.key].history
            if not history.has_changes() or column.info.get("kept_out_of_audit"):
                continue
            before[attribute.key] = history.deleted[0] if history.deleted else None
            after[attribute.key] = history.added[0] if history.added else None
        for name, (old, new) in label.beside.items():
            before[name], after[name] = old, new
        version = None
        if isinstance(label.row, Versioned):
            version = label.row.version + 1 if state.persistent else 1
        return cls(label.row, label.verb, label.reason, before, after, version)

    @classmethod
    def of_drawn(cls, label: "Label", before: Mapping[str, Any]) -> "Change":
        """The change of a row that was drawn below the ORM, which has its new version already."""
        now = label.row.__dict__
        kept = [name for name in before if not _kept_out(type(label.row), name)]
        was = {name: before[name] for name in kept}
        became = {name: now[name] for name in kept}
        for name, (old, new) in label.beside.items():
            was[name], became[name] = old, new
        return cls(label.row, label.verb, label.reason, was, became, now.get("version"))

    @classmethod
    def of_made(cls, row: TenantOwned, verb: str, values: Mapping[str, Any]) -> "Change":
        """The making of a row that is to be written below the ORM."""
        said = dict(values)
        for name in _never_told(type(row)):
            said.pop(name, None)
        return cls(row, verb, None, dict.fromkeys(said), said, values.get("version"))


@cache
def _never_told(model: Any) -> tuple[str, ...]:
    """What the making of a row does not say: an event names the record and its version itself."""
    columns = strokes.names_of(model)
    return ("id", "version", *(name for name in columns if _kept_out(model, name)))


@cache
def _kept_out(model: Any, name: str) -> bool:
    return bool(strokes.table_of(model).c[name].info.get("kept_out_of_audit"))


@dataclass(frozen=True, slots=True)
class Label:
    """What the next flush of a row means."""

    row: TenantOwned | TenantRoot
    verb: str
    reason: str | None = None
    beside: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


class Keeper(Protocol):
    """Keeps the audit trail: one event for each change, in the transaction of the change."""

    def tell(self, session: "TenantSession", changes: Sequence[Change]) -> None:
        """Have the session write the events."""
        ...

    async def told(self, session: "TenantSession") -> None:
        """What is left to do once the events are written."""
        ...
