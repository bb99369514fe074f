"""Rules for names that every engine shares."""

import ipaddress
import re

from guestagent.errors import InvalidName

#: Blanks at the ends, quotes and separators, and what cannot be printed: refused in user names.
PRINTABLE_USER_NAME = re.compile(r"""(?!\s)[^\x00-\x1f\x7f'"`;,/\\\ud800-\udfff]+(?<!\s)""")
_WILDCARDS = re.compile(r"[0-9A-Fa-f.:%]+")


def check_host(host: str) -> None:
    """Where a user may come from: an address, a network, or an address with `%` wildcards.

    Raises InvalidName. Host names are refused: servers run without name resolution, they would never match.
    """
    if host == "%" or _is_address(host) or _is_network(host) or _is_wildcard(host):
        return
    raise InvalidName(f"The host {host[:80]!r} is neither an address nor a network, with or without '%'.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_network(host: str) -> bool:
    try:
        ipaddress.ip_network(host)
    except ValueError:
        return False
    return True


def _is_wildcard(host: str) -> bool:
    """`10.1.%`, `10.%`, `10.1.2.1%`: an IPv4 or IPv6 beginning with something left open."""
    if "%" not in host or not _WILDCARDS.fullmatch(host) or "%%" in host:
        return False
    if ":" in host:
        return "." not in host and host.count(":") <= 7
    parts = host.split(".")
    return len(parts) <= 4 and all(_is_octet(part) for part in parts)


def _is_octet(part: str) -> bool:
    digits = part.replace("%", "")
    if "%" in part:
        return digits == "" or (digits.isdecimal() and len(digits) <= 3)
    return digits.isdecimal() and int(digits) <= 255
