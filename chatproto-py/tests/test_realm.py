"""A realm, fed and asked by hand."""

import copy
import pickle

import pytest
from chatproto import (
    Close,
    Event,
    LoggedIn,
    LoginFailed,
    Now,
    Output,
    PauseRead,
    Realm,
    Received,
    Reply,
    ResumeRead,
    Send,
    Sent,
    StoreFull,
    User,
    Work,
)

START = Now(0, 1_790_000_000_000)


def realm1(**settings: object) -> Realm:
    users = [User("messi", "surabaya", "Lionel Messi"), User("henderson", "surabaya", "Jordan")]
    options: dict[str, object] = {"passwords": "plain", "seed": bytes(32), "now": START}
    return Realm("realm1", users, **{**options, **settings})  # type: ignore[arg-type]


def ask(realm: Realm, connection: int, line: bytes) -> bytes:
    """Sends a line, and reads all that is written then."""
    realm.receive(connection, line, now=START)
    answer = b""
    for output in realm.outputs():
        if isinstance(output, Send):
            data = realm.outgoing(output.connection)
            realm.sent(output.connection, len(data), now=START)
            answer += data
    return answer


def test_a_login_is_answered() -> None:
    realm = realm1()
    connection = realm.open("127.0.0.1", now=START)

    realm.receive(connection, b"auth messi wrong \r\n", now=START)

    failed = LoginFailed(connection, "messi", "wrong_password")
    assert realm.outputs() == [failed, Send(connection)]
    reply = b'{"status": "ERROR", "message": "Password Salah"}\r\n\r\n'
    assert realm.outgoing(connection) == reply
    assert realm.outputs() == []


def test_a_slow_reader_takes_what_it_can() -> None:
    realm = realm1()
    connection = realm.open("127.0.0.1", now=START)
    realm.receive(connection, b"auth messi wrong \r\n", now=START)

    realm.sent(connection, 10, now=START)

    assert realm.outgoing(connection) == b' "ERROR", "message": "Password Salah"}\r\n\r\n'
    assert [output for output in realm.outputs() if isinstance(output, Send)] == [Send(connection)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_whatever_is_like_bytes_is_read(kind: type) -> None:
    realm = realm1()
    connection = realm.open("127.0.0.1", now=START)

    assert b"Password Salah" in ask(realm, connection, kind(b"auth messi wrong \r\n"))
    with pytest.raises(TypeError):
        realm.receive(connection, "auth messi wrong \r\n", now=START)  # type: ignore[arg-type]


def test_a_seed_makes_a_play_repeatable() -> None:
    answers = []
    for seed in (bytes(32), bytes(32), bytes([1]) * 32):
        realm = realm1(seed=seed)
        connection = realm.open("127.0.0.1", now=START)
        answers.append(ask(realm, connection, b"auth messi surabaya \r\n"))

    assert answers[0] == answers[1]
    assert answers[0] != answers[2]


def test_without_a_seed_tokens_are_new() -> None:
    replies = {
        output.data
        for realm in (realm1(seed=None), realm1(seed=None))
        for _ in [realm.execute("auth messi surabaya", now=START)]
        for output in realm.outputs()
        if isinstance(output, Reply)
    }

    assert len(replies) == 2


@pytest.mark.parametrize(
    "line", ["auth messi wrong", b"auth messi wrong\r\n", bytearray(b"auth messi wrong")]
)
def test_a_command_without_a_connection_is_answered_by_its_reply(line: str | bytes) -> None:
    realm = realm1()

    request = realm.execute(line, now=START)

    reply = b'{"status": "ERROR", "message": "Password Salah"}\r\n\r\n'
    assert Reply(request, reply) in realm.outputs()


def test_outputs_and_events_are_matched() -> None:
    realm = realm1(detail="commands")
    connection = realm.open("127.0.0.1", now=START)
    token = ask(realm, connection, b"auth messi surabaya \r\n")[29:65]
    realm.receive(connection, b"send " + token + b" henderson halo\r\n", now=START)

    seen: list[tuple[object, ...]] = []
    for output in realm.outputs():
        match output:
            case Send(connection=at):
                seen.append(("send", at))
            case Sent(session, sender, recipient):
                seen.append(("sent", session, sender, recipient))
            case Event() | Output():
                seen.append(("other",))

    assert seen == [("send", connection), ("sent", 1, "messi", "henderson")]


def test_a_login_waits_for_its_hash() -> None:
    realm = realm1(passwords="argon2id")
    works = [output for output in realm.outputs() if isinstance(output, Work)]
    while works:
        for work in works:
            assert work.kind == "hash"
            work.run(now=START)
        works = [output for output in realm.outputs() if isinstance(output, Work)]
    connection = realm.open("127.0.0.1", now=START)

    realm.receive(connection, b"auth messi surabaya \r\n", now=START)
    (check,) = realm.outputs()
    assert isinstance(check, Work)
    assert realm.outgoing(connection) == b""
    check.run(now=START)

    assert LoggedIn(connection, "messi", 1) in realm.outputs()
    assert realm.outgoing(connection).startswith(b'{"status": "OK", "tokenid": "')


def test_reading_pauses_while_much_waits() -> None:
    realm = realm1(store=":memory:", limits={"waiting_bytes_max": 64, "uncommitted_bytes_max": 1})
    connection = realm.open("127.0.0.1", now=START)
    realm.receive(connection, b"auth messi surabaya \r\n" * 16, now=START)

    outputs = realm.outputs()
    assert PauseRead(connection) in outputs
    for _ in range(100):
        for work in [output for output in outputs if isinstance(output, Work)]:
            work.run(now=START)
        outputs = realm.outputs()
        if ResumeRead(connection) in outputs:
            return
    raise AssertionError("reading never goes on")


def test_time_is_given_or_that_of_the_machine() -> None:
    with Realm("realm1", [User("messi", "surabaya")], passwords="plain") as realm:
        connection = realm.open("127.0.0.1")
        realm.receive(connection, b"auth ")
        deadline_ms = realm.poll_timeout()
        wait = realm.wait_seconds()
        assert deadline_ms is not None and wait is not None
        assert 0 < wait <= 30
        assert Now.machine().mono_ms <= deadline_ms <= Now.machine().mono_ms + 30_000

        late = Now.machine().after_ms(31_000)
        assert realm.wait_seconds(now=late) == 0
        realm.handle_timeout(now=late)

        assert b'"code": "line_timeout"' in realm.outgoing(connection)


def test_a_shutdown_says_goodbye_and_ends() -> None:
    realm = realm1()
    connection = realm.open("127.0.0.1", now=START)
    assert not realm.is_shut_down

    realm.shutdown(now=START)
    data = realm.outgoing(connection)
    realm.sent(connection, len(data), now=START)

    assert b'"code": "shutting_down"' in data
    assert Close(connection, "shut_down") in realm.outputs()
    assert realm.is_shut_down


def test_late_calls_with_an_old_number_do_nothing() -> None:
    realm = realm1()
    connection = realm.open("127.0.0.1", now=START)
    realm.closed(connection, now=START)

    realm.receive(connection, b"auth messi surabaya \r\n", now=START)
    realm.sent(connection, 0, now=START)
    realm.ended(connection, now=START)

    assert realm.outgoing(connection) == b""
    assert realm.link_outgoing(7) == []


def test_limits_are_shown_and_set() -> None:
    realm = realm1(limits={"inbox_messages_max": 3})

    assert realm.limits["inbox_messages_max"] == 3
    assert realm.limits["line_bytes_max"] == 65_536
    realm.limits.clear()
    assert len(realm.limits) > 30


def test_objects_are_values() -> None:
    assert Send(3) == Send(connection=3)
    assert Send(3) != Send(4)
    assert Send(3) != PauseRead(3)
    assert len({Send(3), Send(3), StoreFull(), StoreFull()}) == 2
    assert repr(Sent(1, "messi", "o'hara@realm2")) == (
        "Sent(session=1, from_='messi', to=\"o'hara@realm2\")"
    )
    assert repr(StoreFull()) == "StoreFull()"
    assert repr(Now(1, 2)) == "Now(mono_ms=1, unix_ms=2)"
    assert Now(1, 2) < Now(1, 3) <= Now(1, 3)
    assert isinstance(StoreFull(), Event) and isinstance(Send(1), Output)
    with pytest.raises(AttributeError):
        Send(3).connection = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Output()


def test_what_was_said_is_not_in_a_repr() -> None:
    assert (
        repr(Received(1, "send *** henderson rahasia"))
        == "Received(connection=1, text=<26 characters>)"
    )
    assert repr(Reply(1, b"rahasia")) == "Reply(request=1, data=<7 bytes>)"
    assert Received(1, "rahasia").text == "rahasia"


def test_events_and_outputs_are_copied_and_pickled() -> None:
    table = [
        StoreFull(),
        Send(7),
        Close(7, "quit"),
        Reply(3, b"{}\r\n\r\n"),
        LoginFailed(7, "messi", "wrong_password"),
        Received(7, "auth messi ***"),
    ]
    for output in table:
        for copied in (
            copy.copy(output),
            copy.deepcopy(output),
            pickle.loads(pickle.dumps(output)),
        ):
            assert copied == output and type(copied) is type(output)
