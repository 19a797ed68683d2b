"""A thread for each client."""

import importlib.util
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import chatproto.threads
import pytest
from chatproto import (
    Close,
    Output,
    PauseRead,
    ResumeRead,
    Send,
    Work,
)
from chatproto.realm_file import RealmFile
from chatproto.threads import ClientThreads, Driver, LinkThread, client_threads
from town import ANY, PATIENCE, eventually, realm1

SERVER = Path(__file__).resolve().parents[2] / "examples" / "server_thread_chat.py"


def test_clients_come_until_their_threads_are_stopped() -> None:
    came = list[tuple[int, tuple[str, int]]]()

    def carry_out(outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send | PauseRead | ResumeRead | Close):
                clients.carry_out(output)
            elif isinstance(output, Work):
                driver.work(output)

    driver = Driver(realm1(), carry_out)
    LinkThread(driver).start()
    clients = ClientThreads(
        driver, ANY, on_connection=lambda number, address: came.append((number, address))
    )
    with pytest.raises(OSError):
        ClientThreads(driver, clients.address)
    clients.start()
    with socket.create_connection(clients.address, timeout=PATIENCE) as client:
        client.sendall(b"hello\r\n")
        assert client.recv(9) == b'{"status"'
        assert [address for _, address in came] == [client.getsockname()]

        assert driver.shut_down(PATIENCE)
        clients.stop()
        assert b"".join(iter(lambda: client.recv(65_536), b"")).endswith(b"\r\n\r\n")
    # The thread that let clients in has let go of the address.
    eventually(lambda: not clients._thread.is_alive())
    ClientThreads(driver, clients.address).stop()


def test_the_program_of_the_documentation_serves() -> None:
    texts = re.findall(r"(?:^    .*\n|^\n)+", chatproto.threads.__doc__ or "", re.MULTILINE)
    (program,) = [textwrap.dedent(text).strip() for text in texts if "def carry_out" in text]
    with socket.create_server(ANY) as free:
        port = free.getsockname()[1]
    arguments = ["-W", "error", "-c", program.replace("8889", str(port))]

    def connection() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def is_served() -> bool:
        try:
            with connection() as client:
                client.sendall(b"auth messi surabaya\r\n")
                return client.recv(64).startswith(b'{"status": "OK", "tokenid"')
        except ConnectionRefusedError:
            return False

    with subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE) as process:
        try:
            eventually(is_served)
            # One does not read, one is gone before it is answered, and one waits for the goodbye.
            with connection() as slow, connection() as reset, connection() as leaving:
                slow.setblocking(False)
                with suppress(BlockingIOError):
                    for _ in range(10_000):
                        slow.send(b"x" * 400 + b"\r\n")
                reset.sendall(b"auth messi surabaya\r\n" * 10)
                reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                reset.close()
                leaving.sendall(b"hello\r\nquit\r\n")
                answers = b"".join(iter(lambda: leaving.recv(65_536), b""))

                assert answers.startswith(b'{"status": "OK", "realm": "realm1"')
                assert is_served()
                process.send_signal(signal.SIGINT)
                assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
        assert process.stderr is not None and process.stderr.read() == b""


@pytest.mark.parametrize("lacking", ["run", "write_slowly", "cut"])
def test_a_lack_of_threads_costs_the_server_one_client(
    lacking: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "realm1.toml").write_text(
        'name = "realm1"\npasswords = { scheme = "plain" }\n'
        'client = { address = "127.0.0.1:0" }\n'
        'users = [{ name = "messi", password = "surabaya" }]\n'
    )
    spec = importlib.util.spec_from_file_location("server_thread_chat", SERVER)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    # As on a system whose sockets all wait, where each write has a thread.
    monkeypatch.setattr(client_threads, "_DONT_WAIT", None)
    real, refused = threading.Thread.start, list[str]()

    def start(thread: Any) -> None:
        act = getattr(thread, "function", None) or getattr(thread, "_target", None)
        if not refused and getattr(act, "__name__", "") == lacking:
            refused.append(lacking)
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    server = example.RealmServer(RealmFile(tmp_path / "realm1.toml"), threading.Event())
    try:
        for status in (b"", b'{"status": "OK"'):
            where = server.clients.address
            with socket.create_connection(where, timeout=PATIENCE) as client:
                client.sendall(b"auth messi surabaya\r\nquit\r\n")
                answer = b""
                with suppress(ConnectionResetError):
                    answer = b"".join(iter(lambda: client.recv(65_536), b""))
                # Whom no timer watches is cut, and may have read the last words before.
                assert answer.startswith(status)

        eventually(lambda: not server.clients._clients)
        assert refused == [lacking] and server.driver.failure is None
    finally:
        server.stop()
