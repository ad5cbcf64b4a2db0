"""The floor's answers: dictionaries that are spelled as Titer spells them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

#: Columns and what an answer calls them, in its order.
_SAMPLE = {
    "id": "id",
    "tracking_id": "trackingId",
    "external_id": "externalId",
    "status": "status",
    "priority": "priority",
    "client_id": "clientId",
    "client_name": "clientName",
    "material_type_id": "materialTypeId",
    "project_id": "projectId",
    "storage_location_id": "storageLocationId",
    "plant_location": "plantLocation",
    "collection_date": "collectionDate",
    "notes": "notes",
    "received_at": "receivedAt",
    "completed_at": "completedAt",
    "verified_at": "verifiedAt",
    "reported_at": "reportedAt",
    "created_by": "createdBy",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "version": "version",
    "name": "name",
    "order_id": "orderId",
    "sku_id": "skuId",
    "lot": "lot",
    "batch": "batch",
    "composite": "composite",
    "number_of_composites": "numberOfComposites",
    "serving_size": "servingSize",
}
_TEST = {
    "id": "id",
    "sample_id": "sampleId",
    "tracking_id": "trackingId",
    "test_definition_id": "testDefinitionId",
    "test_code": "testCode",
    "test_name": "testName",
    "unit": "unit",
    "status": "status",
    "result": "result",
    "result_operator": "resultOperator",
    "result_value": "resultValue",
    "specification": "specification",
    "spec_min": "specMin",
    "spec_max": "specMax",
    "notes": "notes",
    "source": "source",
    "entered_by": "enteredBy",
    "entered_at": "enteredAt",
    "verified_by": "verifiedBy",
    "verified_at": "verifiedAt",
    "version": "version",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
}
SAMPLE = ", ".join((*_SAMPLE, "custom_fields"))
TEST = ", ".join((*_TEST, "custom_fields"))
_SAMPLE_NAMES = (*_SAMPLE.values(), "customFields")
_TEST_NAMES = (*_TEST.values(), "customFields")
_SAMPLE_MOMENTS = (
    *("receivedAt", "completedAt", "verifiedAt", "reportedAt"),
    *("createdAt", "updatedAt"),
)
_TEST_MOMENTS = ("enteredAt", "verifiedAt", "createdAt", "updatedAt")
_TEST_NUMBERS = ("resultValue", "specMin", "specMax")
#: What the create statement takes of each test beside its id.
SCHEDULED = ("testDefinitionId", "testCode", "testName", "unit")


def qualified(alias: str) -> str:
    return ", ".join(f"{alias}.{column}" for column in (*_TEST, "custom_fields"))


def spell(moment: datetime | None) -> str | None:
    """The driver's moments are in UTC already."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _number(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def sample(row: Iterable[Any]) -> dict[str, Any]:
    shown = dict(zip(_SAMPLE_NAMES, row, strict=False))
    for name in _SAMPLE_MOMENTS:
        if shown[name] is not None:
            shown[name] = shown[name].isoformat(timespec="milliseconds")[:-6] + "Z"
    shown["customFields"] = orjson.Fragment(shown["customFields"])
    return shown


def test(row: Iterable[Any]) -> dict[str, Any]:
    shown = dict(zip(_TEST_NAMES, row, strict=False))
    for name in _TEST_MOMENTS:
        if shown[name] is not None:
            shown[name] = shown[name].isoformat(timespec="milliseconds")[:-6] + "Z"
    for name in _TEST_NUMBERS:
        if shown[name] is not None:
            shown[name] = _number(shown[name])
    shown["customFields"] = orjson.Fragment(shown["customFields"])
    shown["results"] = []
    return shown


def sample_with_tests(row: Any) -> dict[str, Any]:
    return sample(row) | {"tests": [test(each) for each in row["tests"] or ()]}


def written_sample(row: Iterable[Any]) -> dict[str, Any]:
    """A sample of SQLite's, which keeps moments as they are spelled."""
    shown = dict(zip(_SAMPLE_NAMES, row, strict=False))
    shown["composite"] = bool(shown["composite"])
    shown["customFields"] = orjson.Fragment(shown["customFields"])
    return shown


def page(rows: Sequence[Any], limit: int, *, written: bool = False) -> bytes:
    more = len(rows) > limit
    view = written_sample if written else sample
    shown = [view(row) for row in rows[:limit]]
    cursor = shown[-1]["id"] if more else None
    return orjson.dumps({"data": shown, "nextCursor": cursor, "hasMore": more})


def new_sample(
    found: Any, body: Mapping[str, Any], tracking_id: str, user_id: int, at: datetime
) -> dict[str, Any]:
    shown: dict[str, Any] = dict.fromkeys(_SAMPLE_NAMES)
    shown |= {
        "id": found["sample_id"],
        "trackingId": tracking_id,
        "status": "pending",
        "priority": "normal",
        "clientId": found["client_id"],
        "clientName": body["clientName"],
        "materialTypeId": body["materialTypeId"],
        "collectionDate": body.get("collectionDate"),
        "notes": body.get("notes"),
        "createdBy": user_id,
        "createdAt": spell(at),
        "updatedAt": spell(at),
        "version": 1,
        "composite": False,
        "numberOfComposites": 1,
        "customFields": {},
    }
    return shown


def new_test(row: Sequence[Any], of_sample: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    test_id, definition, code, name, unit = row
    shown: dict[str, Any] = dict.fromkeys(_TEST_NAMES)
    return shown | {
        "id": test_id,
        "sampleId": of_sample["id"],
        "trackingId": of_sample["trackingId"],
        "testDefinitionId": definition,
        "testCode": code,
        "testName": name,
        "unit": unit,
        "status": "pending",
        "specification": "no_spec",
        "version": 1,
        "createdAt": spell(at),
        "updatedAt": spell(at),
        "customFields": {},
        "results": [],
    }


def verdict(value: Decimal, low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return "no_spec"
    outside = (low is not None and value < low) or (high is not None and value > high)
    return "fail" if outside else "pass"


def entered(
    before: Mapping[str, Any],
    row: Any,
    text: str,
    value: Decimal,
    *,
    judged: str,
    source: str,
    user_id: int,
    at: datetime,
) -> dict[str, Any]:
    return {
        **before,
        "result": text,
        "resultOperator": None,
        "resultValue": _number(value),
        "specification": judged,
        "specMin": _number(row["low"]),
        "specMax": _number(row["high"]),
        "unit": row["wanted_unit"],
        "status": "completed",
        "source": source,
        "enteredBy": user_id,
        "enteredAt": spell(at),
        "version": row["version"] + 1,
        "updatedAt": spell(at),
    }


def verified(before: Mapping[str, Any], user_id: int, at: datetime) -> dict[str, Any]:
    return {
        **before,
        "status": "verified",
        "verifiedBy": user_id,
        "verifiedAt": spell(at),
        "version": before["version"] + 1,
        "updatedAt": spell(at),
    }


#: What entering or verifying a result may change.
_CHANGEABLE = (
    *("result", "resultOperator", "resultValue", "specification", "specMin", "specMax", "unit"),
    *("status", "source", "enteredBy", "enteredAt", "verifiedBy", "verifiedAt", "version"),
    "updatedAt",
)


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What has changed, before and after."""
    changed = [name for name in _CHANGEABLE if before[name] != after[name]]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


PUBLISHED = """
t.id, t.status, t.specification, t.started_at, t.verified_at, s.reported_at, t.notes,
t.created_at, greatest(t.updated_at, s.updated_at) AS updated_at, t.test_definition_id,
t.test_name, t.result, t.result_operator, t.result_value, t.unit, t.spec_min, t.spec_max, t.loq,
t.entered_at, s.id AS sample_id, s.name, s.lot, s.batch, s.composite, s.number_of_composites,
s.serving_size, s.tracking_id AS sample_tracking_id, k.id AS sku_id, k.name AS sku_name,
k.code AS sku_code, p.id AS product_id, p.name AS product_name, o.id AS order_id,
o.status AS order_status, o.ordered_at, o.orderer_email, o.orderer_name, s.client_name,
s.status AS sample_status, s.created_at AS sample_created_at
"""
PUBLISHED_FROM = """
sample_tests t
JOIN samples s ON s.organization_id = t.organization_id AND s.id = t.sample_id
LEFT JOIN skus k ON k.organization_id = s.organization_id AND k.id = s.sku_id
LEFT JOIN products p ON p.organization_id = k.organization_id AND p.id = k.product_id
LEFT JOIN orders o ON o.organization_id = s.organization_id AND o.id = s.order_id
"""


def published_page(rows: Sequence[Any], limit: int) -> bytes:
    more = len(rows) > limit
    shown = [_published(row) for row in rows[:limit]]
    pages = {"per_page": limit, "current_page": 1, "prev_page": None}
    return orjson.dumps({"tests": shown, "pagination": pages | {"next_page": 2 if more else None}})


def _published(row: Any) -> dict[str, Any]:
    held = row["reported_at"] is None
    judged = "no_spec" if held else row["specification"]
    return {
        "id": row["id"],
        "status": _stage(row),
        "spec_status": judged,
        "start_date": spell(row["started_at"]),
        "complete_date": spell(row["verified_at"]),
        "published_at": spell(row["reported_at"]),
        "notes": "" if held else row["notes"] or "",
        "created_at": spell(row["created_at"]),
        "updated_at": spell(row["updated_at"]),
        "specification": judged,
        "custom_fields": [],
        "assay": {"id": row["test_definition_id"], "name": row["test_name"]},
        "results": [_result(row, judged, held=held)],
        "sample": _published_sample(row),
    }


def _stage(row: Any) -> str:
    if row["reported_at"] is not None:
        return "published"
    if row["status"] != "pending":
        return "completed"
    return "in_progress" if row["entered_at"] is not None else "not_started"


def _result(row: Any, judged: str, *, held: bool) -> dict[str, Any]:
    unit, text = row["unit"], row["result"]
    limit, loq = "-", None
    if held or text is None:
        text = "-"
    elif unit is not None and row["result_value"] is not None and not text.endswith(unit):
        text = f"{text} {unit}"
    if not held:
        limit = _limit(row["spec_min"], row["spec_max"], unit)
        loq = None if row["loq"] is None else _with_unit(_digits(row["loq"]), unit)
    return {
        "analyte": {"id": row["test_definition_id"], "name": row["test_name"]},
        "result": text,
        "loq": loq,
        "spec_result": judged,
        "specification": judged,
        "limit_value": limit,
        "limit": limit,
    }


def _limit(low: Decimal | None, high: Decimal | None, unit: str | None) -> str:
    if low is not None and high is not None:
        return _with_unit(f"{_digits(low)} \N{EN DASH} {_digits(high)}", unit)
    if high is not None:
        return _with_unit(f"\N{LESS-THAN OR EQUAL TO} {_digits(high)}", unit)
    return "-" if low is None else _with_unit(f"\N{GREATER-THAN OR EQUAL TO} {_digits(low)}", unit)


def _with_unit(text: str, unit: str | None) -> str:
    return f"{text} {unit}" if unit else text


def _digits(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


#: What stands where a sample is of no product: the customers' programs read on without asking.
NO_SKU = {"id": None, "name": "-", "code": "", "product": {"id": None, "name": "-"}}


#: How far an order would be that had this one sample.
_PROGRESS = {"pending": "created", "received": "received"}


def _published_sample(row: Any) -> dict[str, Any]:
    product = {"id": row["product_id"], "name": row["product_name"]}
    sku = {"id": row["sku_id"], "name": row["sku_name"], "code": row["sku_code"]}
    orderer = {"email": row["orderer_email"], "name": row["orderer_name"]}
    order = {
        "id": row["order_id"],
        "status": row["order_status"],
        "ordered_at": spell(row["ordered_at"] or row["sample_created_at"]),
        "orderer": orderer,
    }
    if row["order_id"] is None:
        order["status"] = _PROGRESS.get(row["sample_status"], "in_progress")
        if row["reported_at"] is not None:
            order["status"] = "completed"
        order["orderer"] = {"email": None, "name": row["client_name"]}
    variant = f"{row['product_name']}, {row['sku_name']}" if row["sku_id"] is not None else None
    return {
        "id": row["sample_id"],
        "name": row["name"] or variant or row["sample_tracking_id"],
        "lot": row["lot"],
        "batch": row["batch"],
        "composite": row["composite"],
        "number_of_composites": row["number_of_composites"],
        "serving_size": row["serving_size"],
        "sku": sku | {"product": product} if row["sku_id"] is not None else NO_SKU,
        "order": order,
    }
