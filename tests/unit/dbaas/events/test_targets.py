"""Webhooks go to the world and nowhere else."""

import pytest
from pytest_django import Settings

from dbaas.common.errors import BadRequest
from dbaas.events import targets
from dbaas.events.targets import TargetRefused

PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "8.8.8.8"]
REFUSED = [
    "127.0.0.1", "127.77.0.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.2.3",
    "0.0.0.0",  # noqa: S104
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:7f00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_inside_is_refused(address: str) -> None:
    assert not targets.is_allowed(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_world_is_allowed(address: str) -> None:
    assert targets.is_allowed(address)


def test_operators_own_networks_are_refused_too(settings: Settings) -> None:
    settings.WEBHOOKS_REFUSED_NETWORKS = ["93.184.216.0/24"]
    assert not targets.is_allowed("93.184.216.34")
    assert not targets.is_allowed("::ffff:93.184.216.34")
    assert targets.is_allowed("8.8.8.8")


def test_setting_allows_everything(settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    assert all(targets.is_allowed(address) for address in REFUSED)


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//example.org/", "http://example.org/", "ftp://example.org/", "file:///etc/passwd",
        "https://", "https:///path", "https://user@example.org/", "https://user:pw@example.org/",
        "https://example.org/#part", "https://example.org:22/", "https://example.org:80/",
        "https://example.org:0/", "https://example.org:99999/", "https://example.org:x/", "https://[::1",
        "https://example.org/a b", "https://example.org/\r\nHost: inside", "https://example.org/\x00",
        "https://example.org/ä", "gopher://127.0.0.1:25/",
    ],
)  # fmt: skip
def test_urls_that_are_refused_as_they_stand(url: str) -> None:
    with pytest.raises(TargetRefused):
        targets.parse(url)


def test_urls_are_taken_apart() -> None:
    target = targets.parse("https://Example.org:8443/a?b=c")
    assert (target.host, target.port, target.path, target.is_tls) == ("example.org", 8443, "/a?b=c", True)
    assert target.host_header == "example.org:8443"
    assert targets.parse("https://example.org").path == "/"
    assert targets.parse("https://[2606:2800:220:1::1]/").host_header == "[2606:2800:220:1::1]"
    assert targets.parse("https://bücher.example/").host == "xn--bcher-kva.example"


def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    target = targets.parse("https://example.org/")
    assert targets.addresses(target, lambda host, port: PUBLIC) == PUBLIC
    with pytest.raises(TargetRefused, match="not public"):
        targets.addresses(target, lambda host, port: [*PUBLIC, "10.0.0.1"])
    with pytest.raises(TargetRefused, match="resolved"):
        targets.addresses(target, lambda host, port: [])


@pytest.mark.parametrize(
    "url",
    ["https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/",
     "https://127.1/", "https://0177.0.0.1/"],
)  # fmt: skip
def test_every_way_to_write_loopback_is_refused_when_asked_for(url: str) -> None:
    with pytest.raises(BadRequest):
        targets.check(url)
