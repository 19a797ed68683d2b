"""What the tests share: realms that run, and people who log in."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

# Before anybody imports it: it has tests of its own.
pytest.register_assert_rewrite("any_server")

from client import ClassicClient
from realmd import PASSWORDS, Realmd, linked

# What runs in the background of a shell is started deaf to Ctrl-C, and so would be what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def realm1(tmp_path) -> Iterator[Realmd]:
    """A realm by itself."""
    realm = Realmd(tmp_path, "realm1").start()
    yield realm
    realm.kill()
    check_log(realm)


@pytest.fixture
def both(tmp_path) -> Iterator[tuple[Realmd, Realmd]]:
    """Two linked realms."""
    realms = linked(tmp_path)
    yield realms
    for realm in realms:
        realm.kill()
        check_log(realm)


def check_log(realm: Realmd) -> None:
    """Whatever a test did, the log tells no secret and of no panic."""
    log = realm.log()
    assert "panicked" not in log and "Traceback" not in log
    for password in set(PASSWORDS.values()):
        assert f" {password}" not in log


@pytest.fixture
def login() -> Iterator[Callable[[Realmd, str], ClassicClient]]:
    """Logs somebody in on a new connection, which is closed after the test."""
    with ExitStack() as stack:

        def login(realm: Realmd, username: str) -> ClassicClient:
            client = stack.enter_context(ClassicClient(realm.address))
            shown = client.proses(f"auth {username} {PASSWORDS[username]}")
            assert shown == f"username {username} logged in, token {client.token} "
            return client

        yield login
