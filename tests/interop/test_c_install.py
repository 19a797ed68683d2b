"""The installed C library: what stands where, and programs that find it by pkg-config and CMake."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from client import ClassicClient
from examples_in_c import FOLDER, built, run
from realmd import PATIENCE, ROOT

PAGE = ROOT / "chatproto-ffi" / "README.md"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def install(**environment: str | Path) -> None:
    settings = {name: str(value) for name, value in environment.items()}
    run(ROOT / "chatproto-ffi" / "install.sh", env={**os.environ, "BUILT": str(built()), **settings})


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    """Where the library is installed."""
    prefix = tmp_path_factory.mktemp("prefix")
    install(PREFIX=prefix)
    return prefix


@pytest.fixture
def environment(prefix) -> dict[str, str]:
    """What finds it there, and nowhere else."""
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    environment.pop("LD_LIBRARY_PATH", None)
    return environment


@pytest.fixture
def page(tmp_path) -> Path:
    """The files that the page shows, in a folder."""
    for language, name, text in re.findall(r"^```(c) (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
        assert language == "c"
        (tmp_path / name).write_text(text)
    cmake = re.search(r"^```cmake\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    (tmp_path / "CMakeLists.txt").write_text(cmake[1])
    return tmp_path


def flags(environment: dict[str, str], *wanted: str) -> list[str]:
    return run("pkg-config", *wanted, "chatproto", env=environment).split()


def started(*command: str | Path, cwd: Path) -> tuple[subprocess.Popen, tuple[str, int]]:
    """A server that tells its port in its first line."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=cwd
    )
    line = process.stdout.readline()
    return process, ("127.0.0.1", int(re.search(r"(?:port |127\.0\.0\.1:)(\d+)", line)[1]))


def ended(process: subprocess.Popen) -> int:
    with process:
        process.terminate()
        return process.wait(PATIENCE)


@pytest.fixture
def server(page, environment) -> Iterator[tuple[str, int]]:
    """Where the page's server listens."""
    rpath = "-Wl,-rpath," + flags(environment, "--variable=libdir")[0]
    libraries = flags(environment, "--cflags", "--libs")
    run("cc", *STRICT, page / "server.c", "-o", page / "server", *libraries, rpath)
    process, address = started(page / "server", cwd=page)
    yield address
    ended(process)


def test_all_of_it_is_where_it_belongs(prefix):
    found = sorted(str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir())

    assert found == [
        "include/chatproto.h",
        "lib/libchatproto.a",
        "lib/libchatproto.so",
        "lib/libchatproto.so.0.1",
        "lib/libchatproto.so.0.1.0",
        "lib/pkgconfig/chatproto.pc",
    ]
    assert (prefix / "lib/libchatproto.so").resolve().name == "libchatproto.so.0.1.0"
    dynamic = run("objdump", "-p", prefix / "lib" / "libchatproto.so")
    assert re.search(r"SONAME\s+libchatproto\.so\.0\.1\n", dynamic)


def test_a_packager_may_have_it_elsewhere(tmp_path):
    install(DESTDIR=tmp_path, PREFIX="/usr", LIBDIR="/usr/lib/x86_64-linux-gnu")

    folder = tmp_path / "usr/lib/x86_64-linux-gnu"
    assert (folder / "libchatproto.so.0.1").exists()
    told = (folder / "pkgconfig" / "chatproto.pc").read_text()
    assert "prefix=/usr\nlibdir=/usr/lib/x86_64-linux-gnu\nincludedir=/usr/include\n" in told
    assert str(tmp_path) not in told


@pytest.mark.parametrize("link", ["shared", "static"])
def test_the_examples_are_built_against_it_and_run(environment, tmp_path, link):
    run("make", "-C", FOLDER, "CHATPROTO=installed", f"LINK={link}", f"OUT={tmp_path}", env=environment)
    needed = run("objdump", "-p", tmp_path / "realm_server")
    assert ("libchatproto.so.0.1" in needed) == (link == "shared")

    free = ["--client", "127.0.0.1:0", "--link", "127.0.0.1:0"]
    process, (host, port) = started(tmp_path / "realm_server", *free, cwd=tmp_path)
    shown = run(tmp_path / "chat_cli", host, str(port), input="auth messi surabaya\nactiveuser\n")

    assert 'Active User: "messi, "' in shown
    assert ended(process) == 0


def test_the_server_of_the_page_serves_classic_clients(server):
    with ClassicClient(server) as messi, ClassicClient(server) as henderson:
        assert messi.proses("auth messi surabaya").startswith("username messi logged in")
        assert henderson.proses("auth henderson surabaya").startswith("username henderson logged in")
        assert messi.proses("send henderson halo") == "message sent to henderson"
        assert '"msg": "  halo \\r\\n"' in henderson.inbox()
        assert messi.proses("group bukber") == "Telah keluar dari grup bukber"
    with socket.create_connection(server, timeout=PATIENCE) as client:
        client.sendall(b"quit\r\n")
        said = b""
        while piece := client.recv(64):
            said += piece
    assert said.startswith(b'{"status": "OK"')


@pytest.mark.parametrize("link", ["shared", "static"])
def test_the_client_of_the_page_speaks_with_it(server, page, environment, link):
    libdir = flags(environment, "--variable=libdir")[0]
    libraries = {
        "shared": [*flags(environment, "--libs"), f"-Wl,-rpath,{libdir}"],
        # All that the static library needs beside itself is in the .pc file.
        "static": ["-Wl,-Bstatic", *flags(environment, "--libs"), "-Wl,-Bdynamic", *private(environment)],
    }[link]
    include = flags(environment, "--cflags")
    run("cc", *STRICT, *include, page / "client.c", "-o", page / "client", *libraries)

    shown = run(page / "client", str(server[1]))

    assert shown == "Message Sent\nLionel Messi:  note to self\n"


def private(environment: dict[str, str]) -> list[str]:
    own = flags(environment, "--libs")
    return [flag for flag in flags(environment, "--static", "--libs") if flag not in own]


def test_cmake_finds_it(page, environment):
    beside = Path(sys.executable).with_name("cmake")
    cmake = beside if beside.exists() else shutil.which("cmake")
    assert cmake, "no cmake: it is in tests/requirements.txt"

    run(cmake, "-S", page, "-B", page / "build", env=environment)
    run(cmake, "--build", page / "build", env=environment)

    process, address = started(page / "build" / "server", cwd=page)
    with ClassicClient(address) as messi:
        assert messi.proses("auth messi surabaya").startswith("username messi logged in")
    ended(process)
