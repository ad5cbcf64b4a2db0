"""Requests at a given number of connections, as fast as they are answered.

Everything that is sent is made beforehand, and as little as can be is read of an answer: its
status and its length. That keeps the client far cheaper than any server that it measures.
"""

import gc
import select
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_CHUNK = 1 << 18
#: So long one answer may take, in seconds.
_PATIENCE = 240.0


class Broken(RuntimeError):
    """A server has closed a connection, or does not answer."""


@dataclass
class Window:
    """What came back while one kind of request was sent."""

    seconds: float = 0.0
    #: Of every request that was done as it was asked, in seconds.
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[bytes] = field(default_factory=Counter)
    received: int = 0
    #: Processor time of this client.
    client_cpu: float = 0.0
    #: An answer that was no success, to show why.
    refusal: bytes = b""

    @property
    def answered(self) -> int:
        return len(self.latencies)

    @property
    def refused(self) -> int:
        return self.statuses.total() - self.answered

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    def note(self, status: bytes, seconds: float) -> None:
        self.statuses[status] += 1
        if status[:1] == b"2":
            self.latencies.append(seconds)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass
class _Line:
    """One connection, and how far its answer has come."""

    plug: socket.socket
    sent_at: float = 0.0
    missing: int = 0
    status: bytes = b""
    head: bytes = b""


def request(method: str, path: str, key: str, body: bytes | None = None, more: str = "") -> bytes:
    """A whole request, as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n{more}"
    if body is None:
        return f"{head}\r\n".encode()
    told = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + told).encode() + body


def drive(
    port: int,
    requests: Iterator[bytes],
    *,
    seconds: float,
    connections: int = 16,
    least: int = 0,
    longest: float = 60.0,
    most: int | None = None,
) -> Window:
    """Send until `seconds` are over and `least` are answered, or `requests` run out.

    Never longer than `longest` seconds, never more than `most` requests.
    """
    window = Window()
    poll = select.epoll()
    lines: dict[int, _Line] = {}
    gc.disable()
    used = time.process_time()
    began = last = time.perf_counter()
    try:
        for _ in range(connections):
            line = _connected(port)
            lines[line.plug.fileno()] = line
            poll.register(line.plug, select.EPOLLIN)
        left = most if most is not None else 1 << 62
        waiting = 0
        for line in lines.values():
            if left and _send(line, requests):
                waiting += 1
                left -= 1
        while waiting:
            events = poll.poll(_PATIENCE)
            if not events:
                raise Broken(f"no answer within {_PATIENCE} s")
            for number, _ in events:
                line = lines[number]
                if not _receive(line, window):
                    continue
                last = time.perf_counter()
                window.note(line.status, last - line.sent_at)
                passed = last - began
                enough = window.statuses.total() >= least
                over = passed >= longest or (passed >= seconds and enough)
                if over or left <= 0 or not _send(line, requests):
                    waiting -= 1
                    # The server closes it when it has been idle for long enough.
                    poll.unregister(number)
                else:
                    left -= 1
    finally:
        gc.enable()
        poll.close()
        for line in lines.values():
            line.plug.close()
    window.seconds = last - began
    window.client_cpu = time.process_time() - used
    return window


def _connected(port: int) -> _Line:
    plug = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
    plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _Line(plug)


def _send(line: _Line, requests: Iterator[bytes]) -> bool:
    message = next(requests, None)
    if message is None:
        return False
    line.sent_at = time.perf_counter()
    line.plug.sendall(message)
    return True


def _receive(line: _Line, window: Window) -> bool:
    """Read what has come; whether the answer is whole."""
    data = line.plug.recv(_CHUNK)
    if not data:
        raise Broken("the server has closed a connection")
    window.received += len(data)
    if line.missing:
        line.missing -= len(data)
        return line.missing == 0
    if line.head:
        data = line.head + data
    end = data.find(b"\r\n\r\n")
    if end < 0:
        line.head = data
        return False
    line.head = b""
    line.status = data[9:12]
    if line.status[:1] != b"2" and not window.refusal:
        window.refusal = data[:600]
    line.missing = _length(data[:end].lower()) - (len(data) - end - 4)
    return line.missing == 0


def _length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        raise Broken(f"an answer without a length: {head!r}")
    stop = head.find(b"\r\n", at + 2)
    return int(head[at + 17 : stop if stop > 0 else None])
