"""Realm files: what realmd reads, for programs in Python."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from chatproto._native import (
    ChatProtoError,
    ConfigError,
    Peer,
    Realm,
    StaticKey,
    TransportConfig,
    User,
)

__all__ = ["RealmFile"]

_KEYS = {
    "": {"name", "log", "client", "store", "passwords", "link", "peers", "users", "limits"},
    "client": {"address"},
    "store": {"folder", "durability"},
    "passwords": {"scheme"},
    "link": {"address", "key_file", "insecure"},
    "peers": {"name", "address", "public_key", "public_key_file", "mode"},
    "users": {"name", "display_name", "country", "password", "password_hash"},
}
# How one says what a value should have been.
_KINDS = {str: "a text", bool: "true or false", dict: "a table", list: "a list of tables"}
_PORT_MAX = 65_535

_T = TypeVar("_T")


class RealmFile:
    """What a realm file says: `examples/realm1.toml` explains each key.

    It is a file of realmd's, which can serve the same realm from the same data, though not at the same
    time. Classic neighbours and the keys that tune the store and the hashes are realmd's alone: a key
    that is not known here is an error.

    Reading makes nothing; `open` makes the folder for the data and the realm's key where there are
    none yet.

    Raises OSError if the file cannot be read, and ConfigError, with the code "realm_file", for what is
    wrong in it, in one sentence that begins with the file's name.
    """

    path: Path
    """The file."""
    name: str
    """The realm's name."""
    client: tuple[str, int]
    """Where clients connect: an IP address and a port, 0 for any free one."""
    link: tuple[str, int] | None
    """Where other realms connect; None if they do not, or there are no peers."""
    dialled: Mapping[str, tuple[str, int]]
    """Where those peers are that are called."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._key: StaticKey | None = None
        text = self.path.read_bytes()
        try:
            self._read(tomllib.loads(text.decode()))
        except (ValueError, ChatProtoError) as error:
            raise self._wrong(error) from None

    def _wrong(self, what: object) -> ConfigError:
        return _coded(ConfigError(f"{self.path}: {what}"))

    def _read(self, told: dict[str, Any]) -> None:
        top = _Table("", told)
        client, store, link = top.table("client"), top.table("store"), top.table("link")
        self.name = top.need("name", str)
        self.client = client.address() or client.missing("address")
        self._detail: Any = top.take("log", str, "essential")
        self._passwords: Any = top.table("passwords").take("scheme", str, "argon2id")
        self._limits: dict[str, int] = top.take("limits", dict, {})
        self._users = [_user(user) for user in top.tables("users")]
        self._durability: Any = store.take("durability", str, "fsync")
        self._folder: Path | None = None
        if store.told:
            self._folder = self._beside(store.need("folder", str))
        self._insecure = link.take("insecure", bool, False)
        self._peers = {peer.need("name", str): peer for peer in top.tables("peers")}
        addresses = {name: peer.address() for name, peer in self._peers.items()}
        self.dialled = {name: it for name, it in addresses.items() if it is not None}
        self.link = link.address() if self._peers else None
        self._key_file: Path | None = None
        if "key_file" in link.told:
            self._key_file = self._beside(link.need("key_file", str))
        elif self._folder is not None:
            self._key_file = self._folder / f"{self.name}.key"
        # So that a mode or a key that cannot be is told now.
        self._known_peers()

    def _beside(self, path: str) -> Path:
        return self.path.parent / path

    def open(self) -> Realm:
        """Makes the realm, with what its store holds.

        Raises OSError where its folder cannot be made, and what `Realm` and `StaticKey` raise.
        """
        store = None
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            store = self._folder / f"{self.name}.db"
        if self._peers and self._key_file is not None:
            self._key = StaticKey.load_or_make(self._key_file)
        return Realm(
            self.name,
            self._users,
            peers=self._known_peers(),
            key=self._key,
            limits=self._limits,
            store=store,
            durability=self._durability,
            passwords=self._passwords,
            detail=self._detail,
        )

    def transport_config(self, dialled: str | None = None) -> TransportConfig:
        """Returns what a link is made with, once the realm was opened, for `LinkThread` to ask.

        A peer whose key is in a file need not have made it yet: it can be linked with from then on.
        Raises ConfigError if that is so of the peer that is to be `dialled`, or if its file cannot be
        read or holds no key. Users read that, so it names no file.
        """
        known = {}
        for name, told in self._peers.items():
            why = "is not there yet"
            try:
                peer = self._peer(name, told)
                if peer.public_key or peer.mode == "plain":
                    known[name] = peer
            except OSError as error:
                why = f"cannot be read: {error.strerror}"
            except ChatProtoError as error:
                why = f"is none: {error}"
            if name == dialled and name not in known:
                raise _coded(ConfigError(f"the key of {name} {why}"))
        return TransportConfig(self.name, self._key, known.values(), self._limits)

    def _known_peers(self) -> list[Peer]:
        return [self._peer(name, told) for name, told in self._peers.items()]

    def _peer(self, name: str, told: _Table) -> Peer:
        key = told.take("public_key", str, "") or None
        file = told.take("public_key_file", str, "")
        if file and (at := self._beside(file)).exists():
            # What is no text is no key either, and is told as such.
            key = at.read_text("utf-8", "replace").strip()
        mode: Any = told.take("mode", str, "noise")
        is_dialled = name in self.dialled
        return Peer(name, public_key=key, mode=mode, dial=is_dialled, insecure=self._insecure)


class _Table:
    """A table of the file, in which every key is known."""

    def __init__(self, name: str, told: Any) -> None:
        self.name = name
        if not isinstance(told, dict):
            raise ConfigError(f"[{name}] is a table")
        self.told: dict[str, Any] = told
        for key in told.keys() - _KEYS.get(name, told.keys()):
            raise ConfigError(f"the key {self._full(key)} is not known here")

    def _full(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def missing(self, key: str) -> NoReturn:
        raise ConfigError(f"the key {self._full(key)} is missing")

    def take(self, key: str, kind: type[_T], default: _T) -> _T:
        value = self.told.get(key, default)
        if not isinstance(value, kind):
            raise ConfigError(f"{self._full(key)} wants {_KINDS[kind]}")
        return value

    def need(self, key: str, kind: type[_T]) -> _T:
        default: _T = self.told[key] if key in self.told else self.missing(key)
        return self.take(key, kind, default)

    def table(self, name: str) -> _Table:
        return _Table(name, self.told.get(name, {}))

    def tables(self, name: str) -> list[_Table]:
        return [_Table(name, told) for told in self.take(name, list, [])]

    def address(self) -> tuple[str, int] | None:
        if "address" not in self.told:
            return None
        host, _, port = self.need("address", str).rpartition(":")
        if not host or not port.isdecimal() or int(port) > _PORT_MAX:
            example = '"127.0.0.1:8889"'
            raise ConfigError(f"{self._full('address')} wants IP:PORT, such as {example}")
        return host.strip("[]"), int(port)


def _coded(error: ConfigError) -> ConfigError:
    error.code = "realm_file"
    return error


def _user(told: _Table) -> User:
    password = told.take("password_hash", str, "") or told.need("password", str)
    name = told.need("name", str)
    return User(name, password, told.take("display_name", str, ""), told.take("country", str, ""))
