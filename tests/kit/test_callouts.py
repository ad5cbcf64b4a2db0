"""Calls to addresses that somebody else has named."""

import asyncio
from ipaddress import ip_address

import pytest

from titer.kit.callouts import Callouts, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1"),  # noqa: S104 - an address to refuse
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::", "2002:0a00:0001::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:0:7f00:1::"),
    ],
)
def test_an_address_within_is_no_public_one(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_an_address_of_the_internet_is_a_public_one(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://",
        "https://user:secret@example.org/",
        "nothing",
    ],
)
def test_a_url_that_may_not_be_called_is_refused_at_once(url: str) -> None:
    assert Callouts(["127.0.0.1"]).refuse_url(url) is not None


def test_a_host_within_is_not_called_unless_it_is_allowed() -> None:
    for url in ("https://127.0.0.1:1/", "https://localhost:1/", "https://[::1]:1/"):
        reply = asyncio.run(Callouts().post(url, b"{}", {}))
        assert not reply.accepted
        assert "is not on the public internet" in str(reply.trouble)
