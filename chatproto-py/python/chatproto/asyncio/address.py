"""Where something listens: a host and a port."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Address", "checked_address", "checked_peers", "checked_port"]

Address = tuple[str, int]


def checked_address(what: str, address: Address) -> Address:
    """Returns an address; raises TypeError or ValueError for what is none, named `what`."""
    shape = f'{what} is a host and a port, such as ("127.0.0.1", 8889), not {address!r}'
    if not isinstance(address, tuple | list):
        raise TypeError(shape)
    # Sockets tell four things of an address of IPv6, and these two come first.
    if len(address) not in (2, 4):
        raise ValueError(shape)
    host, port = address[:2]
    if not isinstance(host, str):
        raise TypeError(f"{what}: the host is a str, not {type(host).__name__}")
    if not isinstance(port, int):
        raise TypeError(f"{what}: the port of {host!r} is an int, not {type(port).__name__}")
    return host, port


def checked_port(what: str, address: Address) -> Address:
    """The same for an address to listen at, where there must be such a port."""
    host, port = checked_address(what, address)
    if not 0 <= port <= 65_535:
        raise ValueError(f"{what}: a port is 0 to 65535, where 0 is any free one, not {port}")
    return host, port


def checked_peers(peers: Mapping[str, Address]) -> dict[str, Address]:
    """Returns where peers are, each of which an address; it need not be one that can be reached."""
    if not isinstance(peers, Mapping):
        kind = type(peers).__name__
        raise TypeError(f"peers is a dict from the names of realms to their addresses, not {kind}")
    return {name: checked_address(f"peers[{name!r}]", it) for name, it in peers.items()}
