import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from instances.providers.base import Conflict, QuotaExceeded, Refused
from instances.providers.local.addresses import choose, require_passage, user_id

NETWORK = IPv4Network("127.79.240.0/29")


def test_the_first_is_the_first_host_and_the_next_follows_the_last() -> None:
    assert choose(NETWORK, (), None, ()) == IPv4Address("127.79.240.1")
    assert choose(NETWORK, (), IPv4Address("127.79.240.3"), ()) == IPv4Address("127.79.240.4")


def test_it_comes_round_and_skips_what_is_taken() -> None:
    taken = {IPv4Address("127.79.240.6"), IPv4Address("127.79.240.1")}
    assert choose(NETWORK, taken, IPv4Address("127.79.240.5"), ()) == IPv4Address("127.79.240.2")


def test_a_last_one_of_another_network_does_not_matter() -> None:
    assert choose(NETWORK, (), IPv4Address("10.0.0.1"), ()) == IPv4Address("127.79.240.1")


def test_all_taken_is_an_error() -> None:
    with pytest.raises(QuotaExceeded):
        choose(NETWORK, set(NETWORK.hosts()), None, ())


def test_an_address_on_which_somebody_listens_is_left_alone() -> None:
    with socket.create_server(("127.79.240.1", 0)) as other:
        assert choose(NETWORK, (), None, (other.getsockname()[1],)) == IPv4Address("127.79.240.2")


def test_somebody_who_listens_everywhere_is_named() -> None:
    with socket.create_server(("0.0.0.0", 0)) as other, pytest.raises(Conflict, match=r"0\.0\.0\.0"):  # noqa: S104
        choose(IPv4Network("127.79.241.0/24"), (), None, (other.getsockname()[1],))


def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(Refused, match="loopback"):
        choose(IPv4Network("192.0.2.0/24"), (), None, (50123,))


def test_a_path_that_others_cannot_pass_is_refused_by_name(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "open").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(Refused, match=r"chmod o\+x"):
        require_passage(closed / "open")
    require_passage(Path("/"))


def test_users_are_different_and_none_is_nobody() -> None:
    network = IPv4Network("127.79.0.0/16")
    users = [user_id(network, address, 64000) for address in network.hosts()]
    assert len(set(users)) == len(users)
    assert not {65534, 65535} & set(users)
