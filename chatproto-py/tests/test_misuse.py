"""What is wrong is told at once, with a stable code and what to do."""

from collections.abc import Callable

import chatproto
import pytest
from chatproto import (
    ChatProtoError,
    ConfigError,
    InternalError,
    InvalidNameError,
    LimitError,
    MisuseError,
    Peer,
    Realm,
    Reply,
    StaticKey,
    TransportConfig,
    User,
    Work,
)

KEY = StaticKey.generate()
OTHER = StaticKey.generate()


def plain_realm() -> Realm:
    return Realm("realm1", [User("messi", "surabaya")], peers=[Peer("realm2")], passwords="plain")


def send_what_was_not_there() -> None:
    realm = plain_realm()
    realm.sent(realm.open("127.0.0.1"), 1)


TABLE: list[tuple[Callable[[], object], type[ChatProtoError], str]] = [
    (lambda: Realm("two words"), InvalidNameError, "invalid_name"),
    (lambda: User("", "x"), InvalidNameError, "invalid_name"),
    (lambda: Peer("a@b"), InvalidNameError, "invalid_name"),
    (lambda: User("messi", "$argon2id$no"), ConfigError, "invalid_hash"),
    (lambda: User("messi", "rahasia\ud800"), ConfigError, "not_utf8"),
    (lambda: Realm("realm1", [User("a", "x"), User("a", "y")]), ConfigError, "user_twice"),
    (lambda: Realm("realm1", peers=[Peer("a"), Peer("a")]), ConfigError, "peer_twice"),
    (lambda: Realm("realm1", peers=[Peer("realm1")]), ConfigError, "own_peer"),
    (lambda: Realm("realm1", limits={"lines": 1}), LimitError, "limit_unknown"),
    (lambda: Realm("realm1", limits={"line_bytes_max": 255}), LimitError, "limit_range"),
    (lambda: Realm("realm1", limits={"line_bytes_max": -1}), LimitError, "limit_range"),
    (lambda: Realm("realm1", limits={"line_bytes_max": 1 << 70}), LimitError, "limit_range"),
    (lambda: Realm("realm1", limits={"link_ping_ms": 50_000}), LimitError, "limit_order"),
    (lambda: Realm("realm1", seed=b"short"), ConfigError, "seed"),
    (lambda: Realm("realm1", passwords="md5"), ConfigError, "unknown_word"),  # type: ignore[arg-type]
    (lambda: Realm("realm1", detail="all"), ConfigError, "unknown_word"),  # type: ignore[arg-type]
    (lambda: Realm("realm1", durability=""), ConfigError, "unknown_word"),  # type: ignore[arg-type]
    (lambda: Peer("a", mode="plain"), ConfigError, "insecure"),
    (lambda: Peer("a", mode="classic"), ConfigError, "unknown_mode"),  # type: ignore[arg-type]
    (lambda: Peer("a", public_key="short"), ConfigError, "invalid_key"),
    (lambda: Peer("a", public_key="A" * 43 + "="), ConfigError, "invalid_key"),
    (
        lambda: Peer("a", public_key=KEY.public, mode="plain", insecure=True),
        ConfigError,
        "key_unused",
    ),
    (lambda: TransportConfig("realm1", KEY, [Peer("a")]), ConfigError, "key_missing"),
    (
        lambda: TransportConfig("realm1", None, [Peer("a", public_key=KEY.public)]),
        ConfigError,
        "own_key_missing",
    ),
    (
        lambda: TransportConfig("realm1", KEY, [Peer("a", public_key=KEY.public)]),
        ConfigError,
        "own_key",
    ),
    (
        lambda: TransportConfig(
            "realm1",
            KEY,
            [Peer("a", public_key=OTHER.public), Peer("b", public_key=OTHER.public)],
        ),
        ConfigError,
        "key_twice",
    ),
    (send_what_was_not_there, MisuseError, "sent_too_much"),
    (lambda: plain_realm().link_up("realm3", "dialled"), MisuseError, "unknown_peer"),
    (
        lambda: plain_realm().link_up("realm2", "up"),  # type: ignore[arg-type]
        MisuseError,
        "unknown_direction",
    ),
    (lambda: plain_realm().dial_failed("realm3", "why"), MisuseError, "unknown_peer"),
    (lambda: plain_realm().pause_peer("realm3"), MisuseError, "unknown_peer"),
    (lambda: plain_realm().set_peer(Peer("realm1")), ConfigError, "own_peer"),
]


@pytest.mark.parametrize(("act", "kind", "code"), TABLE)
def test_what_is_wrong_is_told(
    act: Callable[[], object], kind: type[ChatProtoError], code: str
) -> None:
    with pytest.raises(kind) as error:
        act()

    assert type(error.value) is kind
    assert error.value.code == code
    assert len(str(error.value)) > 20


@pytest.mark.parametrize(
    "act",
    [
        lambda: Realm(1),  # type: ignore[arg-type]
        lambda: Realm("realm1", ["messi"]),  # type: ignore[list-item]
        lambda: Realm("realm1", peers=["realm2"]),  # type: ignore[list-item]
        lambda: Realm("realm1", limits={"line_bytes_max": "many"}),  # type: ignore[dict-item]
        lambda: Realm("realm1", limits=[1]),  # type: ignore[arg-type]
        lambda: Realm("realm1", key="key"),  # type: ignore[arg-type]
        lambda: Realm("realm1", now=1),  # type: ignore[arg-type]
        lambda: plain_realm().execute(1),  # type: ignore[arg-type]
        lambda: plain_realm().link_frames(0, ["frame"]),  # type: ignore[list-item]
        lambda: plain_realm().open("127.0.0.1", 1),  # type: ignore[call-arg, arg-type]
    ],
)
def test_another_type_is_a_type_error(act: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        act()


def test_all_exceptions_have_one_base_and_a_code() -> None:
    values = vars(chatproto).values()
    exceptions = [
        value for value in values if isinstance(value, type) and issubclass(value, ChatProtoError)
    ]

    assert len(exceptions) == 9
    assert len({exception.code for exception in exceptions}) == 9


def test_a_text_that_is_none_is_not_shown() -> None:
    realm = plain_realm()
    acts: list[Callable[[], object]] = [
        lambda: User("messi", "rahasia\ud800"),
        lambda: chatproto.Chat({"messi": {"password": "rahasia\ud800"}}),
        lambda: chatproto.Chat().users.update(budi={"password": "rahasia\ud800"}),  # type: ignore[call-overload]
    ]

    for act in acts:
        with pytest.raises((ChatProtoError, ValueError), match="lone surrogates") as told:
            act()
        error: BaseException | None = told.value
        while error is not None:
            assert "rahasia" not in repr(error)
            error = error.__context__
    request = realm.execute("auth messi rahasia\ud800")
    (reply,) = [output for output in realm.outputs() if isinstance(output, Reply)]
    assert reply.request == request and b'"status": "ERROR"' in reply.data


def test_work_is_done_once() -> None:
    realm = Realm("realm1", [User("messi", "surabaya")], store=":memory:", passwords="plain")
    (work,) = [output for output in realm.outputs() if isinstance(output, Work)]
    work.run()

    with pytest.raises(MisuseError) as error:
        work.run()

    assert error.value.code == "work_done"


@pytest.mark.debug_build
def test_a_realm_that_has_met_a_bug_says_so_ever_after() -> None:
    realm = plain_realm()

    # There is no way there for a program, so this package has one for its tests.
    with pytest.raises(InternalError):
        realm._meet_a_bug()  # type: ignore[attr-defined]

    for _ in range(2):
        with pytest.raises(InternalError) as error:
            realm.outputs()
        assert error.value.code == "internal"
    realm.close()
    with pytest.raises(InternalError):
        realm.shutdown()
