"""Sliding windows that several processes share through Valkey or Redis.

The server counts, by its own clock, in one script and so in one round trip: whether the request is
admitted, and what is left of each limit. Requests that come while a round trip is under way leave
together in the next one. A server that is gone, or hangs, is survived: each process then goes by
its own windows, which it keeps all along, so that it never admits more than the quota by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from titer.kit.windows.limits import Limit, Standing, Verdict
from titer.kit.windows.memory import MemoryWindows

_log = structlog.get_logger("titer.limits")

#: What a request waits at most for the server; with the work around it that stays below 50 ms.
PATIENCE = 0.04
#: When a round trip is given up for good, and its connection with it.
_ABANDON = 0.5
_SLICES = 8
_BATCH = 128
_MICROSECONDS = 1_000_000

#: KEYS: a list of stamps in microseconds for each limit that is asked about, oldest first. ARGV:
#: for each question how many limits it charges, then quota and seconds of each. The answer is one
#: text, which is quicker to read than many small replies: admitted,remaining,reset,... of each.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answer, key, argument = {}, 0, 1
while argument <= #ARGV do
  local count = tonumber(ARGV[argument])
  local admitted = 1
  for i = 1, count do
    local list = KEYS[key + i]
    local quota, seconds = tonumber(ARGV[argument + 2 * i - 1]), tonumber(ARGV[argument + 2 * i])
    local oldest = redis.call('LINDEX', list, 0)
    while oldest and now - oldest > seconds * 1000000 do
      redis.call('LPOP', list)
      oldest = redis.call('LINDEX', list, 0)
    end
    if redis.call('LLEN', list) >= quota then admitted = 0 end
  end
  answer[#answer + 1] = admitted
  for i = 1, count do
    local list = KEYS[key + i]
    local quota, seconds = tonumber(ARGV[argument + 2 * i - 1]), tonumber(ARGV[argument + 2 * i])
    if admitted == 1 then
      local newest = tonumber(redis.call('LINDEX', list, -1) or 0)
      redis.call('RPUSH', list, string.format('%.0f', math.max(now, newest)))
      redis.call('EXPIRE', list, seconds + 1)
    end
    local used = redis.call('LLEN', list)
    local oldest = tonumber(redis.call('LINDEX', list, math.max(0, used - quota)) or now)
    answer[#answer + 1] = math.max(0, quota - used)
    answer[#answer + 1] = string.format('%.0f', oldest + seconds * 1000000 + 1 - now)
  end
  key = key + count
  argument = argument + 1 + 2 * count
end
return table.concat(answer, ',')
"""


class Breaker:
    """Open while a server is known to fail: nobody asks it, and nobody waits for it."""

    def __init__(self, failures: int = 5, pause: float = 2.0) -> None:
        self._allowed = failures
        self._failures = 0
        #: After how many seconds it is worth looking whether the server is back.
        self.pause = pause

    @property
    def tripped(self) -> bool:
        return self._failures >= self._allowed

    def succeeded(self) -> None:
        if self.tripped:
            _log.info("shared limits are back")
        self._failures = 0

    def failed(self, error: BaseException, *, for_certain: bool = False) -> None:
        before = self.tripped
        self._failures = self._allowed if for_certain else self._failures + 1
        if self.tripped and not before:
            _log.warning(
                "shared limits are out of reach: each worker counts for itself",
                error=type(error).__name__,
            )


class SharedWindows:
    """Windows on a server, with this process's own behind them."""

    shared = True

    def __init__(self, url: str, own: MemoryWindows, breaker: Breaker | None = None) -> None:
        self._own = own
        self.breaker = breaker or Breaker()
        self._server = _Server(url, self._failed_for_certain)
        self._watch: asyncio.Task[None] | None = None

    async def hit(self, caller: bytes, limits: Sequence[Limit]) -> Verdict:
        # Charged here first: what this process admits by itself is never above the quota, even
        # from one moment to the next, when the server goes or comes back with nothing in it. And
        # a caller who is over the limit costs no round trip.
        own = self._own.charge(caller, limits)
        if not own.admitted:
            return _patient(own)
        if self.breaker.tripped or self._server.late:
            return own
        try:
            shared = await self._server.hit(caller, limits)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return own
        except BaseException:
            self._own.give_back(caller, limits)
            raise
        self.breaker.succeeded()
        if not shared.admitted:
            self._own.give_back(caller, limits)
            return shared
        pairs = zip(own.standings, shared.standings, strict=True)
        return Verdict(admitted=True, standings=tuple(mine.worse(all_) for mine, all_ in pairs))

    def forget(self, caller: bytes) -> None:
        self._own.forget(caller)

    async def reachable(self) -> bool:
        return await self._server.answers()

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._server.close()
        await self._own.close()

    def _failed_for_certain(self, error: BaseException) -> None:
        self._failed(error, for_certain=True)

    def _failed(self, error: BaseException, *, for_certain: bool = False) -> None:
        self.breaker.failed(error, for_certain=for_certain)
        if self.breaker.tripped and (self._watch is None or self._watch.done()):
            self._watch = asyncio.create_task(self._watch_for_it())

    async def _watch_for_it(self) -> None:
        """Ask in the requests' place, so that none of them pays for finding out."""
        while self.breaker.tripped:
            if await self._server.answers():
                self.breaker.succeeded()
            else:
                await asyncio.sleep(self.breaker.pause)


def _patient(verdict: Verdict) -> Verdict:
    """The server stamped each of these a little later than we did: it lets go that much later."""
    standings = (
        Standing(standing.limit, standing.remaining, standing.reset + PATIENCE)
        for standing in verdict.standings
    )
    return Verdict(admitted=False, standings=tuple(standings))


@dataclass(slots=True)
class _Question:
    """One caller's request, and the answer that it waits for."""

    keys: tuple[bytes, ...]
    arguments: tuple[int, ...]
    answer: asyncio.Future[tuple[int, ...]]


class _Server:
    """One connection, on which everybody's questions travel together."""

    def __init__(self, url: str, gave_up: Callable[[BaseException], None]) -> None:
        self._gave_up = gave_up
        #: Whether a round trip is under way that somebody has waited for in vain: whoever comes
        #: meanwhile would wait in vain as well.
        self.late = False
        self._client: Redis = Redis.from_url(
            url,
            socket_timeout=_ABANDON,
            socket_connect_timeout=_ABANDON,
            retry=Retry(NoBackoff(), 0),
            max_connections=4,
        )
        self._sha = ""
        self._waiting: list[_Question] = []
        self._trips: asyncio.Task[None] | None = None

    async def hit(self, caller: bytes, limits: Sequence[Limit]) -> Verdict:
        answer = await self._ask(
            tuple(b"titer:limit:%s:%s" % (limit.name.encode(), caller) for limit in limits),
            (len(limits), *(part for limit in limits for part in (limit.quota, limit.seconds))),
        )
        standings = tuple(
            Standing(limit, answer[2 * i + 1], answer[2 * i + 2] / _MICROSECONDS)
            for i, limit in enumerate(limits)
        )
        return Verdict(bool(answer[0]), standings)

    async def answers(self) -> bool:
        """Whether the server is there; it is told the script at once."""
        try:
            async with asyncio.timeout(_ABANDON):
                self._sha = str(await self._client.script_load(_SCRIPT))
                return True
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        if self._trips is not None:
            self._trips.cancel()
            await asyncio.gather(self._trips, return_exceptions=True)
        await self._client.aclose()

    async def _ask(self, keys: tuple[bytes, ...], arguments: tuple[int, ...]) -> tuple[int, ...]:
        question = _Question(keys, arguments, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        if self._trips is None or self._trips.done():
            self._trips = asyncio.create_task(self._travel())
        try:
            # In slices: a slice that takes longer than it should was lost to this process being
            # busy, with the answer perhaps at the door already, and not to the server.
            for _ in range(_SLICES):
                await asyncio.wait([question.answer], timeout=PATIENCE / _SLICES)
                if question.answer.done():
                    return question.answer.result()
            self.late = True
            raise TimeoutError
        finally:
            question.answer.cancel()

    async def _travel(self) -> None:
        while self._waiting:
            waiting = [question for question in self._waiting if not question.answer.done()]
            batch, self._waiting = waiting[:_BATCH], waiting[_BATCH:]
            if not batch:
                return
            try:
                async with asyncio.timeout(_ABANDON):
                    replies = await self._round_trip(batch)
            except (RedisError, OSError, TimeoutError) as error:
                self._give_up(batch, error)
                continue
            self.late = False
            for question in batch:
                size = len(question.arguments)
                reply, replies = replies[:size], replies[size:]
                if not question.answer.done():
                    question.answer.set_result(reply)

    def _give_up(self, batch: Sequence[_Question], error: BaseException) -> None:
        if self.late:
            self.late = False
            self._gave_up(error)
        for question in batch:
            if not question.answer.done():
                question.answer.set_exception(error)

    async def _round_trip(self, batch: Sequence[_Question]) -> tuple[int, ...]:
        keys = [key for question in batch for key in question.keys]
        arguments = [argument for question in batch for argument in question.arguments]
        self._sha = self._sha or str(await self._client.script_load(_SCRIPT))
        try:
            reply = await self._client.evalsha(self._sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # The server was restarted or flushed, and counted nothing of this.
            self._sha = str(await self._client.script_load(_SCRIPT))
            reply = await self._client.evalsha(self._sha, len(keys), *keys, *arguments)
        return tuple(int(number) for number in reply.split(b","))
