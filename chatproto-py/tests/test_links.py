"""Two realms linked over LinkTransport, in memory."""

from collections.abc import Callable
from typing import Literal

import pytest
from chatproto import (
    ConfigError,
    Frame,
    LinkError,
    LinkTransport,
    LinkUp,
    MisuseError,
    Now,
    Peer,
    Realm,
    StaticKey,
    TransportConfig,
    Up,
    User,
)
from world import World

KEYS = {name: StaticKey.generate() for name in ("realm1", "realm2", "realm3")}
START = Now(0, 0)
Mode = Literal["noise", "plain"]


def config(own: str, *peers: str, mode: Mode = "noise") -> TransportConfig:
    def peer(name: str) -> Peer:
        if mode == "plain":
            return Peer(name, mode="plain", insecure=True)
        return Peer(name, public_key=KEYS[name].public)

    return TransportConfig(own, KEYS[own], [peer(name) for name in peers])


def pair(mode: Mode = "noise") -> tuple[LinkTransport, LinkTransport]:
    """Two transports of which each has heard of the other."""
    dialler = LinkTransport.dial(config("realm1", "realm2", mode=mode), "realm2", now=START)
    acceptor = LinkTransport.accept(config("realm2", "realm1", mode=mode), now=START)
    for _ in range(2):
        carry(dialler, acceptor)
        carry(acceptor, dialler)
    return dialler, acceptor


def carry(sender: LinkTransport, receiver: LinkTransport) -> bytes:
    data = sender.outgoing()
    sender.sent(len(data))
    receiver.receive(data, now=START)
    return data


def hello(own: str = "realm1", peer: str = "realm2") -> Frame:
    """The first frame of a realm."""
    realm = Realm(own, peers=[Peer(peer)], now=START)
    link = realm.link_up(peer, "dialled", now=START)
    return realm.link_outgoing(link)[0]


@pytest.mark.parametrize("mode", ["noise", "plain"])
def test_a_link_rises_and_carries_frames(mode: Mode) -> None:
    dialler, acceptor = pair(mode)
    assert dialler.outputs() == [Up("realm2", "dialled")]
    assert acceptor.outputs() == [Up("realm1", "accepted")]

    dialler.send(hello())
    data = carry(dialler, acceptor)

    assert acceptor.outputs() == [hello()]
    assert (b'"t":"hello"' in data) is (mode == "plain")


@pytest.mark.parametrize("mode", ["noise", "plain"])
def test_a_message_goes_from_realm_to_realm(mode: Mode) -> None:
    world = World(mode)
    users = {
        "realm1": [User("messi", "x", "Lionel Messi")],
        "realm2": [User("amsal", "y", "Amsal")],
    }
    world.add_realms(users, store=":memory:")
    assert world.advance_until(60_000, world.all_linked)
    assert LinkUp("realm2") in world.nodes["realm1"].events
    messi = world.execute("realm1", "auth messi x")[29:65].decode()
    amsal = world.execute("realm2", "auth amsal y")[29:65].decode()

    sent = world.execute("realm1", f"send {messi} amsal halo")
    inbox = world.execute("realm2", f"inbox {amsal}")

    assert b"Message Sent" in sent
    assert b'{"messi": [{"msg_from": "messi", "msg_to": "Amsal", "msg": " halo' in inbox
    (status,) = world.nodes["realm1"].realm.peers()
    assert (status.name, status.state, status.waiting_ms) == ("realm2", "linked", None)


def test_an_operator_pauses_a_peer_and_takes_it_out() -> None:
    world = World()
    world.add_realms({"realm1": [User("messi", "x")], "realm2": []})
    assert world.advance_until(60_000, world.all_linked)
    realm = world.nodes["realm1"].realm

    realm.pause_peer("realm2", now=world.now)
    world.settle()
    assert [peer.state for peer in realm.peers()] == ["paused"]
    realm.pause_peer("realm2", False, now=world.now)
    realm.retry_peer("realm2", now=world.now)
    assert world.advance_until(60_000, world.all_linked)
    realm.remove_peer("realm2", now=world.now)
    world.settle()
    assert realm.peers() == []
    with pytest.raises(MisuseError) as unknown:
        realm.retry_peer("realm2")

    assert unknown.value.code == "unknown_peer"
    realm.set_peer(Peer("realm4", dial=False), now=world.now)
    assert [(peer.name, peer.state) for peer in realm.peers()] == [("realm4", "listening")]


def test_mail_keeps_a_peer_in_the_configuration() -> None:
    realm = Realm("realm1", [User("messi", "x")], peers=[Peer("realm2")], passwords="plain")
    realm.execute("auth messi x")
    token = realm.outputs()[-1].data[29:65].decode()  # type: ignore[attr-defined]
    realm.execute(f"send {token} amsal@realm2 halo")

    with pytest.raises(ConfigError) as refused:
        realm.remove_peer("realm2")
    assert refused.value.code == "has_mail"
    realm.remove_peer("realm2", bounce=True)

    realm.execute(f"inbox {token}")
    assert b'"*realm2*"' in realm.outputs()[-1].data  # type: ignore[attr-defined]


def test_a_stranger_gets_not_a_byte() -> None:
    # The dialler takes realm3 for realm2; the acceptor does not know the dialler.
    for dial, peer, accept in [
        (config("realm1", "realm2"), "realm2", config("realm3", "realm1")),
        (config("realm1", "realm2"), "realm2", config("realm2", "realm3")),
        (config("realm1", "realm2", mode="plain"), "realm2", config("realm2", "realm1")),
    ]:
        dialler = LinkTransport.dial(dial, peer, now=START)
        acceptor = LinkTransport.accept(accept, now=START)

        with pytest.raises(LinkError) as error:
            carry(dialler, acceptor)

        assert error.value.code == "rejected"
        assert acceptor.outgoing() == b"" and acceptor.outputs() == []


def test_a_changed_byte_ends_the_link() -> None:
    dialler, acceptor = pair()
    acceptor.outputs()
    dialler.send(hello())
    data = bytearray(dialler.outgoing())
    data[-1] ^= 1

    with pytest.raises(LinkError) as error:
        acceptor.receive(data, now=START)
    assert error.value.code == "tampered"
    with pytest.raises(LinkError):
        acceptor.send(hello())

    assert acceptor.outputs() == []


def test_what_is_no_frame_ends_the_link_with_last_words() -> None:
    _, acceptor = pair("plain")

    with pytest.raises(LinkError) as error:
        acceptor.receive(b"halo\n", now=START)

    assert error.value.code == "bad_frame"
    assert b'"code":"bad_frame"' in acceptor.outgoing()


def test_a_handshake_has_its_time() -> None:
    acceptor = LinkTransport.accept(config("realm2", "realm1"), now=START)
    assert acceptor.wait_seconds(now=START) == 5.0
    acceptor.handle_timeout(now=START.after_ms(4_999))

    with pytest.raises(LinkError) as error:
        acceptor.handle_timeout(now=START.after_ms(5_000))

    assert error.value.code == "handshake_timeout"
    dialler, _ = pair()
    assert dialler.wait_seconds() is None


def test_a_transport_is_used_as_it_is_meant() -> None:
    acceptor = LinkTransport.accept(config("realm2", "realm1"), now=START)

    table: list[tuple[Callable[[], object], str]] = [
        (lambda: acceptor.send(hello()), "not_up"),
        (lambda: acceptor.sent(1), "sent_too_much"),
        (lambda: LinkTransport.dial(config("realm1", "realm2"), "realm3"), "unknown_peer"),
    ]
    for wrong, code in table:
        with pytest.raises(MisuseError) as error:
            wrong()
        assert error.value.code == code
    with pytest.raises(TypeError):
        acceptor.receive("halo")  # type: ignore[arg-type]


def test_a_frame_is_for_a_look() -> None:
    frame = hello()

    assert frame.kind == "hello"
    assert frame.json().startswith('{"t":"hello","realm":"realm1","peer":"realm2"')
    assert repr(frame) == "Frame(kind='hello')"
    assert frame == hello() and frame != hello("realm3")


def test_a_realm_says_what_its_transports_need() -> None:
    peers = [Peer("realm2", public_key=KEYS["realm2"].public)]
    realm = Realm("realm1", peers=peers, key=KEYS["realm1"])
    dialler = LinkTransport.dial(realm.transport_config(), "realm2", now=START)
    acceptor = LinkTransport.accept(config("realm2", "realm1"), now=START)

    carry(dialler, acceptor)

    assert acceptor.outputs() == []
    assert realm.transport_config().own == "realm1"
    with pytest.raises(ConfigError) as missing:
        Realm("realm1", peers=peers).transport_config()
    assert missing.value.code == "own_key_missing"


def test_bytes_may_be_cut_anyhow() -> None:
    dialler = LinkTransport.dial(config("realm1", "realm2"), "realm2", now=START)
    acceptor = LinkTransport.accept(config("realm2", "realm1"), now=START)
    for _ in range(2):
        for sender, receiver in [(dialler, acceptor), (acceptor, dialler)]:
            for byte in sender.outgoing():
                receiver.receive(bytes([byte]), now=START)
            sender.sent(len(sender.outgoing()))

    assert dialler.outputs() == [Up("realm2", "dialled")]
    assert acceptor.outputs() == [Up("realm1", "accepted")]
    assert dialler.outgoing_bytes == 0
