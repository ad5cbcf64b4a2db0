"""What the tenant walk knows: every place where a caller can put something of somebody else's.

A slot is a path parameter, a query parameter or a body field. For each the walk needs to be told
what stands there, so that it can put a rival's in; a slot that it was not told about fails it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from laboratory import PASSWORD

NEVER = 7_777_777_777_777
"""An id that no record ever had."""


def never_was(kind: str) -> str:
    """A text that stands on no record anywhere."""
    return "never@was.example" if kind == "email" else "NEVER-WAS"


@dataclass(frozen=True)
class Belongings:
    """One of everything that a laboratory has, by the word that the slots use for it."""

    ids: dict[str, int]
    texts: dict[str, str]

    def of(self, kind: str) -> int | str:
        return self.ids[kind] if kind in self.ids else self.texts[kind]


PATH: dict[str, str] = {
    "sample_id": "sample",
    "sample_test_id": "sample_test",
    "approval_id": "approval",
    "test_definition_id": "test_definition",
    "material_type_id": "material_type",
    "storage_location_id": "storage_location",
    "project_id": "project",
    "client_id": "client",
    "audit_event_id": "audit_event",
    "instrument_upload_id": "instrument_upload",
    "extraction_alias_id": "extraction_alias",
    "results_key_id": "results_key",
    "custom_field_id": "custom_field",
    "webhook_id": "webhook",
    "key_id": "key",
    "user_id": "user",
    "order_id": "order",
    "product_id": "product",
    "sku_id": "sku",
    "test_id": "sample_test",
}
QUERY: dict[str, str] = {
    "sampleId": "sample",
    "materialTypeId": "material_type",
    "projectId": "project",
    "testDefinitionId": "test_definition",
    "trackingId": "tracking_id",
    "externalId": "external_id",
    "clientId": "client",
    "orderId": "order",
    "productId": "product",
    "skuId": "sku",
    "order_id": "order",
    "sku_code": "code",
    "entityId": "sample",
    "name": "name",
    "code": "code",
    "createdBy": "user",
}
#: Query parameters that name nobody's record.
QUERY_HARMLESS = {
    "limit", "status", "since", "until", "active", "entityType", "action", "role", "kind",
    "after", "hash", "resource",
    "lot", "paymentStatus", "number", "page", "per_page", "updated_since",
}  # fmt: skip
#: What a list's cursor is an id of.
CURSOR: dict[str, str] = {
    "listSamples": "sample",
    "listSampleTests": "sample_test",
    "listResultHistory": "history",
    "listSampleApprovals": "approval",
    "listTestDefinitions": "test_definition",
    "listMaterialTypes": "material_type",
    "listStorageLocations": "storage_location",
    "listProjects": "project",
    "listClients": "client",
    "listAuditEvents": "audit_event",
    "listInstrumentUploads": "instrument_upload",
    "listExtractionAliases": "extraction_alias",
    "listResultsKeys": "results_key",
    "listCustomFields": "custom_field",
    "listWebhooks": "webhook",
    "listWebhookDeliveries": "webhook",
    "listSignatures": "signature",
    "listApiKeys": "key",
    "listUsers": "user",
    "listOrders": "order",
    "listProducts": "product",
    "listSkus": "sku",
}

#: A body that the operation accepts; `own material_type` stands for the laboratory's own id.
BODY: dict[str, dict[str, Any]] = {
    "createSample": {
        "clientName": "Acme Water District",
        "materialTypeId": "own material_type",
    },
    "updateSample": {"notes": "seen"},
    "setSampleStatus": {"status": "received"},
    "receiveSamples": {"sampleIds": [NEVER]},
    "enterResult": {"result": "7.0"},
    "enterBulkResults": {"updates": [{"sampleTestId": NEVER, "result": "7.0"}]},
    "decideApprovalRecord": {"status": "approved"},
    "createOrder": {"clientId": "own client"},
    "updateOrder": {"notes": "seen"},
    "createProduct": {"clientId": "own client", "name": "A product"},
    "updateProduct": {"brand": "seen"},
    "createSku": {"productId": "own product", "name": "A variant"},
    "updateSku": {"supplier": "seen"},
    "createProject": {"code": "NEWCOMER", "name": "A project"},
    "updateProject": {"description": "seen"},
    "createClient": {"name": "A client"},
    "updateClient": {"notes": "seen"},
    "commitInstrumentUpload": {"rows": [1]},
    "signIn": {"email": "own email", "password": "not the password"},
    "createApiKey": {"name": "A key"},
    "createUser": {
        "email": "newcomer@example.org",
        "name": "Newcomer",
        "role": "reviewer",
        "password": PASSWORD,
    },
    "updateUser": {"name": "seen"},
    "updateOrganization": {"requireSecondPerson": False},
    "createResultsKey": {"name": "A client's key", "clientId": "own client"},
    "createCustomField": {"resource": "sample", "key": "newcomer", "name": "A field"},
    "updateCustomField": {"name": "seen"},
    "createWebhook": {"url": "https://hooks.example.org/"},
    "updateWebhook": {"description": "seen"},
    "replayWebhook": {"after": 0},
    "createMaterialType": {"code": "NEWCOMER", "name": "A material"},
    "updateMaterialType": {"description": "seen"},
    "createTestDefinition": {
        "code": "NEWCOMER",
        "name": "A test",
        "analytes": [{"code": "A", "name": "An analyte"}],
    },
    "updateTestDefinition": {
        "method": "seen",
        "analytes": [{"code": "A", "name": "An analyte"}],
    },
    "createStorageLocation": {"code": "NEWCOMER", "name": "A place", "kind": "shelf"},
    "updateStorageLocation": {"capacity": 7},
    "signVerification": {"password": PASSWORD, "meaning": "seen"},
    "signReport": {"password": PASSWORD, "meaning": "seen"},
    "signDecision": {"password": PASSWORD, "meaning": "seen", "status": "approved"},
}
#: Operations that take a file: what a file may name is walked by the tests of uploads.
FILES = {"uploadInstrumentFile"}
#: Body fields that name a record, as a path into the body.
BODY_SLOTS: dict[str, dict[str, str]] = {
    "createResultsKey": {"clientId": "client"},
    "createWebhook": {"clientId": "client"},
    "createSample": {
        "materialTypeId": "material_type",
        "projectId": "project",
        "clientId": "client",
        "storageLocationId": "storage_location",
        "testDefinitionIds[]": "test_definition",
        "externalId": "external_id",
        "clientName": "name",
        "orderId": "order",
        "skuId": "sku",
    },
    "updateSample": {
        "materialTypeId": "material_type",
        "projectId": "project",
        "clientId": "client",
        "storageLocationId": "storage_location",
        "testDefinitionIds[]": "test_definition",
        "externalId": "external_id",
        "clientName": "name",
        "orderId": "order",
        "skuId": "sku",
    },
    "receiveSamples": {"sampleIds[]": "sample"},
    "enterResult": {"results[].analyteId": "analyte"},
    "enterBulkResults": {
        "updates[].sampleTestId": "sample_test",
        "updates[].results[].analyteId": "analyte",
    },
    "createOrder": {
        "clientId": "client",
        "externalId": "external_id",
        "samples[].materialTypeId": "material_type",
        "samples[].projectId": "project",
        "samples[].storageLocationId": "storage_location",
        "samples[].skuId": "sku",
        "samples[].externalId": "external_id",
        "samples[].testDefinitionIds[]": "test_definition",
    },
    "updateOrder": {"externalId": "external_id"},
    "createProduct": {"clientId": "client", "externalId": "external_id", "name": "name"},
    "updateProduct": {"externalId": "external_id", "name": "name"},
    "createSku": {
        "productId": "product",
        "externalId": "external_id",
        "name": "name",
        "code": "code",
    },
    "updateSku": {"externalId": "external_id", "name": "name", "code": "code"},
    "createProject": {"clientId": "client", "code": "code", "name": "name"},
    "updateProject": {"clientId": "client", "code": "code", "name": "name"},
    "createClient": {"code": "code", "name": "name"},
    "updateClient": {"code": "code", "name": "name"},
    "signIn": {"email": "email", "organizationId": "organization"},
    "createApiKey": {"name": "name"},
    "createUser": {"email": "email", "name": "name"},
    "updateUser": {"name": "name"},
    "updateOrganization": {"name": "name"},
    "createMaterialType": {"code": "code", "name": "name"},
    "updateMaterialType": {"code": "code", "name": "name"},
    "createTestDefinition": {
        "code": "code",
        "name": "name",
        "materialTypeIds[]": "material_type",
        "analytes[].code": "code",
    },
    "updateTestDefinition": {
        "code": "code",
        "name": "name",
        "materialTypeIds[]": "material_type",
        "analytes[].code": "code",
    },
    "createStorageLocation": {"code": "code", "name": "name", "parentId": "storage_location"},
    "updateStorageLocation": {"code": "code", "name": "name", "parentId": "storage_location"},
}
#: Body fields that are told by their name to hold no reference.
BODY_HARMLESS = {
    "collectionDate", "priority", "notes", "plantLocation", "status", "result", "reason",
    "atomic", "comment",
    "description", "startDate", "endDate", "sampleIdScheme", "contactName", "email", "phone",
    "address", "active", "rows", "password", "role", "scopes", "expiresAt", "requireSecondPerson",
    "requireIfMatch", "requireHumanSignature", "method", "unit", "decimals", "specMin", "specMax",
    "loq", "kind", "capacity", "meaning", "allowLanguageModel", "analyteCode",
    "resource", "key", "after", "url",
    "lot", "batch", "composite", "numberOfComposites", "servingSize", "customFields", "name",
    "paymentStatus", "ordererName", "ordererEmail", "orderedAt", "paidAt", "receivedAt",
    "brand", "productType", "shelfLife", "supplier", "lotLookupEnabled", "pdpEmbedEnabled",
    "showLimitsOnPip", "servingSizeGrams", "servingSizeValue", "servingSizeUnit",
}  # fmt: skip


#: What an item holds of a list that the body goes without.
ITEMS: dict[str, dict[str, Any]] = {
    "results": {"result": "1"},
    "samples": {"materialTypeId": NEVER - 1},
}


class UnknownSlot(AssertionError):
    """The walk met a place it knows nothing about."""


def teach(what: str) -> UnknownSlot:
    return UnknownSlot(f"teach the walk about {what}")


@dataclass(frozen=True)
class Slot:
    """One place of one operation, and the word for what stands there."""

    operation: str
    method: str
    path: str
    kind: str
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.where} {self.name}"


def slots(routes: list[APIRoute], schemas: dict[str, Any]) -> Iterator[Slot]:
    """Every slot of every operation. Raises `UnknownSlot` for one that nobody described."""
    for route in routes:
        operation = str(route.operation_id)
        method = next(iter(route.methods or ()))
        for name in re.findall(r"{(\w+)}", route.path):
            if name not in PATH:
                raise teach(f"the path parameter {name} of {operation}")
            yield Slot(operation, method, route.path, PATH[name], "path", name)
        for name in _query_names(schemas, route.path, method):
            if name in QUERY_HARMLESS:
                continue
            kind = CURSOR.get(operation) if name == "cursor" else QUERY.get(name)
            if kind is None:
                raise teach(f"the query parameter {name} of {operation}")
            yield Slot(operation, method, route.path, kind, "query", name)
        yield from _body_slots(route, method, schemas)


def _published(path: str) -> str:
    """The path as the document spells it: `{sampleId}` for `{sample_id}`."""
    return re.sub(r"{(\w+)}", lambda match: f"{{{to_camel(match[1])}}}", path)


def _query_names(document: dict[str, Any], path: str, method: str) -> list[str]:
    operation = document["paths"][_published(path)][method.lower()]
    return [p["name"] for p in operation.get("parameters", []) if p.get("in") == "query"]


def _body_slots(route: APIRoute, method: str, document: dict[str, Any]) -> Iterator[Slot]:
    operation = str(route.operation_id)
    body = document["paths"][_published(route.path)][method.lower()].get("requestBody")
    if body is None or operation in FILES:
        return
    if operation not in BODY:
        raise teach(f"the body of {operation}")
    schema = body["content"]["application/json"]["schema"]
    for name in _fields(schema, document, ""):
        kind = BODY_SLOTS.get(operation, {}).get(name)
        if kind is not None:
            yield Slot(operation, method, route.path, kind, "body", name)
        elif name.split(".")[-1].removesuffix("[]") not in BODY_HARMLESS:
            raise teach(f"the body field {name} of {operation}")


def _fields(schema: dict[str, Any], document: dict[str, Any], path: str) -> Iterator[str]:
    """The leaves of a body, as `updates[].sampleTestId`."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            yield from _fields(choice, document, path)
            return
    if schema.get("type") == "array":
        yield from _fields(schema["items"], document, f"{path}[]")
    elif "properties" in schema:
        for name, part in schema["properties"].items():
            yield from _fields(part, document, f"{path}.{name}" if path else name)
    else:
        yield path


def own_body(operation: str, own: Belongings) -> dict[str, Any] | None:
    """The operation's body, with the laboratory's own ids in it; None where it takes none."""
    body = BODY.get(operation)
    if body is None:
        return None
    return {
        name: own.of(value.removeprefix("own "))
        if isinstance(value, str) and value.startswith("own ")
        else value
        for name, value in body.items()
    }


def named_in_body(operation: str) -> set[str]:
    """What of the laboratory's own records the operation's body names."""
    values = BODY.get(operation, {}).values()
    own = {value for value in values if isinstance(value, str) and value.startswith("own ")}
    return {value.removeprefix("own ") for value in own} - {"email"}


def put(body: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    """The body with `value` in the slot `name`."""
    head, _, rest = name.partition(".")
    many = head.endswith("[]")
    key = head.removesuffix("[]")
    if rest:
        inner = dict((body.get(key) or [ITEMS[key]])[0]) if many else dict(body.get(key, {}))
        inner = put(inner, rest, value)
        return body | {key: [inner] if many else inner}
    return body | {key: [value] if many else value}


def masked(text: str, value: object) -> str:
    """An answer without what must differ between any two calls: ids, times, keys, the text."""
    if isinstance(value, str):
        text = text.replace(value, "V")
    text = re.sub(r"\bl[ks]_\w+(\.\.\.)?", "SECRET", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    return re.sub(r"\d+", "N", re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text))
