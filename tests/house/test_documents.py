"""The published documents: whole, valid, and true of what the operations answer."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from laboratory import Laboratory, World
from titer.kit.web.door import problems_of
from titer.kit.web.status import status_of

Json = dict[str, Any]


@pytest.fixture(scope="session")
def documents(world: World) -> dict[str, Json]:
    """Every face's document, by its address, as anybody can fetch it."""
    faces = world.http.get("/").json()["apis"]
    return {url: world.http.get(url).json() for url in faces.values()}


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def everywhere(documents: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    for document in documents.values():
        yield from operations(document)


def test_every_document_is_valid_openapi(documents: dict[str, Json]) -> None:
    for url, document in documents.items():
        errors = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
        assert errors == [], url


def test_every_document_says_whose_it_is(documents: dict[str, Json]) -> None:
    for document in documents.values():
        assert document["openapi"].startswith("3.1")
        assert {"title", "version", "description", "license"} <= document["info"].keys()
        assert document["servers"] == [{"url": "/", "description": "This server"}]
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_every_operation_has_an_id_of_its_own_and_a_summary(documents: dict[str, Json]) -> None:
    for document in documents.values():
        ids = [operation["operationId"] for _, operation in operations(document)]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-z][A-Za-z0-9]+", name) for name in ids)
        for name, operation in operations(document):
            assert operation["summary"], name
            assert not operation["summary"].endswith("."), name


def test_every_tag_is_described(documents: dict[str, Json]) -> None:
    for document in documents.values():
        described = {tag["name"] for tag in document["tags"] if tag["description"]}
        used = {tag for _, operation in operations(document) for tag in operation["tags"]}
        assert used <= described


def test_every_keyed_operation_tells_how_it_refuses(documents: dict[str, Json]) -> None:
    for name, operation in everywhere(documents):
        if not operation["security"]:
            continue
        answers = operation["responses"].keys()
        assert {"401", "403", "500", "503"} <= answers, name
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
        assert "Retry-After" in operation["responses"]["503"]["headers"]
        if "{" in name:
            assert {"400", "404"} <= answers, name
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= answers, name


def test_every_operation_of_the_lab_api_tells_of_its_limit(documents: dict[str, Json]) -> None:
    for name, operation in operations(documents["/api/v1/openapi.json"]):
        refused = operation["responses"]["429"]
        example = refused["content"]["application/json"]["examples"]["rate_limited"]["value"]
        assert re.fullmatch(
            r"Too many requests\. Limit is \d+/minute per API key\.", example["message"]
        ), name
        assert {"Retry-After", "RateLimit", "X-RateLimit-Reset"} <= refused["headers"].keys()


def test_only_the_discovery_needs_no_key(documents: dict[str, Json]) -> None:
    document = documents["/api/v1/openapi.json"]
    open_to_all = [name for name, operation in operations(document) if not operation["security"]]
    assert open_to_all == ["GET /api/v1"]


def test_no_document_tells_of_a_validation_that_we_never_answer(
    documents: dict[str, Json],
) -> None:
    for document in documents.values():
        assert "HTTPValidationError" not in str(document)
        assert "ValidationError" not in document["components"]["schemas"]


def test_every_refusal_that_a_route_declares_is_in_its_document(world: World) -> None:
    for face in (world.app.lab, world.app.office):
        documented = {each["operationId"]: each for _, each in operations(face.openapi())}
        for route in face.routes:
            if isinstance(route, APIRoute) and route.operation_id:
                responses = documented[route.operation_id]["responses"]
                for problem in problems_of(route.endpoint):
                    content = responses[str(status_of(problem))]["content"]["application/json"]
                    assert problem.slug in content["examples"], (route.operation_id, problem)


def test_names_are_spelled_in_camel_case(documents: dict[str, Json]) -> None:
    for url, document in documents.items():
        if url == "/api/results/openapi.json":
            continue  # its contract spells them in snake_case
        for path in document["paths"]:
            assert "_" not in path
        for name, operation in operations(document):
            for parameter in operation.get("parameters", ()):
                if parameter.get("in") in {"path", "query"}:
                    assert re.fullmatch(r"[a-z][A-Za-z0-9]*", parameter["name"]), name
        for schema in document["components"]["schemas"].values():
            for name in schema.get("properties", ()):
                assert re.fullmatch(r"[a-z][A-Za-z0-9]*", name), name


def test_every_answer_has_a_description_and_a_request_id(documents: dict[str, Json]) -> None:
    for name, operation in everywhere(documents):
        for response in operation["responses"].values():
            assert response["description"], name
            assert response["description"] != "Successful Response", name
            assert "X-Request-Id" in response["headers"], name


def test_the_headers_that_are_documented_are_sent(lab: Laboratory) -> None:
    document = lab.world.app.lab.openapi()
    path = document["paths"]["/api/v1/samples/{sampleId}"]["get"]
    sample = lab.sample()
    answer = lab.get(f"/samples/{sample['id']}")
    assert {name.lower() for name in path["responses"]["200"]["headers"]} <= answer.headers.keys()
    unchanged = lab.get(
        f"/samples/{sample['id']}", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert unchanged.status_code == 304
    assert {"etag", "x-request-id", "ratelimit"} <= unchanged.headers.keys()


def test_what_is_answered_is_what_the_document_says(
    documents: dict[str, Json], lab: Laboratory
) -> None:
    document = documents["/api/v1/openapi.json"]
    sample = lab.sample("completed")
    for test in sample["tests"]:
        lab.verify(test["id"])
    known = {"sampleId": sample["id"], "sampleTestId": sample["tests"][0]["id"]}
    asked = tagged = 0
    for name, operation in operations(document):
        method, path = name.split(" ")
        for slot, value in known.items():
            path = path.replace(f"{{{slot}}}", str(value))
        if method != "GET" or "{" in path:
            continue
        answer = lab.get(path.removeprefix("/api/v1"))
        assert answer.status_code == 200, name
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        whole = schema | {"components": document["components"], "unevaluatedProperties": False}
        errors = [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]
        assert errors == [], name
        asked += 1
        if "304" in operation["responses"]:
            assert answer.headers["etag"], name
            tagged += 1
    assert asked >= 12
    assert tagged >= 2


def test_the_guides_examples_are_in_the_document(documents: dict[str, Json]) -> None:
    document = documents["/api/v1/openapi.json"]
    schemas = document["components"]["schemas"]
    assert schemas["NewSample"]["examples"][0]["clientName"] == "Acme Water District"
    assert schemas["BulkResults"]["examples"][0]["updates"][0]["sampleTestId"] == 5001
    listed = document["paths"]["/api/v1/samples"]["get"]["responses"]["200"]
    assert listed["content"]["application/json"]["example"]["nextCursor"] == 1041


def test_a_document_is_made_once(world: World) -> None:
    assert world.app.lab.openapi() is world.app.lab.openapi()
