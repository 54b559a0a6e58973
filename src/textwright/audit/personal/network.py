"""Addresses of machines: those of a private network, and of none, name nobody."""

from __future__ import annotations

import ipaddress
import re

from textwright.audit.personal.spans import Rule, before, by_pattern

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = rf"(?<![0-9A-Za-z_.-])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z_-]|\.[0-9])"
_V6 = r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,8}(?![0-9A-Za-z_:])"
_VERSION = re.compile(r"(?:\b(?:v|ver|version|release|build|firmware)|版本号?|固件|第)[\s.:：]*$")
# Kept for documents, and counted: who writes one in a text means an address.
_EXAMPLES = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)


def _is_public(match: re.Match[str]) -> bool:
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return False
    if any(address.version == net.version and address in net for net in _EXAMPLES):
        return True
    return not (
        address.is_private or address.is_loopback or address.is_multicast or address.is_unspecified
        or address.is_link_local or int(address) >> (address.max_prefixlen - 4) == 15
    )  # fmt: skip


def _is_v4(match: re.Match[str]) -> bool:
    """No version of a program and no number of a section."""
    is_section = all(len(part) == 1 for part in match[0].split("."))
    return not is_section and not _VERSION.search(before(match)) and _is_public(match)


IPV4 = Rule("ip", by_pattern(_V4, _is_v4), digits=4, marks=(".",))
IPV6 = Rule("ip", by_pattern(_V6, _is_public), digits=2, marks=(":",))
