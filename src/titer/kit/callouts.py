"""Calls to addresses that somebody else has named, and that must not lead back into our network.

The name is resolved once; every address that it has must be on the public internet, also the one
that it carries inside (IPv4 in IPv6 in its several ways); the connection goes to that very address,
so that a second answer of the name server cannot lead elsewhere. No redirect is followed, and
neither the time nor the size of an answer is left to the other side.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx2

_NAT64 = IPv6Network("64:ff9b::/96")
_MOST_BYTES = 64 * 1024
_SECONDS = 15.0

Address = IPv4Address | IPv6Address


class Unreachable(RuntimeError):
    """The address may not be called, or does not answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call came to: a status, or what went wrong; and how long it took."""

    status: int | None
    trouble: str | None
    milliseconds: int
    #: Seconds that the other side asks us to wait before we come again.
    retry_after: int | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - as HTTP has it


def carried(address: Address) -> tuple[Address, ...]:
    """The address, and those that it carries inside."""
    if isinstance(address, IPv4Address):
        return (address,)
    inner: list[Address] = [address]
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner += address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return tuple(inner)


def is_public(address: Address) -> bool:
    """Whether the address, and each that it carries, is one of the public internet."""
    return all(each.is_global and not each.is_multicast for each in carried(address))


class Callouts:
    """Makes such calls. Hosts named in `allowed` are called wherever they are, http too."""

    def __init__(self, allowed: Collection[str] = (), seconds: float = _SECONDS) -> None:
        self._allowed = frozenset(allowed)
        self._seconds = seconds

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        """Whom we believe. Made once: reading all of them takes longer than a call."""
        return httpx2.create_ssl_context(trust_env=False)

    def refuse_url(self, url: str) -> str | None:
        """What is wrong with a URL, before anybody looks where it leads; None if nothing is."""
        try:
            parsed = httpx2.URL(url)
        except httpx2.InvalidURL:
            return "must be a URL"
        if not parsed.host or parsed.userinfo:
            return "must name a host, and no user"
        if parsed.scheme != "https" and not (
            parsed.scheme == "http" and parsed.host in self._allowed
        ):
            return "must begin with https://"
        return None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post, once. Never raises: what goes wrong is the reply's trouble."""
        began = time.monotonic()
        status, trouble, retry_after = None, None, None
        try:
            async with asyncio.timeout(self._seconds):
                status, retry_after = await self._post(url, body, headers)
        except Unreachable as refusal:
            trouble = str(refusal)
        except TimeoutError:
            trouble = f"it took longer than {self._seconds:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            trouble = f"{type(error).__name__}: {error}"[:500]
        return Reply(status, trouble, int((time.monotonic() - began) * 1000), retry_after)

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, int | None]:
        fault = self.refuse_url(url)
        if fault is not None:
            raise Unreachable(f"the URL {fault}")
        parsed = httpx2.URL(url)
        host = parsed.host
        address = await self._resolve(host, parsed.port)
        client = httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, verify=self._certificates
        )
        async with client:
            request = client.build_request(
                "POST",
                parsed.copy_with(host=str(address)),
                content=body,
                headers={**headers, "Host": parsed.netloc.decode("ascii")},
                extensions={
                    "sni_hostname": host,
                    "timeout": httpx2.Timeout(self._seconds).as_dict(),
                },
            )
            response = await client.send(request, stream=True)
            try:
                read = 0
                async for chunk in response.aiter_raw():
                    read += len(chunk)
                    if read > _MOST_BYTES:
                        break
            finally:
                await response.aclose()
        asked = response.headers.get("retry-after", "")
        return int(response.status_code), int(asked[:9]) if asked.isdecimal() else None

    async def _resolve(self, host: str, port: int | None) -> Address:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port or 443, type=socket.SOCK_STREAM
            )
        except OSError as error:
            raise Unreachable(f"{host} has no address") from error
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        if not addresses:
            raise Unreachable(f"{host} has no address")
        if host not in self._allowed and not all(map(is_public, addresses)):
            raise Unreachable(f"{host} is not on the public internet")
        return addresses[0]
