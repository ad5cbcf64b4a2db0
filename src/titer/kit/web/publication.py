"""A face's published document, finished: what FastAPI leaves out of it, and what it adds wrongly.

Everything here is read off the operations themselves, so that no route can forget it: an operation
that refuses a stale copy takes `If-Match`, a single record has an `ETag`, a page a `Link`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from titer.kit.web.rate_limit import Rates

Json = dict[str, Any]

_HEADERS: Mapping[str, tuple[str, str, object]] = {
    "X-Request-Id": (
        "The request's id, as it was sent or as it was made; it is in the log too.",
        "string",
        "9f1c2d5e",
    ),
    "ETag": (
        "The record's id and version, for `If-Match` and `If-None-Match`.",
        "string",
        '"1041.7"',
    ),
    "Location": ("Where the new record is.", "string", "/api/v1/samples/1041"),
    "Link": ('The next page, as `rel="next"`; absent on the last one.', "string", None),
    "Retry-After": ("Seconds after which it is worth trying again.", "integer", 12),
    "WWW-Authenticate": ("How to authenticate.", "string", "Bearer"),
    "Idempotent-Replayed": ("`true` on the repetition of an earlier answer.", "string", "true"),
    "RateLimit-Policy": ("Each limit: so many (`q`) in so many seconds (`w`).", "string", None),
    "RateLimit": (
        "What is left of each limit (`r`), and in how many seconds there is more (`t`).",
        "string",
        None,
    ),
    "X-RateLimit-Limit": ("The limit that is nearest.", "integer", 120),
    "X-RateLimit-Remaining": ("What is left of it.", "integer", 37),
    "X-RateLimit-Reset": ("When there is more, in seconds since 1970.", "integer", 1781773932),
}
_RATE_HEADERS = tuple(name for name in _HEADERS if "RateLimit" in name)
_PARAMETERS: Mapping[str, tuple[str, str]] = {
    "If-Match": (
        "The ETag of your copy: a record that has changed since is left alone, with 412.",
        '"1041.7"',
    ),
    "If-None-Match": ("The ETag of your copy: while it is current the answer is 304.", '"1041.7"'),
    "Idempotency-Key": (
        "Makes a repetition safe: within seven days the same key is answered as the first time.",
        "9c2b7f36-8a4e-4a53-9f7e-3b1f0f6f2f10",
    ),
}


@dataclass(frozen=True, slots=True)
class Publication:
    """What a face's document says beside its operations."""

    #: The resources in their order, each with a sentence about it.
    tags: Mapping[str, str]
    #: What the bearer token is, and where it comes from.
    bearer: str
    #: What a key may do, where keys are limited.
    rates: Rates | None = None


#: The schema of a refusal, in every operation's answers. Handing FastAPI the model each time
#: would have it build the same validator a thousand times over while the server starts.
REFUSAL: Json = {"$ref": "#/components/schemas/Error"}


def publish(app: FastAPI, refusals: type[BaseModel], publication: Publication | None) -> None:
    """Have the application publish its finished document, made once."""
    draft: Callable[[], Json] = app.openapi

    def finished() -> Json:
        if app.openapi_schema is None:
            document = draft()
            _describe_refusals(document, refusals)
            app.openapi_schema = finish(document, publication)
        return app.openapi_schema

    app.openapi = finished  # type: ignore[method-assign]


def _describe_refusals(document: Json, refusals: type[BaseModel]) -> None:
    """What `REFUSAL` points at, with what that consists of."""
    schema = refusals.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {**schema.pop("$defs", {}), "Error": schema}
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def finish(document: Json, publication: Publication | None) -> Json:
    """The document with all that is said here."""
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document["servers"] = [{"url": "/", "description": "This server"}]
    _drop_foreign_schemas(document)
    _spell_path_parameters(document)
    components = document.setdefault("components", {})
    components["headers"] = {name: _header(name) for name in _HEADERS}
    components["parameters"] = {to_camel(_snake(name)): _parameter(name) for name in _PARAMETERS}
    for path, method, operation in _operations(document):
        _describe_successes(operation, components.get("schemas", {}))
        _add_conditions(method, operation, components.get("schemas", {}))
        _tell_needs(operation)
        if publication is not None:
            _add_rates(path, method, operation, publication.rates)
        _add_headers(operation)
        operation["responses"] = dict(sorted(operation["responses"].items()))
    if publication is not None:
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": publication.bearer}
        }
        document["tags"] = [
            {"name": name, "description": words} for name, words in publication.tags.items()
        ]
    _name_schemas(document)
    return document


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _drop_foreign_schemas(document: Json) -> None:
    """FastAPI's own 422, which no operation answers."""
    for _, _, operation in _operations(document):
        response = operation["responses"].get("422", {})
        if "HTTPValidationError" in str(response.get("content", "")):
            del operation["responses"]["422"]
    schemas = document.get("components", {}).get("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)


def _spell_path_parameters(document: Json) -> None:
    """`{sampleId}`, as every other name is spelled."""
    document["paths"] = {
        re.sub(r"\{(\w+)\}", lambda match: f"{{{to_camel(match[1])}}}", path): methods
        for path, methods in document["paths"].items()
    }
    for _, _, operation in _operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["name"] = to_camel(parameter["name"])
                parameter["schema"].pop("title", None)


def _name_schemas(document: Json) -> None:
    """`SamplePage` for `Page_Sample_`, and no titles that only repeat a property's name."""
    schemas: Json = document["components"].get("schemas", {})
    for name in list(schemas):
        generic, _, of = name.rstrip("_").partition("_")
        if of:
            schemas[f"{of}{generic}"] = schemas.pop(name) | {"title": f"{of}{generic}"}
    for schema in schemas.values():
        for part in schema.get("properties", {}).values():
            part.pop("title", None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    _rename_references(document)


def _rename_references(part: Any) -> None:
    if isinstance(part, list):
        for each in part:
            _rename_references(each)
    elif isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            part["$ref"] = re.sub(r"/schemas/([^_]+)_(\w+?)_$", r"/schemas/\2\1", reference)
        for each in part.values():
            _rename_references(each)


def _answer_schema(response: Json, schemas: Json) -> tuple[str, Json]:
    """The name and the schema of what a response holds, where it is one of ours."""
    reference = str(_json_of(response).get("schema", {}).get("$ref", ""))
    name = reference.rpartition("/")[2]
    return name, schemas.get(name, {})


def _json_of(response: Json) -> Json:
    content: Json = response.get("content", {}).get("application/json", {})
    return content


def _successes(operation: Json) -> Iterator[tuple[str, Json]]:
    return ((code, each) for code, each in operation["responses"].items() if code < "300")


def _describe_successes(operation: Json, schemas: Json) -> None:
    for _, response in _successes(operation):
        if response.get("description") == "Successful Response":
            _, schema = _answer_schema(response, schemas)
            response["description"] = schema.get("description") or "Done."


def _add_conditions(method: str, operation: Json, schemas: Json) -> None:
    """`ETag`, `If-Match`, `If-None-Match`, `Link`, `Location`, `Idempotency-Key`."""
    parameters: list[str] = []
    for code, response in list(_successes(operation)):
        name, schema = _answer_schema(response, schemas)
        names: list[str] = []
        if {"id", "version"} <= schema.get("properties", {}).keys():
            names.append("ETag")
            if method == "GET":
                parameters.append("If-None-Match")
                current = {"description": "Your copy is current."}
                operation["responses"]["304"] = _with_headers(current, ["ETag"])
        if name.startswith("Page_"):
            names.append("Link")
        if code == "201":
            names.append("Location")
        if "idempotency_key_reused" in _slugs(operation, "422"):
            parameters.append("Idempotency-Key")
            names.append("Idempotent-Replayed")
        _with_headers(response, names)
    if "precondition_failed" in _slugs(operation, "412"):
        parameters.append("If-Match")
        _with_headers(operation["responses"]["412"], ["ETag"])
    references = [
        {"$ref": f"#/components/parameters/{to_camel(_snake(name))}"} for name in parameters
    ]
    if references:
        operation.setdefault("parameters", []).extend(references)


def _slugs(operation: Json, status: str) -> Sequence[str]:
    return tuple(_json_of(operation["responses"].get(status, {})).get("examples", {}))


def _tell_needs(operation: Json) -> None:
    """What a caller must be allowed, in words too; an operation that needs nothing says so."""
    operation.setdefault("security", [])
    needs = operation.get("x-needs")
    if needs:
        before = [operation["description"]] if "description" in operation else []
        operation["description"] = "\n\n".join([*before, f"Needs `{needs}`."])


def _add_rates(path: str, method: str, operation: Json, rates: Rates | None) -> None:
    if rates is None:
        return
    for code, response in operation["responses"].items():
        if code != "401":
            _with_headers(response, _RATE_HEADERS)
    limit = rates.of(method, path)[-1]
    examples = _json_of(operation["responses"].get("429", {})).get("examples", {})
    if "rate_limited" in examples:
        said = f"Too many requests. Limit is {limit.spelled} per API key."
        examples["rate_limited"]["value"]["message"] = said


def _add_headers(operation: Json) -> None:
    for code, response in operation["responses"].items():
        names = ["X-Request-Id"]
        if code in {"429", "503"}:
            names.append("Retry-After")
        if code == "401":
            names.append("WWW-Authenticate")
        _with_headers(response, names)


def _with_headers(response: Json, names: Sequence[str]) -> Json:
    headers = response.setdefault("headers", {})
    for name in names:
        headers[name] = {"$ref": f"#/components/headers/{name}"}
    return response


def _header(name: str) -> Json:
    description, kind, example = _HEADERS[name]
    header: Json = {"description": description, "schema": {"type": kind}}
    if example is not None:
        header["example"] = example
    return header


def _parameter(name: str) -> Json:
    description, example = _PARAMETERS[name]
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


def _snake(header: str) -> str:
    return header.lower().replace("-", "_")
