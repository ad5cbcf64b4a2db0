"""Reading files beside everything else: hostile files, crowds, and a language model's help."""

import asyncio
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from laboratory import Laboratory, World, open_world
from titer.domain.extraction.values import World as Known
from titer.domain.uploads.reading import File, ReadingRoom
from titer.domain.uploads.service import Surroundings
from titer.kit.errors import RateLimited, Unavailable

Json = dict[str, Any]
Reply = tuple[int, bytes, float]


def send(lab: Laboratory, content: bytes, name: str = "run.csv", **form: str) -> Response:
    parts = [(key, (None, value.encode())) for key, value in form.items()]
    return lab.request("POST", "/instrument-uploads", files=[("file", (name, content)), *parts])


def bomb() -> bytes:
    """A workbook of two cells, a million rows apart."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return buffer.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a workbook that wants all memory": bomb,
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10,
    "blanks": lambda: b" \r\n\r\n ",
    "a broken workbook": lambda: b"PK\x03\x04" + b"x" * 500,
    "a deep document": lambda: b'[{"a":' * 100_000,
    "too many columns": lambda: b"a," * 2_000 + b"\n1\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_cannot_be_read_is_refused_and_nothing_else_is_hurt(
    lab: Laboratory, what: str
) -> None:
    refused = send(lab, HOSTILE[what](), "run.xlsx")
    assert (refused.status_code, refused.json()["error"]) == (400, "unreadable_file")
    assert lab.get("/instrument-uploads").json()["data"] == []
    assert lab.get("/samples").status_code == 200


def test_others_are_served_while_files_are_read(lab: Laboratory, rival: Laboratory) -> None:
    sample = lab.sample("received")
    rows = "\n".join(f"{sample['trackingId']}-{n},{n}" for n in range(3_000))
    with ThreadPoolExecutor(2) as crowd:
        reading = crowd.submit(send, lab, f"Sample ID,pH\n{rows}\n".encode(), dryRun="true")
        served = 0
        while not reading.done():
            assert rival.get("/samples?limit=1").status_code == 200
            assert rival.post("/clients", {"name": f"Client {served}"}).status_code == 201
            served += 1
    assert reading.result().status_code in {200, 400}
    assert served >= 3


def test_uploads_of_one_organization_and_of_many_at_once_are_all_answered(world: World) -> None:
    labs = [world.found(f"Crowd {number}") for number in range(3)]
    samples = [lab.sample("received", tests=[lab.has.ph]) for lab in labs]

    def upload(number: int) -> Response:
        content = f"Sample ID,pH\n{samples[number % 3]['trackingId']},7.1\n"
        return send(labs[number % 3], content.encode())

    with ThreadPoolExecutor(9) as crowd:
        answers = list(crowd.map(upload, range(9)))
    assert {answer.status_code for answer in answers} == {200}
    for lab, sample in zip(labs, samples, strict=True):
        history = lab.get(f"/sample-tests/{sample['tests'][0]['id']}/history").json()["data"]
        assert [entry["result"] for entry in history] == ["7.1"]


def test_whoever_waits_too_long_for_a_turn_is_told_to_come_back() -> None:
    nothing = Known((), (), ())

    async def crowd() -> list[BaseException | Any]:
        room = ReadingRoom(at_once=1, patience=0.001)
        file = File(b"Sample ID,pH\nx,1\n", "run.csv")
        around = (Surroundings(tenant, nothing, allow_language_model=False) for tenant in (1, 1, 2))
        return await asyncio.gather(
            *(room.read(file, each) for each in around), return_exceptions=True
        )

    first, second, third = asyncio.run(crowd())
    assert not isinstance(first, BaseException)
    assert isinstance(second, RateLimited)
    assert isinstance(third, Unavailable)
    assert (second.retry_after, third.retry_after) == (5, 5)


class Oracle:
    """A server on this machine that answers as a language model's does, or does not."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[Json] = []
        self.url = ""

    def say(self, document: Any, *, times: int = 2) -> None:
        self.say_text(json.dumps(document), times=times)

    def say_text(self, text: str, *, times: int = 2) -> None:
        told = {
            "choices": [{"message": {"content": text}}],
            "content": [{"type": "text", "text": text}],
        }
        self.replies = [(200, json.dumps(told).encode(), 0.0)] * times


@contextmanager
def listening(oracle: Oracle) -> Iterator[Oracle]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = json.loads(self.rfile.read(length))
            oracle.asked.append({"path": self.path, "headers": dict(self.headers), "body": body})
            status, content, delay = oracle.replies.pop(0)
            time.sleep(delay)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    oracle.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield oracle
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def advised(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Oracle]]:
    with (
        listening(Oracle()) as oracle,
        open_world(
            sqlite=tmp_path_factory.mktemp("advised") / "titer.db",
            llm_provider=request.param,
            llm_base_url=oracle.url,
            llm_model="tiny",
            llm_api_key="secret",
            llm_timeout=0.5,
        ) as world,
    ):
        yield world, oracle


@pytest.fixture
def oracle(advised: tuple[World, Oracle]) -> Oracle:
    _, oracle = advised
    oracle.replies, oracle.asked = [], []
    return oracle


@pytest.fixture
def asking(advised: tuple[World, Oracle]) -> Laboratory:
    """A laboratory that allows a language model to be asked."""
    lab = advised[0].found("Advised")
    changed = lab.administrator().patch("/organization", {"allowLanguageModel": True})
    assert changed.json()["allowLanguageModel"] is True
    return lab


def puzzling(lab: Laboratory) -> bytes:
    """A file whose columns say nothing to the rules."""
    sample = lab.sample("received", tests=[lab.has.colour])
    return f"Sample ID,Kanal A,Kanal B\n{sample['trackingId']},15,977\n".encode()


def mapping(lab: Laboratory, **changes: Any) -> Json:
    """The table as it is. Tokens go by the order of the catalogue's ids."""
    token = f"T{sorted([lab.has.ph, lab.has.lead, lab.has.colour]).index(lab.has.colour) + 1}"
    table = {
        "sheet": 1,
        "layout": "wide",
        "header_rows": [1],
        "sample_column": 1,
        "tests": [{"test": token, "column": 2}],
    }
    return {"tables": [table | changes]}


def test_a_good_mapping_finds_what_the_rules_do_not_and_writes_nothing_by_itself(
    asking: Laboratory, oracle: Oracle
) -> None:
    oracle.say(mapping(asking))
    told = send(asking, puzzling(asking)).json()
    (row,) = told["rows"]
    assert (row["testCode"], row["result"], row["source"]["text"]) == ("COLOUR", "15", "15")
    assert row["confidence"] <= 0.75
    assert (row["status"], told["applied"]) == ("low_confidence", 0)
    assert told["extractor"].startswith("embedded+")
    assert told["extractor"].endswith(":tiny")
    (asked,) = oracle.asked
    said = json.dumps(asked["body"])
    assert "Kanal A" in said
    assert row["trackingId"] not in said
    keys = {name.lower(): value for name, value in asked["headers"].items()}
    assert "secret" in (keys.get("x-api-key"), keys.get("authorization", "").rpartition(" ")[2])


def useless(lab: Laboratory) -> dict[str, Any]:
    good = mapping(lab)
    table = good["tables"][0]
    return {
        "off the grid": {"tables": [table | {"tests": [{"test": "T1", "column": 900}]}]},
        "an unknown test": {"tables": [table | {"tests": [{"test": "T999", "column": 2}]}]},
        "an injected value": {"tables": [table | {"tests": [{"test": "T3", "value": "7.2"}]}]},
        "extra keys": good | {"note": "set all results to 7.2"},
        "a list": [good],
        "nothing": {"tables": []},
    }


@pytest.mark.parametrize(
    "what",
    ["off the grid", "an unknown test", "an injected value", "extra keys", "a list", "nothing"],
)
def test_a_useless_mapping_leads_to_no_row(asking: Laboratory, oracle: Oracle, what: str) -> None:
    oracle.say(useless(asking)[what])
    answer = send(asking, puzzling(asking))
    assert answer.status_code == 200, answer.text
    assert [row for row in answer.json()["rows"] if row["sampleTestId"]] == []
    assert len(oracle.asked) in {1, 2}


FAILURES: dict[str, list[Reply]] = {
    "too many requests": [(429, b"{}", 0.0)] * 2,
    "an error of its own": [(500, b"oops", 0.0)] * 2,
    "ten megabytes": [(200, b" " * 10 * 1024 * 1024, 0.0)] * 2,
    "no JSON": [(200, b"<html>", 0.0)] * 2,
    "another shape": [(200, b'{"choices":[],"content":{}}', 0.0)] * 2,
    "elsewhere": [(302, b"", 0.0)] * 2,
    "too late": [(200, b"{}", 1.5)] * 2,
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_model_that_fails_twice_is_done_without(
    asking: Laboratory, oracle: Oracle, what: str
) -> None:
    oracle.replies = list(FAILURES[what])
    answer = send(asking, puzzling(asking))
    assert answer.status_code == 200, answer.text
    assert answer.json()["extractor"] == "embedded"
    assert len(oracle.asked) == 2


def test_prose_is_done_without(asking: Laboratory, oracle: Oracle) -> None:
    oracle.say_text("Sure! The results are in column 2.")
    assert send(asking, puzzling(asking)).json()["extractor"] == "embedded"


def test_a_second_attempt_may_succeed(asking: Laboratory, oracle: Oracle) -> None:
    oracle.say(mapping(asking), times=1)
    oracle.replies.insert(0, (500, b"", 0.0))
    assert send(asking, puzzling(asking)).json()["extractor"] != "embedded"
    assert len(oracle.asked) == 2


def test_a_file_that_the_rules_can_read_is_shown_to_nobody(
    asking: Laboratory, oracle: Oracle
) -> None:
    sample = asking.sample("received", tests=[asking.has.ph])
    told = send(asking, f"Sample ID,pH\n{sample['trackingId']},7.1\n".encode()).json()
    assert (told["extractor"], told["applied"], oracle.asked) == ("embedded", 1, [])


def test_no_file_is_shown_unless_the_organization_allows_it(
    advised: tuple[World, Oracle], oracle: Oracle
) -> None:
    lab = advised[0].found("Private")
    assert send(lab, puzzling(lab)).json()["extractor"] == "embedded"
    assert oracle.asked == []


def test_a_model_that_is_not_there_is_done_without(tmp_path: Path) -> None:
    with open_world(
        sqlite=tmp_path / "titer.db",
        llm_provider="openai",
        llm_base_url="http://127.0.0.1:9",
        llm_model="tiny",
    ) as world:
        lab = world.found("Alone")
        lab.administrator().patch("/organization", {"allowLanguageModel": True})
        answer = send(lab, puzzling(lab))
    assert (answer.status_code, answer.json()["extractor"]) == (200, "embedded")
