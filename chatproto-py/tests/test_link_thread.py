"""Links on a thread of their own."""

import errno
import os
import re
import socket
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import chatproto.threads
import pytest
from chatproto import (
    ConfigError,
    Dial,
    LinkTransport,
    LinkUp,
    Output,
    TransportConfig,
)
from chatproto.threads import Driver, LinkThread, link_thread
from town import (
    ANY,
    PATIENCE,
    Town,
    eventually,
    realm1,
    realm2,
    running,
)


def test_linked_realms_carry_mail_both_ways_and_find_each_other_again() -> None:
    with running(Town(realm1(), ANY)) as first:
        assert first.links.address is not None
        peers = {"realm1": first.links.address}
        messi = first.login("messi", "surabaya")
        for times in (1, 2):
            with running(Town(realm2(), peers=peers)) as second:
                numbers, echo = exchanged(first, messi, second, 100)

            assert numbers == [str(number) for number in range(100)]
            assert echo.count('"msg": " balas') == 1
            assert first.seen.count(LinkUp("realm2")) == times


def exchanged(first: Town, messi: str, second: Town, count: int) -> tuple[list[str], str]:
    """Sends so many numbers to messi and one text back; returns what has come on both sides."""
    amsal = second.login("amsal", "jakarta")
    for number in range(count):
        second.ask(f"send {amsal} messi@realm1 {number}")
    eventually(lambda: first.ask(f"peek {messi} {count}").count('"id"') == count)
    first.ask(f"send {messi} amsal@realm2 balas")
    eventually(lambda: '"id"' in second.ask(f"peek {amsal}"))
    numbers = re.findall(r'"msg": " (\d+)', first.ask(f"inbox {messi}"))
    return numbers, second.ask(f"inbox {amsal}")


def test_strangers_crowd_out_each_other_and_not_the_peer() -> None:
    with running(Town(realm1(), ANY)) as first:
        assert first.links.address is not None
        strangers = [socket.create_connection(first.links.address) for _ in range(65)]
        try:
            # The one that came first has made room.
            strangers[0].settimeout(PATIENCE)
            assert strangers[0].recv(1) == b""
            with running(Town(realm2(), peers={"realm1": first.links.address})):
                eventually(lambda: LinkUp("realm2") in first.seen)
            strangers[-1].sendall(b"GET / HTTP/1.1\r\n\r\n")
            strangers[-1].settimeout(PATIENCE)
            assert strangers[-1].recv(1) == b""
        finally:
            for stranger in strangers:
                stranger.close()


@pytest.mark.parametrize(
    "error", [ConfigError("a key is being written"), ValueError("a key is no text")]
)
def test_a_config_that_is_not_to_be_had_keeps_nobody_out_for_ever(
    error: Exception,
) -> None:
    realm = realm1()
    lacking = [True]

    def config(_dialled: str | None) -> TransportConfig:
        if lacking[0]:
            raise error
        return realm.transport_config()

    lacking[0] = False
    with running(Town(realm, ANY, config=config)) as first:
        assert first.links.address is not None
        lacking[0] = True
        with socket.create_connection(first.links.address) as early:
            early.settimeout(PATIENCE)
            assert early.recv(1) == b""
        lacking[0] = False
        with running(Town(realm2(), peers={"realm1": first.links.address})):
            eventually(lambda: LinkUp("realm2") in first.seen)


def test_a_link_whose_peer_stops_reading_is_cut() -> None:
    with running(Town(realm1(), ANY)) as first:
        assert first.links.address is not None
        # A peer that says hello, gives credit, and reads no more.
        other = realm2()
        with closing(socket.create_connection(first.links.address)) as peer:
            wire = LinkTransport.dial(other.transport_config(), "realm1")
            peer.settimeout(0.01)
            link: int | None = None
            while LinkUp("realm2") not in first.seen:
                peer.sendall(wire.outgoing())
                wire.sent(len(wire.outgoing()))
                try:
                    wire.receive(peer.recv(65_536))
                except TimeoutError:
                    continue
                for output in wire.outputs():
                    if isinstance(output, chatproto.Up):
                        link = other.link_up(output.peer, output.direction)
                    else:
                        assert link is not None
                        other.link_frames(link, [output])
                if link is not None:
                    frames = other.link_outgoing(link)
                    for frame in frames:
                        wire.send(frame)
                    other.link_sent(link, len(frames))
            messi = first.login("messi", "surabaya")
            for _ in range(200):
                first.ask(f"send {messi} amsal@realm2 {'x' * 60_000}")
            assert first.links._connections
            first.driver.tell(first.realm.pause_peer, "realm2")

            eventually(lambda: not first.links._connections)

        other.close()
        first.driver.tell(lambda: first.realm.remove_peer("realm2", bounce=True))


@pytest.mark.parametrize(
    ("port", "why"),
    [(None, "nobody has said where it is"), (0, "refused"), (99_890, "0-65535")],
)
def test_why_a_peer_cannot_be_called_is_told(port: int | None, why: str) -> None:
    with socket.create_server(ANY) as closed:
        port = closed.getsockname()[1] if port == 0 else port
    peers = {} if port is None else {"realm1": ("127.0.0.1", port)}
    town = Town(realm2(), peers=peers)

    with running(town):
        eventually(lambda: why in str(town.realm.peers()[0].last_error))


def test_why_a_peer_cannot_be_called_names_no_file(tmp_path: Path) -> None:
    def config(dialled: str | None) -> TransportConfig:
        if dialled is not None:
            (tmp_path / "realm1.pub").read_text()
        return realm.transport_config()

    realm = realm2()
    with running(Town(realm, peers={"realm1": ANY}, config=config)):
        eventually(lambda: realm.peers()[0].last_error is not None)

        assert realm.peers()[0].last_error == os.strerror(errno.ENOENT)


def test_a_call_that_fails_is_told_once_for_each_reason_and_again_after_a_link() -> None:
    told: list[tuple[str, str]] = []
    lacking, calls = [""], [0]

    def config(_dialled: str | None) -> TransportConfig:
        if lacking[0]:
            raise ConfigError(lacking[0])
        return realm.transport_config()

    def is_called_again() -> None:
        before = calls[0]
        eventually(lambda: calls[0] > before + 2)

    def on_dial_failed(peer: str, why: str) -> None:
        told.append((peer, why))

    class Counting(Town):
        def carry_out(self, outputs: list[Output]) -> None:
            calls[0] += sum(isinstance(it, Dial) for it in outputs)
            super().carry_out(outputs)

    realm = realm2()
    # Nobody else gets this port, and nobody answers there.
    reserved = socket.socket()
    reserved.bind(ANY)
    address = reserved.getsockname()
    second = Counting(
        realm, peers={"realm1": address}, config=config, on_dial_failed=on_dial_failed
    )
    refused = ("realm1", os.strerror(errno.ECONNREFUSED))
    no_key = ("realm1", "its key is not there yet")
    with running(second):
        with reserved:
            is_called_again()
            assert told == [refused]
            lacking[0] = no_key[1]
            is_called_again()
            assert told == [refused, no_key]
        with running(Town(realm1(), address)):
            lacking[0] = ""
            eventually(lambda: LinkUp("realm1") in second.seen)
            lacking[0] = no_key[1]
            assert told == [refused, no_key]
        # What it met last before is told again now.
        eventually(lambda: len(told) > 2 and told[-1] == no_key)


def test_a_peer_for_whom_the_system_has_no_room_is_called_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, has_room = link_thread._Connection, threading.Event()

    def connection(*arguments: Any) -> Any:
        if not has_room.is_set():
            raise OSError("no space left")
        return real(*arguments)

    monkeypatch.setattr(link_thread, "_Connection", connection)
    with socket.create_server(ANY) as silent:
        town = Town(realm2(), peers={"realm1": silent.getsockname()})
        with running(town):
            eventually(lambda: "no space left" in str(town.realm.peers()[0].last_error))
            has_room.set()

            silent.settimeout(PATIENCE)
            silent.accept()[0].close()


def test_what_cannot_be_is_told_at_once() -> None:
    driver = Driver(realm1(key=None), lambda outputs: None)
    with pytest.raises(ConfigError) as missing:
        LinkThread(driver, ANY)
    assert missing.value.code == "own_key_missing"
    with socket.create_server(ANY) as taken, pytest.raises(OSError):
        LinkThread(Driver(realm1(), lambda outputs: None), taken.getsockname())
