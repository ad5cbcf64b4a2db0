"""Word of published tests: signed, tried again, logged, and never twice at once."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from laboratory import Laboratory, MovableClock, World
from titer.domain.webhooks.rules import WAITS, wait_before


class Receiver:
    """A server that takes webhooks, and answers as it is told."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.received: list[tuple[dict[str, str], str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                told = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append((told, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks?x=1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.server.serve_forever)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


def hook(lab: Laboratory, url: str, **fields: Any) -> dict[str, Any]:
    made = lab.administrator().post("/webhooks", {"url": url} | fields)
    assert made.status_code == 201, made.text
    shown: dict[str, Any] = made.json()
    return shown


def post(world: World) -> None:
    world.run(world.app.postman.round)


def deliveries(lab: Laboratory, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/webhooks/{endpoint['id']}/deliveries"
    found: list[dict[str, Any]] = lab.administrator().get(path).json()["data"]
    return found


def publish(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    sample = lab.sample("verified", clientId=lab.has.client, clientName=None, **fields)
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200
    return sample


def test_a_published_test_is_told_of_once_and_signed(
    lab: Laboratory, world: World, receiver: Receiver
) -> None:
    endpoint = hook(lab, receiver.url, clientId=lab.has.client)
    other = lab.post("/clients", {"name": "Somebody else"}).json()["id"]
    strangers = hook(lab, receiver.url, clientId=other)
    sample = publish(lab, lot="L-7")
    post(world)
    post(world)
    assert len(receiver.received) == 2
    told = {json.loads(body)["data"]["id"]: json.loads(body) for _, body in receiver.received}
    assert told.keys() == {test["id"] for test in sample["tests"]}
    for headers, body in receiver.received:
        assert Webhook(endpoint["secret"]).verify(body, headers)
    message = told[sample["tests"][0]["id"]]
    assert message["type"] == "test.published"
    assert (message["data"]["lot"], message["data"]["sample_id"]) == ("L-7", sample["id"])
    for delivery in deliveries(lab, endpoint):
        assert delivery["state"] == "delivered"
        assert [each["status"] for each in delivery["attempts"]] == [204]
    assert deliveries(lab, strangers) == []
    lab.post(f"/samples/{sample['id']}/report")
    assert len(deliveries(lab, endpoint)) == 2


def test_a_report_that_is_refused_tells_nobody(lab: Laboratory, receiver: Receiver) -> None:
    endpoint = hook(lab, receiver.url)
    sample = lab.sample("completed")
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 409
    assert deliveries(lab, endpoint) == []


def test_what_is_not_taken_is_sent_again_and_given_up_in_the_end(
    lab: Laboratory, world: World, receiver: Receiver, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    endpoint = hook(lab, receiver.url)
    receiver.status = 500
    lab.administrator().post(f"/webhooks/{endpoint['id']}/test")
    for _ in WAITS:
        clock.advance(hours=27)
        post(world)
    (delivery,) = deliveries_later(lab, endpoint)
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", 10)
    clock.advance(hours=27)
    post(world)
    assert len(receiver.received) == 10
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def deliveries_later(lab: Laboratory, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    """The deliveries, by somebody who signs in now."""
    return deliveries(lab, endpoint)


def test_the_waits_grow_and_differ_by_a_tenth() -> None:
    assert WAITS[:4] == (0, 5, 300, 1800)
    for attempt, seconds in enumerate(WAITS, start=1):
        least, most = wait_before(attempt, 0), wait_before(attempt, 1)
        assert least is not None
        assert most is not None
        assert least.total_seconds() == pytest.approx(seconds * 0.9)
        assert most.total_seconds() == pytest.approx(seconds * 1.1)
    assert wait_before(len(WAITS) + 1, 0) is None


def test_a_second_try_may_succeed(
    lab: Laboratory, world: World, receiver: Receiver, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    endpoint = hook(lab, receiver.url)
    receiver.status, receiver.headers = 302, {"Location": receiver.url}
    lab.administrator().post(f"/webhooks/{endpoint['id']}/test")
    post(world)
    assert len(receiver.received) == 1  # a redirect is not followed
    receiver.status, receiver.headers = 200, {}
    post(world)
    assert len(receiver.received) == 1  # not due yet
    clock.advance(seconds=6)
    post(world)
    (delivery,) = deliveries(lab, endpoint)
    assert delivery["state"] == "delivered"
    assert [each["status"] for each in delivery["attempts"]] == [302, 200]


def test_who_says_that_it_is_gone_is_told_nothing_more(
    lab: Laboratory, world: World, receiver: Receiver
) -> None:
    endpoint, admin = hook(lab, receiver.url), lab.administrator()
    receiver.status = 410
    for _ in range(2):
        admin.post(f"/webhooks/{endpoint['id']}/test")
    post(world)
    assert {each["state"] for each in deliveries(lab, endpoint)} == {"failed"}
    assert admin.get(f"/webhooks/{endpoint['id']}").json()["active"] is False
    told = lab.get("/audit-events", params={"entityType": "webhook_endpoint"}).json()["data"][0]
    assert (told["action"], told["reason"]) == ("webhook_endpoint.retired", "It answered 410 Gone.")
    publish(lab)
    assert len(deliveries(lab, endpoint)) == 2


def test_who_asks_for_time_is_given_it(
    lab: Laboratory, world: World, receiver: Receiver, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    endpoint = hook(lab, receiver.url)
    receiver.status, receiver.headers = 503, {"Retry-After": "600"}
    lab.administrator().post(f"/webhooks/{endpoint['id']}/test")
    post(world)
    (delivery,) = deliveries(lab, endpoint)
    assert delivery["dueAt"] == "2026-06-18T09:22:00.000Z"
    receiver.status, receiver.headers = 204, {"Retry-After": "never"}
    clock.advance(seconds=601)
    post(world)
    assert deliveries(lab, endpoint)[0]["state"] == "delivered"


def test_an_endpoint_that_answers_nothing_keeps_no_other_waiting(
    lab: Laboratory, world: World, receiver: Receiver
) -> None:
    admin = lab.administrator()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(100)
        silent = hook(lab, f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        for _ in range(30):
            admin.post(f"/webhooks/{silent['id']}/test")
        endpoint = hook(lab, receiver.url)
        for _ in range(30):
            admin.post(f"/webhooks/{endpoint['id']}/test")
        world.run(world.app.postman.begin)
        for _ in range(1_200):
            if len(receiver.received) == 30:
                break
            time.sleep(0.05)
        assert len(receiver.received) == 30
        pending = deliveries(lab, silent)
        # They are let go: what waits for nobody is sent no more.
        admin.patch(f"/webhooks/{silent['id']}", {"active": False})
    assert {each["state"] for each in pending} == {"pending"}
    post(world)
    assert {each["state"] for each in deliveries(lab, endpoint)} == {"delivered"}


def test_many_workers_send_a_message_once(
    lab: Laboratory, world: World, receiver: Receiver
) -> None:
    endpoint = hook(lab, receiver.url)
    for _ in range(5):
        lab.administrator().post(f"/webhooks/{endpoint['id']}/test")

    async def together() -> None:
        await asyncio.gather(*(world.app.postman.round() for _ in range(4)))

    world.run(together)
    ids = [headers["webhook-id"] for headers, _ in receiver.received]
    assert len(ids) == len(set(ids)) == 5


def test_for_a_day_the_old_secret_signs_too(
    lab: Laboratory, world: World, receiver: Receiver
) -> None:
    endpoint = hook(lab, receiver.url)
    admin = lab.administrator()
    renewed = admin.post(f"/webhooks/{endpoint['id']}/rotate-secret").json()
    assert renewed["secret"] != endpoint["secret"]
    admin.post(f"/webhooks/{endpoint['id']}/test")
    post(world)
    ((headers, body),) = receiver.received
    for secret in (endpoint["secret"], renewed["secret"]):
        assert Webhook(secret).verify(body, headers)
    assert "secret" not in admin.get(f"/webhooks/{endpoint['id']}").json()
    assert endpoint["secret"] not in lab.get("/audit-events?limit=500").text


def test_a_replay_sends_what_came_later_than_a_delivery(
    lab: Laboratory, world: World, receiver: Receiver
) -> None:
    endpoint, admin = hook(lab, receiver.url), lab.administrator()
    sent = [admin.post(f"/webhooks/{endpoint['id']}/test").json() for _ in range(3)]
    post(world)
    path = f"/webhooks/{endpoint['id']}/replay"
    assert admin.post(path, {"after": sent[0]["id"]}).json() == {"deliveries": 2}
    post(world)
    ids = [headers["webhook-id"] for headers, _ in receiver.received[3:]]
    assert sorted(ids) == sorted(each["messageId"] for each in sent[1:])


def test_a_url_that_leads_within_is_refused(lab: Laboratory, world: World) -> None:
    admin = lab.administrator()
    for url in ("http://example.org/", "ftp://x/", "nothing"):
        refused = admin.post("/webhooks", {"url": url})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body")
    endpoint = hook(lab, "https://localhost:1/")
    admin.post(f"/webhooks/{endpoint['id']}/test")
    post(world)
    (delivery,) = deliveries(lab, endpoint)
    assert "not on the public internet" in delivery["attempts"][0]["trouble"]


def test_a_rivals_endpoint_is_as_if_it_never_was(
    lab: Laboratory, rival: Laboratory, receiver: Receiver
) -> None:
    theirs, admin = hook(rival, receiver.url), lab.administrator()
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"active": False}),
        ("POST", "/rotate-secret", None),
        ("POST", "/test", None),
        ("POST", "/replay", {"after": 0}),
        ("GET", "/deliveries", None),
    ):
        for endpoint_id in (theirs["id"], 7_777_777):
            refused = admin.request(method, f"/webhooks/{endpoint_id}{path}", json=body)
            assert refused.status_code == 404
    foreign = admin.post("/webhooks", {"url": receiver.url, "clientId": rival.has.client})
    assert foreign.json()["error"] == "invalid_reference"
