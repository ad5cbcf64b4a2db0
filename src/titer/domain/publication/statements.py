"""What clients are told, as statements below the ORM: built once for each way to narrow them."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
)

from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.publication.lists import Numerable
from titer.domain.publication.rules import Stage
from titer.domain.reference.models import CustomField
from titer.domain.reference.rules import Resource
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.rules import TestStatus
from titer.kit.db.types import Id, Instant
from titer.kit.prepared import CLIENT, TENANT, Prepared
from titer.kit.records import equals
from titer.kit.strokes import table_of

_T, _S = table_of(SampleTest), table_of(Sample)
_K, _P, _O = table_of(Sku), table_of(Product), table_of(Order)


class PublishedTest(NamedTuple):
    """What answers are made of: a test, its sample, and what the sample is of."""

    id: int
    status: str
    specification: str
    started_at: Any
    verified_at: Any
    notes: str | None
    created_at: Any
    updated_at: Any
    #: As its JSON.
    custom_fields: str
    test_definition_id: int
    test_name: str
    panel: bool
    entered_at: Any
    result: str | None
    result_operator: str | None
    result_value: Any
    unit: str | None
    spec_min: Any
    spec_max: Any
    loq: Any
    sample_id: int
    sample_name: str | None
    sample_lot: str | None
    sample_batch: str | None
    sample_composite: bool
    sample_number_of_composites: int
    sample_serving_size: str | None
    sample_tracking_id: str
    sample_client_name: str
    sample_status: str
    sample_created_at: Any
    sample_updated_at: Any
    sample_reported_at: Any
    sample_sku_id: int | None
    sample_order_id: int | None
    sku_name: str | None
    sku_code: str | None
    product_id: int | None
    product_name: str | None
    order_status: str | None
    order_ordered_at: Any
    order_orderer_email: str | None
    order_orderer_name: str | None


class PublishedAnalyte(NamedTuple):
    """The result of one analyte of a panel."""

    analyte_id: int
    name: str
    result: str | None
    result_operator: str | None
    result_value: Any
    unit: str | None
    specification: str
    spec_min: Any
    spec_max: Any
    loq: Any


def _columns(table: Table, prefix: str = "") -> list[ColumnElement[Any]]:
    """The table's columns that `PublishedTest` has under this prefix, in its order."""
    mine = f"{prefix}_" if prefix else ""
    return [
        _told(table.c[name.removeprefix(mine)]).label(name)
        for name in PublishedTest._fields
        if (name.startswith(mine) if mine else not name.startswith(_PREFIXES))
    ]


def _told(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column; an object of texts as its JSON, which hardly anybody looks into."""
    return cast(column, Text) if isinstance(column.type, JSON) else column


_PREFIXES = ("sample_", "sku_", "product_", "order_")
_OWN_OF = {_T: "", _S: "sample", _K: "sku", _P: "product", _O: "order"}


def _dressed(test: FromClause, further: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Tests with their samples, and with what those are of."""
    of_sku = and_(_K.c.organization_id == TENANT, _K.c.id == test.c.sample_sku_id)
    of_product = and_(_P.c.organization_id == TENANT, _P.c.id == _K.c.product_id)
    of_order = and_(_O.c.organization_id == TENANT, _O.c.id == test.c.sample_order_id)
    together = test.outerjoin(_K, of_sku).outerjoin(_P, of_product).outerjoin(_O, of_order)
    told = [each for table in (_K, _P, _O) for each in _columns(table, _OWN_OF[table])]
    return select(*test.c, *told, *further).select_from(together)


def _of_tests(*, narrowed: bool) -> Select[Any]:
    """Tests with their samples."""
    own = [_S.c.client_id == CLIENT] if narrowed else []
    of_sample = and_(_S.c.organization_id == _T.c.organization_id, _S.c.id == _T.c.sample_id)
    return (
        select(*_columns(_T), *_columns(_S, "sample"))
        .select_from(_T.join(_S, of_sample))
        .where(_T.c.organization_id == TENANT, *own)
    )


@cache
def test(*, narrowed: bool) -> Prepared:
    wanted = _of_tests(narrowed=narrowed).where(_T.c.id == bindparam("id", type_=Id))
    return Prepared(_dressed(wanted.subquery("test"), ()))


@lru_cache(maxsize=256)
def tests(*, narrowed: bool, stage: Stage | None, given: tuple[str, ...]) -> Numerable:
    conditions = [_narrowed_by(name) for name in given]
    if stage is not None:
        conditions += _at_stage(stage)
    rows = _of_tests(narrowed=narrowed).where(*conditions)
    return Numerable(rows, (_T.c.id,), descending=True, dress=_dressed)


def _narrowed_by(name: str) -> ColumnElement[bool]:
    if name == "updated_since":
        since = bindparam(name, type_=Instant)
        return or_(_T.c.updated_at >= since, _S.c.updated_at >= since)
    if name == "sku_code":
        coded = bindparam(name, type_=Text)
        wanted = select(_K.c.id).where(_K.c.organization_id == TENANT, _K.c.code == coded)
        return _S.c.sku_id.in_(wanted)
    return _S.c[name] == bindparam(name, type_=_S.c[name].type)


def _at_stage(stage: Stage) -> list[ColumnElement[bool]]:
    if stage is Stage.PUBLISHED:
        return [_S.c.reported_at.is_not(None)]
    held: list[ColumnElement[bool]] = [_S.c.reported_at.is_(None)]
    if stage is Stage.COMPLETED:
        return [*held, _T.c.status != TestStatus.PENDING]
    started = _T.c.entered_at
    shown = started.is_not(None) if stage is Stage.IN_PROGRESS else started.is_(None)
    return [*held, _T.c.status == TestStatus.PENDING, shown]


_F = table_of(CustomField)
FIELDS = Prepared(
    select(_F.c.key, _F.c.name)
    .where(_F.c.organization_id == TENANT, _F.c.resource == Resource.TEST.value)
    .order_by(_F.c.id)
)
ORDER_COLUMNS = (
    *("id", "status", "payment_status", "ordered_at", "paid_at", "received_at", "created_at"),
    *("updated_at", "orderer_email", "orderer_name"),
)
PRODUCT_COLUMNS = (
    *("id", "name", "brand", "supplier", "product_type", "shelf_life", "lot_lookup_enabled"),
    *("pdp_embed_enabled", "show_limits_on_pip", "created_at", "updated_at"),
)
#: A variant's columns; its product's id and name follow them.
SKU_COLUMNS = (
    *("id", "name", "code", "serving_size_grams", "serving_size_value", "serving_size_unit"),
    "supplier",
)


@lru_cache(maxsize=16)
def orders(*, narrowed: bool, given: tuple[str, ...]) -> Numerable:
    rows = select(*(_O.c[name] for name in ORDER_COLUMNS)).where(
        _O.c.organization_id == TENANT, *_narrowed(_O, _O, given, narrowed=narrowed)
    )
    return Numerable(rows, (_O.c.id,), descending=True)


@lru_cache(maxsize=16)
def products(*, narrowed: bool, given: tuple[str, ...]) -> Numerable:
    name = func.lower(_P.c.name)
    columns = [_P.c[each] for each in PRODUCT_COLUMNS]
    rows = select(name.label("by"), *columns).where(
        _P.c.organization_id == TENANT, *_narrowed(_P, _P, given, narrowed=narrowed)
    )
    return Numerable(rows, (name, _P.c.id))


@lru_cache(maxsize=16)
def skus(*, narrowed: bool, given: tuple[str, ...]) -> Numerable:
    name = func.lower(_K.c.name)
    columns = [_K.c[each] for each in SKU_COLUMNS]
    of_product = and_(_P.c.organization_id == _K.c.organization_id, _P.c.id == _K.c.product_id)
    rows = (
        select(
            name.label("by"),
            *columns,
            _P.c.id.label("product_id"),
            _P.c.name.label("product_name"),
        )
        .select_from(_K.join(_P, of_product))
        .where(_K.c.organization_id == TENANT, *_narrowed(_K, _P, given, narrowed=narrowed))
    )
    return Numerable(rows, (name, _K.c.id))


def _narrowed(
    table: Table, owned: Table, given: Sequence[str], *, narrowed: bool
) -> list[ColumnElement[bool]]:
    """That rows are as a list is narrowed: to the client who has `owned`, and by what is given."""
    found: list[ColumnElement[bool]] = [owned.c.client_id == CLIENT] if narrowed else []
    for name in given:
        if name == "updated_since":
            found.append(table.c.updated_at >= bindparam(name, type_=Instant))
        else:
            found += equals(table.c, [name])
    return found
