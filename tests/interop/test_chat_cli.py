"""`examples/chat-cli.py`, piped and at a terminal."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from realmd import PATIENCE, ROOT

PROGRAM = ROOT / "examples" / "chat-cli.py"
# Runs a program as if prompt_toolkit were not installed.
PLAIN = """
import runpy, sys
sys.modules["prompt_toolkit"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Terminal:
    """A terminal with the client in it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.main, side = pty.openpty()
        command = [sys.executable, "-W", "error", "-c", PLAIN, PROGRAM, address[0], str(address[1])]
        environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
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

    def ended(self) -> int:
        return self.process.wait(PATIENCE)


@pytest.fixture
def terminal(realm1):
    terminal = Terminal(realm1.address)
    yield terminal
    terminal.close()


def test_piped_it_shows_what_the_old_one_showed(realm1, login):
    henderson = login(realm1, "henderson")
    typed = [
        "inbox",
        "auth messi salah",
        "auth messi surabaya",
        "send henderson apa kabar",
        "send nobody halo",
        "send",
        "halo",
        "activeuser",
        "group bukber",
        "exit",
        "logout",
    ]
    environment = {**os.environ, "SERVER_IP": realm1.address[0], "SERVER_PORT": str(realm1.address[1])}

    ran = subprocess.run(
        [sys.executable, "-W", "error", PROGRAM],
        input="\n".join(typed),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (ran.stderr, ran.returncode) == ("", 0)
    token = re.search(r"token (\S+) ", ran.stdout)[1]
    # Prompts and what comes after them share a line, since nothing echoes what is typed.
    assert ran.stdout.splitlines() == [
        "Command :Error, not authorized",
        "Command :Error, Password Salah",
        f"Command :username messi logged in, token {token} ",
        f"Command {token}:message sent to henderson",
        f"Command {token}:Error, User Tidak Ditemukan",
        f"Command {token}:-Maaf, command tidak benar",
        f"Command {token}:*Maaf, command tidak benar",
        f'Command {token}:Active User: "henderson, messi, "',
        f"Command {token}:messi telah bergabung",
        "Telah keluar dari grup bukber",
        f"Command {token}:Logout success!",
        "Command :",
    ]
    assert '"  apa kabar \\r\\n"' in henderson.inbox()


def test_at_a_terminal_live_texts_come_while_one_types(terminal, realm1, login):
    terminal.wait_for("> ")
    terminal.type("auth messi surabaya\n")
    terminal.wait_for("username messi logged in")
    terminal.wait_for("messi> ")
    terminal.type("group bukber\n")
    terminal.wait_for("messi telah bergabung")
    henderson = login(realm1, "henderson").join("bukber")
    terminal.wait_for("henderson telah bergabung")

    terminal.type("setengah")
    terminal.wait_for("setengah")
    henderson.say("\x1b[31mhalo")
    terminal.wait_for("\r\x1b[K\x1b[36mhenderson: \\x1b[31mhalo\x1b[0m")
    # What was typed so far stands there again.
    terminal.wait_for("setengah")
    terminal.type(" jadi\n")
    henderson.wait_for("messi: setengah jadi")
    terminal.type("exit\n")
    terminal.wait_for("Telah keluar dari grup bukber")

    assert henderson.leave()["status"] == "OK"


def test_history_and_completion(terminal):
    terminal.wait_for("> ")
    terminal.type("auth messi surabaya\n")
    terminal.wait_for("messi> ")
    terminal.type("activ\t\n")
    terminal.wait_for('Active User: "messi, "')

    terminal.wait_for("messi> ")
    terminal.type("\x1b[A\n")
    terminal.wait_for('Active User: "messi, "')
    terminal.wait_for("messi> ")
    terminal.type("\x1b[A\x1b[A")
    # The editor writes only what is different from the line before.
    terminal.wait_for("uth messi")
    terminal.type("\x15help\n")
    terminal.wait_for("help")
    assert "surabaya" not in terminal.output
    terminal.wait_for("take all messages out of the inbox")
    terminal.wait_for("messi> ")
    terminal.type("halo\n")
    terminal.wait_for("\x1b[31m*Maaf, command tidak benar\x1b[0m")
    terminal.type("quit\n")

    assert terminal.ended() == 0


def test_ctrl_c_ends_it(terminal):
    terminal.wait_for("> ")

    terminal.process.send_signal(signal.SIGINT)
    # The line editor may have begun to wait a moment after the signal came; then a key wakes it.
    with suppress(OSError):
        terminal.type("\n")

    assert terminal.ended() == 0


def test_no_server_is_told_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()

    ran = subprocess.run(
        [sys.executable, PROGRAM, host, str(port)], capture_output=True, text=True, timeout=60
    )

    assert (ran.stdout, ran.returncode) == ("", 1)
    assert ran.stderr.count("\n") == 1 and "is it running?" in ran.stderr
