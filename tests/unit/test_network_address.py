"""Whom limits by network address count: the peer, or who a trusted proxy says is behind it."""

import logging
from ipaddress import ip_network
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from bot.web.network_address import ADDRESSES, NetworkAddresses
from bot.web.pages import client_address

PROXIES = ("10.0.0.0/8", "2001:db8:ff::/48", "::ffff:172.16.0.0/112")
WARNING = "X-Forwarded-For does not count, since TRUSTED_PROXIES is not set: a proxy counts as one visitor."


def counted(peer: str, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str:
    application = web.Application()
    application[ADDRESSES] = NetworkAddresses([ip_network(each) for each in trusted])
    headers = CIMultiDict(("X-Forwarded-For", value) for value in forwarded)
    request = make_mocked_request("GET", "/", headers=cast("Any", headers), app=application)
    return client_address(request.clone(remote=peer))


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("93.184.216.34", [], "93.184.216.34"),
        # Whoever is no trusted proxy may write what they like.
        ("93.184.216.34", ["203.0.113.7"], "93.184.216.34"),
        ("127.0.0.1", ["203.0.113.7"], "127.0.0.1"),
        ("192.168.1.1", ["203.0.113.7"], "192.168.1.1"),
        # The rightmost that is not trusted; what stands before it anybody may have written.
        ("10.0.0.2", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.2", ["1.2.3.4,  203.0.113.7 "], "203.0.113.7"),
        ("10.0.0.2", ["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.2", ["1.2.3.4, 203.0.113.7, 10.9.9.9"], "203.0.113.7"),
        ("10.0.0.2", ["1.2.3.4, 203.0.113.7", "10.9.9.9, 2001:db8:ff::1"], "203.0.113.7"),
        # A visitor from within is one, too.
        ("10.0.0.2", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.2", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.2", [], "10.0.0.2"),
        # As some proxies write them.
        ("10.0.0.2", ["203.0.113.7:50123"], "203.0.113.7"),
        ("10.0.0.2", ["[2001:db8:1:2::3]:50123"], "2001:db8:1:2::/64"),
        ("10.0.0.2", ["[2001:db8:1:2::3]"], "2001:db8:1:2::/64"),
        # What is no address says nothing, and nothing before it counts.
        ("10.0.0.2", ["203.0.113.7, unknown"], "10.0.0.2"),
        ("10.0.0.2", ["203.0.113.7, <script>, 10.3.3.3"], "10.3.3.3"),
        ("10.0.0.2", ["203.0.113.7, "], "10.0.0.2"),
        ("10.0.0.2", ["²03.0.113.7"], "10.0.0.2"),
        # One address in two families, and one customer's many.
        ("::ffff:10.0.0.2", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff%eth0", [], "2001:db8:1:2::/64"),
        ("2001:db8:ff::1", ["2001:db8:1:2:aaaa::1"], "2001:db8:1:2::/64"),
        # Written in IPv6, as systems that listen for both families write it.
        ("172.16.5.5", ["203.0.113.7"], "203.0.113.7"),
        ("172.17.0.1", ["203.0.113.7"], "172.17.0.1"),
        ("", ["203.0.113.7"], ""),
    ],
)
def test_the_rightmost_address_that_is_no_trusted_proxy_is_counted(peer: str, forwarded: list[str], who: str) -> None:
    assert counted(peer, *forwarded) == who


def test_without_trusted_proxies_nobody_is_believed_and_that_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    addresses = NetworkAddresses()
    headers = {"X-Forwarded-For": "203.0.113.7"}
    for peer in ("127.0.0.1", "10.0.0.2", "93.184.216.34"):
        request = make_mocked_request("GET", "/", headers=headers)
        assert addresses.of(request.clone(remote=peer)) == peer
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [WARNING]
