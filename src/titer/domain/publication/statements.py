"""What clients are told, as statements below the ORM: built once for each way to narrow them."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    CompoundSelect,
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
    union,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.publication.lists import Near, Numerable
from titer.domain.publication.rules import Stage
from titer.domain.reference.models import CustomField
from titer.domain.reference.rules import Resource
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.rules import TestStatus
from titer.kit.db.types import Id, Instant
from titer.kit.prepared import CLIENT, TENANT, Prepared, at_most
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


def _columns(table: FromClause, prefix: str = "") -> list[ColumnElement[Any]]:
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
    """Tests that have their samples, with what those are of."""
    return _beside(test, [*test.c], test.c.sample_sku_id, test.c.sample_order_id, further)


def _dressed_alone(test: FromClause, further: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Tests alone, with their samples and with what those are of."""
    of_sample = and_(_S.c.organization_id == TENANT, _S.c.id == test.c.sample_id)
    own = [each for each in test.c if each.key != "sample_id"]
    shown = [*own, *_columns(_S, "sample")]
    return _beside(test.join(_S, of_sample), shown, _S.c.sku_id, _S.c.order_id, further)


def _beside(
    tests: FromClause,
    shown: Sequence[Any],
    sku_id: ColumnElement[Any],
    order_id: ColumnElement[Any],
    further: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    of_sku = and_(_K.c.organization_id == TENANT, _K.c.id == sku_id)
    of_product = and_(_P.c.organization_id == TENANT, _P.c.id == _K.c.product_id)
    of_order = and_(_O.c.organization_id == TENANT, _O.c.id == order_id)
    together = tests.outerjoin(_K, of_sku).outerjoin(_P, of_product).outerjoin(_O, of_order)
    told = [each for table in (_K, _P, _O) for each in _columns(table, _OWN_OF[table])]
    return select(*shown, *told, *further).select_from(together)


def _together(test: FromClause, sample: FromClause) -> Select[Any]:
    """Tests with their samples."""
    of_sample = and_(sample.c.organization_id == TENANT, sample.c.id == test.c.sample_id)
    return select(*_columns(test), *_columns(sample, "sample")).select_from(
        test.join(sample, of_sample)
    )


@cache
def test(*, narrowed: bool) -> Prepared:
    wanted = _together(_T, _S).where(
        _T.c.organization_id == TENANT,
        _T.c.id == bindparam("id", type_=Id),
        *_of_sample(_S.c, narrowed=narrowed),
    )
    return Prepared(_dressed(wanted.subquery("test"), ()))


#: So many of the newest tests are looked through for a page of what may be rare, before it is
#: looked for among all that there is.
_NEAR = 5_000
#: By these few samples are found, among however many.
_FEW = ("order_id", "lot")


@lru_cache(maxsize=256)
def tests(
    *, narrowed: bool, stage: Stage | None, given: tuple[str, ...], lately: bool
) -> Numerable:
    """Tests, newest first. `lately` tells that not many have changed since `updated_since`.

    What may be frequent and may be rare is looked for among the newest tests first. Who looks for
    it among all would sort what is frequent, and who goes on would come to the end of what is rare.
    """
    own = _T.c.organization_id == TENANT
    if not narrowed and stage is None and not given:
        alone = select(*_columns(_T), _T.c.sample_id).where(own)
        return Numerable(alone, (_T.c.id,), descending=True, dress=_dressed_alone)
    of_sample = _of_sample(_S.c, narrowed=narrowed, stage=stage, given=given)
    of_test = _of_test(_T.c, _S.c, stage=stage, given=given)
    if lately:
        rows = _together(_T, _S).where(own, _T.c.id.in_(_changed()), *of_sample, *of_test)
        return _newest(rows)
    if not narrowed and not {"order_id", "sku_code", "lot"} & {*given}:
        return _newest(_together(_T, _S).where(own, *of_sample, *of_test))
    # Its samples come first, and stay a query of their own so that they do.
    theirs = select(_S).where(_S.c.organization_id == TENANT, *of_sample).offset(at_most(0))
    sample = theirs.subquery("sample")
    rows = _together(_T, sample).where(own, *_of_test(_T.c, sample.c, stage=stage, given=given))

    def near(begins: Sequence[ColumnElement[bool]]) -> Select[Any]:
        tests = _together(_T, _S).add_columns(_S.c.client_id.label("sample_client_id"))
        window = tests.where(own, *begins).order_by(_T.c.id.desc()).limit(at_most(_NEAR))
        late = window.subquery("late").c
        sample = {name: late[f"sample_{name}"] for name in _NARROWING}
        shown = [each for each in late if each is not sample["client_id"]]
        return (
            select(*shown)
            .where(
                *_of_sample(sample, narrowed=narrowed, stage=stage, given=given),
                *_of_test(late, sample, stage=stage, given=given),
            )
            .order_by(late.id.desc())
        )

    return _newest(rows, None if set(_FEW) & {*given} else near)


def _newest(rows: Select[Any], near: Near | None = None) -> Numerable:
    return Numerable(rows, (_T.c.id,), descending=True, dress=_dressed, near=near)


#: What a list may be narrowed by of a sample.
_NARROWING = ("client_id", "order_id", "sku_id", "lot", "reported_at", "updated_at")
_Columns = ReadOnlyColumnCollection[str, Any] | Mapping[str, Any]


def _of_sample(
    sample: _Columns, *, narrowed: bool, stage: Stage | None = None, given: Sequence[str] = ()
) -> list[ColumnElement[bool]]:
    """What a list says of samples alone."""
    found: list[ColumnElement[bool]] = [sample["client_id"] == CLIENT] if narrowed else []
    found += equals(sample, [name for name in _FEW if name in given])
    if "sku_code" in given:
        coded = _K.c.code == bindparam("sku_code", type_=Text)
        wanted = select(_K.c.id).where(_K.c.organization_id == TENANT, coded)
        found.append(sample["sku_id"].in_(wanted))
    if stage is not None:
        reported, published = sample["reported_at"], stage is Stage.PUBLISHED
        found.append(reported.is_not(None) if published else reported.is_(None))
    return found


def _of_test(
    test: _Columns, sample: _Columns, *, stage: Stage | None, given: Sequence[str]
) -> list[ColumnElement[bool]]:
    """What a list says of tests, and of tests and samples together."""
    found: list[ColumnElement[bool]] = []
    if "updated_since" in given:
        found.append(or_(test["updated_at"] >= _SINCE, sample["updated_at"] >= _SINCE))
    if stage is Stage.COMPLETED:
        found.append(test["status"] != TestStatus.PENDING)
    elif stage is Stage.IN_PROGRESS or stage is Stage.NOT_STARTED:
        begun, started = stage is Stage.IN_PROGRESS, test["entered_at"]
        found.append(test["status"] == TestStatus.PENDING)
        found.append(started.is_not(None) if begun else started.is_(None))
    return found


_SINCE: BindParameter[Any] = bindparam("updated_since", type_=Instant)
_LATE_TESTS = _T.c.organization_id == TENANT, _T.c.updated_at >= _SINCE
_LATE_SAMPLES = _S.c.organization_id == TENANT, _S.c.updated_at >= _SINCE


def _changed() -> CompoundSelect[Any]:
    """The ids of tests that have changed, and of those whose samples have."""
    of_sample = and_(_T.c.organization_id == TENANT, _T.c.sample_id == _S.c.id)
    return union(
        select(_T.c.id).where(*_LATE_TESTS),
        select(_T.c.id).select_from(_S.join(_T, of_sample)).where(*_LATE_SAMPLES),
    )


#: More changes than so many are not looked up one by one.
MANY_CHANGES = 1_000


def _count(table: Table, late: Sequence[ColumnElement[bool]]) -> ColumnElement[int]:
    found = select(table.c.id).where(*late).limit(at_most(MANY_CHANGES)).subquery()
    return select(func.count()).select_from(found).scalar_subquery()


#: How many tests and samples have changed since, counted no further than `MANY_CHANGES` of each.
CHANGES = Prepared(select(_count(_T, _LATE_TESTS) + _count(_S, _LATE_SAMPLES)))


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
