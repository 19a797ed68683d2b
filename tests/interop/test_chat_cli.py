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
from collections.abc import Callable
from contextlib import suppress

import pytest
from realmd import PATIENCE, ROOT
from screen import Screen

PROGRAM = ROOT / "examples" / "chat-cli.py"
# Runs a program, as if prompt_toolkit were not installed where the first argument says so.
PLAIN = """
import runpy, sys
if sys.argv[1] == "readline":
    sys.modules["prompt_toolkit"] = None
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Terminal:
    """A terminal with the client in it."""

    def __init__(self, address: tuple[str, int], editor: str = "readline") -> None:
        self.main, side = pty.openpty()
        command = [sys.executable, "-W", "error", "-c", PLAIN, editor, PROGRAM, address[0], str(address[1])]
        # This terminal does not tell where its cursor is.
        environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
        )
        os.close(side)
        self.output = ""
        self.screen = Screen()
        self.shown = self.begun = ""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.main)

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def read(self) -> None:
        """Takes what is there, or comes in a moment."""
        if select.select([self.main], [], [], 0.1)[0]:
            output = os.read(self.main, 65_536).decode(errors="replace")
            self.output += output
            self.shown += output
            self.begun = self.screen.feed(self.begun + output)

    def read_to_end(self) -> None:
        """Takes all that is there; the program has ended."""
        # Nobody writes any more.
        with suppress(OSError):
            while select.select([self.main], [], [], 0)[0]:
                self.read()

    def wait_until(self, what: str, holds: Callable[[Screen], bool]) -> None:
        """Waits until something is to be seen, wherever that is."""
        end = time.monotonic() + PATIENCE
        while not holds(self.screen):
            assert time.monotonic() < end, f"never seen: {what}, but {self.screen.text()!r}"
            self.read()

    def wait_for_line(self, line: str) -> None:
        """Waits until the line with the cursor reads like that."""
        self.wait_until(line, lambda screen: screen.line() == line)

    def wait_for(self, part: str) -> None:
        """Waits until this was shown, and forgets all up to there."""
        end = time.monotonic() + PATIENCE
        while part not in self.output:
            assert time.monotonic() < end, f"never shown: {part!r}, but {self.output!r}"
            self.read()
        self.output = self.output.split(part, 1)[1]

    def ended(self) -> int:
        return self.process.wait(PATIENCE)


@pytest.fixture
def terminal(realm1):
    terminal = Terminal(realm1.address)
    yield terminal
    terminal.close()


@pytest.fixture
def prompt(realm1):
    """A terminal in which the client has prompt_toolkit."""
    pytest.importorskip("prompt_toolkit")
    terminal = Terminal(realm1.address, "prompt_toolkit")
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


def test_prompt_toolkit_shows_live_texts_above_what_is_typed(prompt, realm1, login):
    prompt.wait_for_line(">")
    prompt.type("auth messi surabaya\r")
    prompt.wait_for_line("messi>")
    prompt.type("group bukber\r")
    prompt.wait_until("joined", lambda screen: "messi telah bergabung" in screen.lines)
    henderson = login(realm1, "henderson").join("bukber")
    prompt.wait_until("joined", lambda screen: "henderson telah bergabung" in screen.lines)

    prompt.type("setengah")
    prompt.wait_for_line("setengah")
    henderson.say("\x1b[31mhalo")
    prompt.wait_until("halo", lambda screen: "henderson: \\x1b[31mhalo" in screen.lines)
    # What was typed so far stands there again, below.
    prompt.wait_for_line("setengah")
    prompt.type(" jadi\r")
    henderson.wait_for("messi: setengah jadi")
    prompt.type("exit\r")
    prompt.wait_until("left", lambda screen: "Telah keluar dari grup bukber" in screen.lines)

    assert "\x1b[36mhenderson: \\x1b[31mhalo\x1b[0m" in prompt.shown
    assert henderson.leave()["status"] == "OK"


def test_prompt_toolkit_completes_and_remembers_no_password(prompt):
    prompt.wait_for_line(">")
    prompt.type("auth messi surabaya\r")
    prompt.wait_for_line("messi>")
    prompt.type("activ\t")
    prompt.wait_for_line("messi> activeuser")
    prompt.type("\r")
    prompt.wait_until("users", lambda screen: 'Active User: "messi, "' in screen.lines)
    prompt.wait_for_line("messi>")

    prompt.type("\x1b[A")
    prompt.wait_for_line("messi> activeuser")
    prompt.type("\x1b[A")
    prompt.wait_for_line("messi> auth messi")
    prompt.type("\x15halo\r")
    prompt.wait_until("halo", lambda screen: "*Maaf, command tidak benar" in screen.lines)
    prompt.wait_for_line("messi>")
    prompt.type("quit\r")

    assert prompt.ended() == 0
    assert "\x1b[31m*Maaf, command tidak benar\x1b[0m" in prompt.shown


@pytest.mark.parametrize("how", ["key", "signal"])
def test_ctrl_c_ends_prompt_toolkit(prompt, how):
    prompt.wait_for_line(">")

    if how == "key":
        prompt.type("\x03")
    else:
        prompt.process.send_signal(signal.SIGINT)

    assert prompt.ended() == 0


def test_ctrl_c_ends_it(terminal):
    terminal.wait_for("> ")

    terminal.process.send_signal(signal.SIGINT)
    # The line editor may have begun to wait a moment after the signal came; then a key wakes it.
    with suppress(OSError):
        terminal.type("\n")

    assert terminal.ended() == 0


@pytest.mark.parametrize("how", ["key", "signal"])
def test_ctrl_c_in_a_group_tells_nothing_untrue_in_prompt_toolkit(prompt, how):
    prompt.wait_for_line(">")
    prompt.type("auth messi surabaya\r")
    prompt.wait_for_line("messi>")
    prompt.type("group bukber\r")
    # The editor ends a line and begins the next; a key that comes in between does nothing.
    prompt.wait_for("group bukber")
    prompt.wait_for("\x1b[?2004l")
    prompt.wait_for("\x1b[?2004h")
    prompt.wait_until("joined", lambda screen: "messi telah bergabung" in screen.lines)

    if how == "key":
        prompt.type("\x03")
    else:
        prompt.process.send_signal(signal.SIGINT)

    assert prompt.ended() == 0
    prompt.read_to_end()
    assert "Error" not in prompt.shown and "Traceback" not in prompt.shown


def test_ctrl_c_in_a_group_tells_nothing_untrue(terminal):
    terminal.wait_for("> ")
    terminal.type("auth messi surabaya\n")
    terminal.wait_for("messi> ")
    terminal.type("group bukber\n")
    terminal.wait_for("messi telah bergabung")

    terminal.process.send_signal(signal.SIGINT)
    # As at the prompt.
    with suppress(OSError):
        terminal.type("\n")

    assert terminal.ended() == 0
    terminal.read_to_end()
    assert "Error" not in terminal.shown and "Traceback" not in terminal.shown


def test_at_a_terminal_an_inbox_is_read_as_people_do(terminal, realm1, login):
    lineker = login(realm1, "lineker")
    terminal.wait_for("> ")
    terminal.type("auth messi surabaya\n")
    terminal.wait_for("messi> ")
    terminal.type("inbox\n")
    terminal.wait_for("No new messages.")
    terminal.wait_for("messi> ")
    lineker.proses("send messi héllo 😀")
    lineker.proses("send messi satu\nhenderson: \x1b[31mdua")

    terminal.type("inbox\n")

    terminal.wait_for(
        "lineker (Gary Lineker): héllo 😀\r\n"
        "lineker (Gary Lineker): satu\r\n"
        "    henderson: \\x1b[31mdua\r\n"
        "messi> "
    )


def test_in_a_group_no_line_passes_for_one_of_somebody_else(terminal, realm1, login):
    terminal.wait_for("> ")
    terminal.type("auth messi surabaya\n")
    terminal.wait_for("messi> ")
    terminal.type("group bukber\n")
    terminal.wait_for("messi telah bergabung")
    henderson = login(realm1, "henderson").join("bukber")
    terminal.wait_for("henderson telah bergabung")

    henderson.say("halo\nlineker: dah")

    terminal.wait_for("henderson: halo\r\n    lineker: dah")
    assert henderson.leave()["status"] == "OK"


# Without a server.


def ran(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "error", PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_it_tells_how_it_is_used(asked):
    told = ran(asked)

    assert (told.stderr, told.returncode) == ("", 0)
    assert told.stdout.startswith("usage: chat-cli.py ")
    for word in ("HOST:PORT", "SERVER_IP", "SERVER_PORT", "8889"):
        assert word in told.stdout


@pytest.mark.parametrize("arguments", [["--port"], ["127.0.0.1", "1", "2"]])
def test_what_it_does_not_understand_ends_it(arguments):
    told = ran(*arguments)

    assert (told.stdout, told.returncode) == ("", 2)
    assert told.stderr.startswith("usage: chat-cli.py ")


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["127.0.0.1", "70000"], {}, "the port is '70000', and ports are numbers from 1 to 65535"),
        (["127.0.0.1:0"], {}, "the port is '0', and ports are numbers from 1 to 65535"),
        ([], {"SERVER_PORT": "abc"}, "SERVER_PORT is 'abc', and ports are numbers from 1 to 65535"),
    ],
)
def test_a_port_that_is_none_is_told_in_one_sentence(arguments, environment, sentence):
    told = ran(*arguments, **environment)

    assert (told.stdout, told.stderr, told.returncode) == ("", f"{sentence}\n", 1)


@pytest.mark.parametrize("form", ["{0}:{1}", "{0}", ":{1}", "{0}:"])
def test_host_and_port_may_be_one_argument(realm1, form):
    host, port = realm1.address

    told = ran(form.format(host, port), SERVER_IP=host, SERVER_PORT=str(port))

    assert (told.stdout, told.stderr, told.returncode) == ("Command :\n", "", 0)


def test_a_host_with_colons_is_a_host():
    for arguments in (["::1", "1"], ["[::1]:1"]):
        told = ran(*arguments)

        assert told.stderr.startswith("no server at ::1:1 (") and told.returncode == 1


@pytest.mark.parametrize("typed", ["", "halo\n" * 1_000, "help\n"])
def test_it_ends_quietly_when_nobody_reads_what_it_shows(realm1, typed):
    reads, writes = os.pipe()
    os.close(reads)

    with os.fdopen(writes, "wb") as nobody:
        told = subprocess.run(
            [sys.executable, "-W", "error", PROGRAM, realm1.address[0], str(realm1.address[1])],
            input=typed.encode(),
            stdout=nobody,
            stderr=subprocess.PIPE,
            timeout=60,
        )

    assert (told.stderr, told.returncode) == (b"", 1)


def test_no_server_is_told_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()

    ran = subprocess.run(
        [sys.executable, PROGRAM, host, str(port)], capture_output=True, text=True, timeout=60
    )

    assert (ran.stdout, ran.returncode) == ("", 1)
    assert ran.stderr.count("\n") == 1 and "is it running?" in ran.stderr
