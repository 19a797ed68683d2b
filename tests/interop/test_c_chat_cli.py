"""`examples/c/chat_cli.c`, piped and at a terminal."""

import os
import pty
import re
import select
import socket
import subprocess
import threading
import time

import pytest
from examples_in_c import program
from realmd import PATIENCE


class Terminal:
    """A terminal with the client in it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.main, side = pty.openpty()
        command = [program("chat_cli"), address[0], str(address[1])]
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, start_new_session=True
        )
        os.close(side)
        self.output = ""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.main)

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def wait_for(self, part: str) -> None:
        """Waits until this was shown, and forgets all up to there."""
        end = time.monotonic() + PATIENCE
        while part not in self.output:
            assert time.monotonic() < end, f"never shown: {part!r}, but {self.output!r}"
            if select.select([self.main], [], [], 0.1)[0]:
                self.output += os.read(self.main, 65_536).decode(errors="replace")
        self.output = self.output.split(part, 1)[1]


@pytest.fixture
def terminal(realm1):
    terminal = Terminal(realm1.address)
    yield terminal
    terminal.close()


def run(typed: list[str], *before: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*before, program("chat_cli")],
        input="\n".join(typed),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("before", [[], ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full"]])
def test_piped_it_shows_what_the_old_one_showed(realm1, login, before):
    henderson = login(realm1, "henderson")
    typed = [
        "inbox",
        "auth messi salah",
        "auth nobody x",
        "auth messi",
        "auth messi surabaya",
        "send henderson apa kabar",
        "send messi@realm1 é \U0001f600",
        "send nobody halo",
        "send",
        "halo",
        "",
        "inbox",
        "inbox",
        "activeuser",
        "group bukber",
        "halo semua",
        "lagi",
        "exit",
        "group not@known",
        "logout",
        "logout",
    ]

    ran = run(typed, *before, SERVER_IP=realm1.address[0], SERVER_PORT=str(realm1.address[1]))

    assert (ran.stderr, ran.returncode) == ("", 0)
    token = re.search(r"token (\S+) ", ran.stdout)[1]
    inbox = '{"messi": [{"msg_from": "Lionel Messi", "msg_to": "Lionel Messi", "msg": "  \\u00e9 \\ud83d\\ude00 \\r\\n"}]}'
    # Prompts and what comes after them share a line, since nothing echoes what is typed.
    assert ran.stdout.splitlines() == [
        "Command :Error, not authorized",
        "Command :Error, Password Salah",
        "Command :Error, User Tidak Ada",
        "Command :-Maaf, command tidak benar",
        f"Command :username messi logged in, token {token} ",
        f"Command {token}:message sent to henderson",
        f"Command {token}:message sent to messi@realm1",
        f"Command {token}:Error, User Tidak Ditemukan",
        f"Command {token}:-Maaf, command tidak benar",
        f"Command {token}:*Maaf, command tidak benar",
        f"Command {token}:Command {token}:{inbox}",
        f'Command {token}:{{"messi": []}}',
        f'Command {token}:Active User: "henderson, messi, "',
        f"Command {token}:messi telah bergabung",
        "messi: halo semua",
        "messi: lagi",
        "Telah keluar dari grup bukber",
        f"Command {token}:Error, Realm tidak dikenal",
        f"Command {token}:Logout success!",
        "Command :Error, not authorized",
        "Command :",
    ]
    assert '"  apa kabar \\r\\n"' in henderson.inbox()


def test_at_a_terminal_live_texts_come_while_one_waits(terminal, realm1, login):
    terminal.wait_for("> ")
    terminal.type("auth messi surabaya\n")
    terminal.wait_for("username messi logged in\r\n")
    terminal.wait_for("messi> ")
    terminal.type("group bukber\n")
    terminal.wait_for("messi telah bergabung")
    henderson = login(realm1, "henderson").join("bukber")
    terminal.wait_for("henderson telah bergabung")

    # Nothing of it can command the terminal: neither escapes nor the control characters beyond them.
    henderson.say("\x1b[31mhalo\x9b2J é")
    terminal.wait_for("henderson: ?[31mhalo?2J é")
    terminal.type("sudah\n")
    henderson.wait_for("messi: sudah")
    terminal.type("exit\n")
    terminal.wait_for("Telah keluar dari grup bukber")
    terminal.type("quit\n")

    assert terminal.process.wait(PATIENCE) == 0
    assert henderson.leave()["status"] == "OK"


def test_no_server_is_told_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()

    ran = run([], SERVER_IP=host, SERVER_PORT=str(port))

    assert (ran.stdout, ran.returncode) == ("", 1)
    assert ran.stderr.count("\n") == 1 and "is it running?" in ran.stderr


def test_a_server_that_is_none_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(1024)

        thread = threading.Thread(target=answer)
        thread.start()
        ran = run(["auth messi surabaya"], SERVER_PORT=str(server.getsockname()[1]))
        thread.join(PATIENCE)

    assert (ran.stdout, ran.returncode) == ("Command :", 1)
    assert "is this a chat server?" in ran.stderr


@pytest.mark.parametrize(("option", "code"), [("--help", 0), ("--host", 2)])
def test_how_it_is_used_is_told(option, code):
    told = subprocess.run([program("chat_cli"), option], capture_output=True, text=True, timeout=60)

    assert told.returncode == code
    assert told.stdout.startswith("usage: chat_cli [HOST [PORT]]") and told.stderr == ""
