"""Keys, their files, and no secret in any repr."""

import os
import pickle
import stat
from pathlib import Path

import chatproto
import pytest
from chatproto import (
    ConfigError,
    LinkTransport,
    Now,
    Peer,
    Realm,
    StaticKey,
    TransportConfig,
    User,
)


def code_of(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        StaticKey.load(path)
    assert str(path) in str(error.value)
    return error.value.code


def test_a_key_is_made_once_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "realm1.key"
    assert code_of(file) == "key_not_there"

    made = StaticKey.load_or_make(file)

    assert StaticKey.load_or_make(str(file)).public == made.public == StaticKey.load(file).public
    assert len(made.public) == 44
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (tmp_path / "realm1.pub").read_text() == f"{made.public}\n"
    assert sorted(os.listdir(tmp_path)) == ["realm1.key", "realm1.pub"]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "realm1.key"
    StaticKey.generate().save(file)
    before = file.read_bytes()

    with pytest.raises(ConfigError) as error:
        StaticKey.generate().save(file)

    assert error.value.code == "key_exists"
    assert file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o622, 0o777])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "realm1.key"
    StaticKey.generate().save(file)
    file.chmod(mode)

    assert code_of(file) == "key_open"

    file.chmod(0o400)
    StaticKey.load(file)


@pytest.mark.parametrize(
    "text", ["", "# only\n\n", "geheim\n", "geheim\ngeheim\n", "#" * 4_097, "\udcff"]
)
def test_what_is_no_key_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "realm1.key"
    file.touch(0o600)
    file.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(ConfigError) as error:
        StaticKey.load(file)

    assert error.value.code == "no_key"
    assert "geheim" not in str(error.value)


def test_what_the_system_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        StaticKey.generate().save(tmp_path / "no" / "realm1.key")
    assert error.value.code == "key_file"

    assert code_of(tmp_path) == "key_file"


def test_no_secret_is_in_a_repr(tmp_path: Path) -> None:
    key = StaticKey.load_or_make(tmp_path / "realm1.key")
    secret = (tmp_path / "realm1.key").read_text().splitlines()[-1]
    users = [User("messi", "surabaya", "Lionel Messi", "Argentina")]
    peer = Peer("realm2", public_key=StaticKey.generate().public)
    config = TransportConfig("realm1", key, [peer])
    realm = Realm("realm1", users, key=key, detail="wire", peers=[peer])
    outputs: list[object] = list(realm.outputs())
    realm.execute("auth messi surabaya")
    outputs += realm.outputs()
    for output in list(outputs):
        if isinstance(output, chatproto.Work):
            output.run()
            outputs += realm.outputs()
    token = next(o.data[29:65].decode() for o in outputs if isinstance(o, chatproto.Reply))

    things = [key, users[0], peer, config, realm, *realm.peers(), *outputs]
    things += [LinkTransport.accept(config), LinkTransport.dial(config, "realm2"), Now.machine()]
    shown = "".join(repr(thing) + str(thing) for thing in things)

    assert "User(name='messi', password=***, display_name='Lionel Messi'" in shown
    for hidden in ("surabaya", secret, token, "argon2id$"):
        assert hidden not in shown
    told = [o.text for o in outputs if isinstance(o, chatproto.Received | chatproto.Replied)]
    assert told and not any("surabaya" in text or token in text for text in told)


def test_a_password_cannot_be_read_back() -> None:
    user = User("messi", "surabaya", country="Argentina")

    assert (user.name, user.display_name, user.country) == ("messi", "messi", "Argentina")
    assert not hasattr(user, "password")
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(user)
