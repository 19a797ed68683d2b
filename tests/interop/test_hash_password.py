"""`realmd hash-password` at a terminal: nothing that is typed is ever shown."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from realmd import PATIENCE, binary

QUESTION = b"Password: "
AGAIN = b"The same again: "


class Terminal:
    """A terminal with the program in it; what it prints as its result goes elsewhere."""

    def __init__(self) -> None:
        self.main, self.side = pty.openpty()
        command = [binary(), "hash-password", "--memory-kib", "64", "--passes", "1"]
        self.process = subprocess.Popen(
            command, stdin=self.side, stdout=subprocess.PIPE, stderr=self.side, start_new_session=True
        )
        self.shown = b""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.main)
        os.close(self.side)

    def wait_for(self, part: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while part not in self.shown:
            assert time.monotonic() < end, f"never shown: {part!r}, but {self.shown!r}"
            self.look()

    def look(self) -> None:
        if select.select([self.main], [], [], 0.05)[0]:
            self.shown += os.read(self.main, 4096)

    def type(self, text: str) -> None:
        os.write(self.main, text.encode())

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.side)[3] & termios.ECHO)

    def ended(self) -> tuple[int, str]:
        printed = self.process.stdout.read().decode()
        status = self.process.wait(PATIENCE)
        self.look()
        return status, printed


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_password_is_asked_for_twice_and_never_shown(terminal):
    terminal.wait_for(QUESTION)
    assert not terminal.echoes()
    terminal.type("surabaya\n")
    terminal.wait_for(AGAIN)
    terminal.type("surabaya\n")

    status, printed = terminal.ended()

    assert status == 0
    assert re.fullmatch(r"\$argon2id\$v=19\$m=64,t=1,p=1\$[\w+/]+\$[\w+/]+\n", printed)
    assert b"surabaya" not in terminal.shown
    assert terminal.echoes()


def test_two_different_passwords_are_not_hashed(terminal):
    terminal.wait_for(QUESTION)
    terminal.type("surabaya\n")
    terminal.wait_for(AGAIN)
    terminal.type("jakarta\n")

    assert terminal.ended() == (2, "")
    terminal.wait_for(b"realmd: these were two different passwords; nothing was hashed")
    assert terminal.echoes()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_who_gives_up_gets_the_terminal_back(terminal, how):
    terminal.wait_for(QUESTION)
    terminal.type("sura")

    terminal.process.send_signal(how)

    assert terminal.ended() == (130, "")
    assert terminal.echoes()
    assert b"sura" not in terminal.shown
