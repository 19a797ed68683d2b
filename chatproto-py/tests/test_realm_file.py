"""`RealmFile`: what realmd reads, read in Python."""

import stat
from pathlib import Path

import pytest
from chatproto import ConfigError, Reply, StaticKey
from chatproto.realm_file import RealmFile

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

LINKED = """
name = "realm1"
log = "wire"
[client]
address = "127.0.0.1:8889"
[store]
folder = "data"
[passwords]
scheme = "plain"
[link]
address = "[::1]:9889"
[[peers]]
name = "realm2"
address = "127.0.0.1:9899"
public_key_file = "there/realm2.pub"
[[peers]]
name = "realm3"
public_key = "{key}"
[[users]]
name = "messi"
password = "surabaya"
[limits]
outbox_messages_max = 7
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "realm1.toml"
    path.write_text(text)
    return path


def linked(folder: Path) -> RealmFile:
    return RealmFile(write(folder, LINKED.format(key=StaticKey.generate().public)))


@pytest.mark.parametrize(
    ("name", "client", "peer"),
    [
        ("realm1", ("127.0.0.1", 8889), {"realm2": ("127.0.0.1", 9899)}),
        ("realm2", ("127.0.0.1", 8899), {"realm1": ("127.0.0.1", 9889)}),
    ],
)
def test_the_examples_are_read(
    name: str, client: tuple[str, int], peer: dict[str, tuple[str, int]]
) -> None:
    file = RealmFile(EXAMPLES / f"{name}.toml")

    assert (file.name, file.client, file.dialled) == (name, client, peer)
    assert file.link == (client[0], client[1] + 1000)


def test_opening_makes_the_folder_and_the_key_and_finds_them_again(tmp_path: Path) -> None:
    file = linked(tmp_path)
    assert not (tmp_path / "data").exists(), "reading makes nothing"

    with file.open() as realm:
        assert realm.name == "realm1" and realm.limits["outbox_messages_max"] == 7
        assert [it.name for it in realm.peers()] == ["realm2", "realm3"]
        realm.execute("auth messi surabaya")
        for output in realm.outputs():
            if hasattr(output, "run"):
                output.run()
        assert any(isinstance(output, Reply) for output in realm.outputs())
    made = {it.name: it.read_bytes() for it in (tmp_path / "data").iterdir()}
    with RealmFile(file.path).open():
        pass

    assert file.link == ("::1", 9889)
    assert {"realm1.db", "realm1.key", "realm1.pub"} <= made.keys()
    assert (tmp_path / "data" / "realm1.key").read_bytes() == made["realm1.key"]
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_peer_can_be_linked_with_once_its_key_is_there(tmp_path: Path) -> None:
    file = linked(tmp_path)
    with file.open():
        assert repr(file.transport_config()) == '<TransportConfig of "realm1", 1 peers>'
        with pytest.raises(ConfigError, match="the key of realm2 is not there yet"):
            file.transport_config("realm2")

        (tmp_path / "there").mkdir()
        StaticKey.generate().save(tmp_path / "there" / "realm2.key")

        assert repr(file.transport_config("realm2")) == '<TransportConfig of "realm1", 2 peers>'


def test_a_key_file_that_is_no_text_is_no_key(tmp_path: Path) -> None:
    file = linked(tmp_path)
    with file.open():
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "realm2.pub").write_bytes(b"\xff" * 44)

        with pytest.raises(ConfigError, match="key"):
            file.transport_config("realm2")

    with pytest.raises(ConfigError, match="key"):
        file.open()


@pytest.mark.parametrize("lacking", ["not there", "not readable", "no key"])
def test_why_a_peer_cannot_be_called_names_no_file(tmp_path: Path, lacking: str) -> None:
    file = linked(tmp_path)
    with file.open():
        if lacking == "not readable":
            # Even root reads no folder.
            (tmp_path / "there" / "realm2.pub").mkdir(parents=True)
        elif lacking == "no key":
            (tmp_path / "there").mkdir()
            (tmp_path / "there" / "realm2.pub").write_text("x")

        with pytest.raises(ConfigError, match=r"^the key of realm2 (is|cannot)") as wrong:
            file.transport_config("realm2")

        assert str(tmp_path) not in str(wrong.value) and "realm2.pub" not in str(wrong.value)
        assert wrong.value.code == "realm_file"
        # The others can be linked with all the same.
        assert repr(file.transport_config()) == '<TransportConfig of "realm1", 1 peers>'
        assert repr(file.transport_config("realm3")) == '<TransportConfig of "realm1", 1 peers>'


def test_a_realm_without_a_store_or_peers_leaves_nothing_behind(tmp_path: Path) -> None:
    text = 'name = "realm1"\nclient = { address = "127.0.0.1:0" }\nlink = { address = "[::1]:0" }'
    file = RealmFile(write(tmp_path, text))

    with file.open() as realm:
        assert realm.peers() == []

    assert file.link is None and file.dialled == {}
    assert [it.name for it in tmp_path.iterdir()] == ["realm1.toml"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "Invalid value"),
        ("", "the key name is missing"),
        ('name = "realm1"', "the key client.address is missing"),
        ('nama = "realm1"', "the key nama is not known here"),
        ("name = 1", "name wants a text"),
        ('name = "realm1"\nclient = 1', "[client] is a table"),
        ('name = "realm1"\nclient = { address = 8889 }', "client.address wants a text"),
        ('name = "realm1"\nclient = { address = "8889" }', "client.address wants IP:PORT"),
        ('name = "realm1"\nclient = { address = "[::1]:65536" }', "client.address wants IP:PORT"),
        (
            "{whole}\npeers = [{{ name = 'b', address = '[::1]:99890' }}]",
            "peers.address wants IP:PORT",
        ),
        ('name = "realm1"\nclient = { adress = "" }', "the key client.adress is not known here"),
        ("{whole}\nstore = {{ bytes_max = 1 }}", "the key store.bytes_max is not known here"),
        ("{whole}\nstore = {{ durability = 'os' }}", "the key store.folder is missing"),
        ("{whole}\nlink = {{ insecure = 1 }}", "link.insecure wants true or false"),
        ("{whole}\nusers = 1", "users wants a list of tables"),
        ("{whole}\nusers = [1]", "[users] is a table"),
        ("{whole}\nusers = [{{ name = 'messi' }}]", "the key users.password is missing"),
        ("{whole}\nusers = [{{ name = 'a b', password = 'x' }}]", "name"),
        ("{whole}\npeers = [{{ name = 'realm2', mode = 'plain' }}]", "insecure"),
        ("{whole}\npeers = [{{ name = 'realm2', mode = 'classic' }}]", "mode"),
        ("{whole}\npeers = [{{ name = 'realm2', public_key = 'x' }}]", "key"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    whole = 'name = "realm1"\nclient = { address = "127.0.0.1:0" }'
    path = write(tmp_path, text.replace("{whole}", whole).replace("{{", "{").replace("}}", "}"))

    with pytest.raises(ConfigError) as wrong:
        RealmFile(path)

    assert wrong.value.code == "realm_file"
    assert str(wrong.value).startswith(f"{path}: ") and sentence in str(wrong.value)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RealmFile(tmp_path / "realm1.toml")
