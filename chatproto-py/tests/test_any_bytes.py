"""Any bytes, however they are cut, give the same outputs and never an exception."""

from chatproto import LinkError, LinkTransport, Now, Peer, Realm, Send, TransportConfig, User
from hypothesis import given, settings
from hypothesis import strategies as st

START = Now(0, 1_790_000_000_000)
USERS = [User("messi", "surabaya"), User("henderson", "surabaya")]

COMMANDS = [b"auth", b"send", b"inbox", b"logout", b"hello", b"group", b"exit", b"quit"]
PARTS = [b"messi", b"henderson", b"surabaya", b"\r\n", b"\n", b" ", b"\0"]
ODD = [b"\xff", "é".encode(), b"x" * 300]

words = st.sampled_from([*COMMANDS, *PARTS, *ODD])
lines = st.lists(words | st.binary(max_size=8), max_size=40).map(b" ".join)
cuts = st.lists(st.integers(1, 40), max_size=20)


def pieces(data: bytes, lengths: list[int]) -> list[bytes]:
    found = []
    for length in lengths:
        found.append(data[:length])
        data = data[length:]
    return [piece for piece in [*found, data] if piece]


def answer(data: list[bytes]) -> bytes:
    realm = Realm("realm1", USERS, passwords="plain", seed=bytes(32), now=START)
    connection = realm.open("127.0.0.1", now=START)
    read = b""
    for piece in data:
        realm.receive(connection, piece, now=START)
        for output in realm.outputs():
            repr(output)
            if output == Send(connection):
                written = realm.outgoing(connection)
                realm.sent(connection, len(written), now=START)
                read += written
    return read


@settings(deadline=None)
@given(data=lines.filter(lambda data: b"group" not in data), lengths=cuts)
def test_how_bytes_are_cut_makes_no_difference(data: bytes, lengths: list[int]) -> None:
    assert answer(pieces(data, lengths)) == answer([data])


@settings(deadline=None)
@given(data=lines, lengths=cuts)
def test_no_bytes_of_a_client_raise_anything(data: bytes, lengths: list[int]) -> None:
    answer(pieces(data, lengths))


@settings(deadline=None)
@given(line=lines)
def test_every_command_gets_one_reply(line: bytes) -> None:
    realm = Realm("realm1", USERS, passwords="plain", now=START)

    request = realm.execute(line, now=START)

    replies = [output for output in realm.outputs() if getattr(output, "request", None) == request]
    assert len(replies) == 1


@settings(deadline=None)
@given(
    data=st.binary(max_size=200) | lines.map(b"realm-link/1 plain realm1 realm2\n".__add__),
    lengths=cuts,
)
def test_bytes_of_a_peer_raise_a_link_error_or_nothing(data: bytes, lengths: list[int]) -> None:
    peer = Peer("realm1", mode="plain", insecure=True)
    transport = LinkTransport.accept(TransportConfig("realm2", None, [peer]), now=START)

    for piece in pieces(data, lengths):
        try:
            transport.receive(piece, now=START)
        except LinkError as error:
            assert error.code
        transport.outputs()
