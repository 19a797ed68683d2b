"""`realmd chat`, piped and at a terminal."""

import fcntl
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest
from realmd import PATIENCE, binary


def chat(realm_or_address, typed: str) -> subprocess.CompletedProcess:
    """Runs it with these lines on its standard input."""
    address = getattr(realm_or_address, "address", realm_or_address)
    command = [binary(), "chat", f"{address[0]}:{address[1]}"]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60)


class Terminal:
    """A terminal of 60 columns with `realmd chat` in it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        command = [binary(), "chat", f"{address[0]}:{address[1]}"]
        environment = {**os.environ, "TERM": "xterm"}
        self.process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=environment, start_new_session=True
        )
        self.side = side
        self.output = b""

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.main)
        os.close(self.side)

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def wait_for(self, part: str) -> None:
        """Waits until the screen shows this somewhere."""
        self._wait(part, lambda lines: any(part in line for line in lines))

    def wait_for_line(self, line: str) -> None:
        """Waits until the last line of the screen is this."""
        self._wait(line, lambda lines: lines[-1] == line)

    def _wait(self, what: str, holds) -> None:
        end = time.monotonic() + PATIENCE
        while not holds(self.screen()):
            assert time.monotonic() < end, f"never shown: {what!r}, but {self.screen()}"
            if select.select([self.main], [], [], 0.1)[0]:
                self.output += os.read(self.main, 65536)

    def screen(self) -> list[str]:
        """The lines as a person sees them; knows the few things that the program makes use of."""
        lines, column = [""], 0
        text = self.output.decode(errors="replace")
        at = 0
        while at < len(text):
            c = text[at]
            if c == "\n":
                lines.append("")
            elif c == "\r":
                column = 0
            elif text.startswith("\x1b[K", at):
                lines[-1] = lines[-1][:column]
                at += 2
            elif c == "\x1b":
                end = at + 2
                while text[end : end + 1].isdigit():
                    end += 1
                assert text[at + 1] == "[" and text[end : end + 1] in ("C", ""), text[at : at + 9]
                column += int(text[at + 2 : end] or 1)
                at = end
            else:
                line = lines[-1].ljust(column)
                lines[-1] = line[:column] + c + line[column + 1 :]
                column += 1
            at += 1
        return lines

    def echoes(self) -> bool:
        """Whether the terminal itself shows what is typed."""
        return bool(termios.tcgetattr(self.side)[3] & termios.ECHO)

    def ended(self) -> int:
        return self.process.wait(PATIENCE)


@pytest.fixture
def terminal(realm1):
    terminals = []

    def terminal() -> Terminal:
        terminals.append(Terminal(realm1.address))
        return terminals[-1]

    yield terminal
    for each in terminals:
        each.close()


def test_commands_from_a_pipe(realm1, login):
    henderson = login(realm1, "henderson")

    ran = chat(
        realm1,
        "inbox\nauth messi salah\nauth messi surabaya\nsend henderson apa kabar\n"
        "send nobody halo\nsend henderson\nhalo\ninbox\nactiveuser\nlogout\nquit\n",
    )

    assert ran.stdout.splitlines() == [
        "Error, not authorized",
        "Error, Password Salah",
        "username messi logged in",
        "message sent to henderson",
        "Error, User Tidak Ditemukan",
        "-Maaf, command tidak benar",
        "*Maaf, command tidak benar",
        "{}",
        'Active User: "henderson, messi, "',
        "Logout success!",
    ]
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert '" apa kabar\\r\\n"' in henderson.inbox()


def test_the_end_of_the_pipe_logs_out(realm1, login):
    henderson = login(realm1, "henderson")

    assert chat(realm1, "auth messi surabaya").stdout == "username messi logged in\n"

    assert henderson.proses("activeuser") == 'Active User: "henderson, "'


def test_a_group_from_a_pipe(realm1, login):
    henderson = login(realm1, "henderson")
    group = henderson.join("bukber")
    group.wait_for("henderson telah bergabung")

    ran = chat(realm1, "auth messi surabaya\ngroup bukber\none\ntwo\nthree\nexit\nactiveuser\n")

    assert ran.stdout.splitlines() == [
        "username messi logged in",
        "messi telah bergabung",
        "messi: one",
        "messi: two",
        "messi: three",
        "Telah keluar dari grup bukber",
        'Active User: "henderson, messi, "',
    ]
    group.wait_for("messi meninggalkan group")
    assert "messi: onemessi: twomessi: three" in group.text()
    assert group.leave()["status"] == "OK"


def test_the_end_of_the_pipe_leaves_the_group(realm1, login):
    henderson = login(realm1, "henderson")
    group = henderson.join("bukber")
    group.wait_for("henderson telah bergabung")

    ran = chat(realm1, "auth messi surabaya\ngroup bukber\nhalo\n")

    assert ran.stdout.splitlines()[-1] == "Telah keluar dari grup bukber"
    group.wait_for("messi meninggalkan group")
    assert "logout" not in group.text()
    assert group.leave()["status"] == "OK"


def test_no_server_is_told_in_one_sentence_that_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()

    ran = chat(address, "")

    assert (ran.stdout, ran.returncode) == ("", 1)
    assert ran.stderr.count("\n") == 1
    assert "is the server running? Start it with `realmd " in ran.stderr


def test_a_server_that_goes_away_ends_the_program():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(64)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        ran = chat(server.getsockname(), "auth messi surabaya\ninbox\n")
        thread.join()

    assert (ran.stdout, ran.stderr) == ("", "The server has closed the connection.\n")
    assert ran.returncode == 1


def test_a_terminal_shows_an_inbox_to_be_read_and_no_secret(realm1, login, terminal):
    henderson = login(realm1, "henderson")
    henderson.send("messi", "halo \x1b[31m\u202emerah")
    screen = terminal()

    screen.wait_for("Connected to 127.0.0.1:")
    screen.wait_for_line("Command : ")
    screen.type("auth messi\r")
    screen.wait_for("Password of messi: ")
    screen.type("surabaya\r")
    screen.wait_for("username messi logged in")
    screen.type("auth messi surabaya\r")
    screen.wait_for("Command messi: auth messi ***")
    screen.type("inbox\r")
    screen.wait_for("henderson (Jordan Henderson): halo \\u{1b}[31m\\u{202e}merah")
    screen.type("\x1b[A\r")
    screen.wait_for("No new messages.")
    screen.type("\x1b[A\x1b[A\x1b[A\x1b[A")
    screen.wait_for_line("Command messi: auth messi")
    screen.type("\x15help\r")
    screen.wait_for("leave a message; USER may be user@realm")

    # Typed openly it was on the screen while it was typed; it does not stay, nor come back.
    assert not any("surabaya" in line for line in screen.screen())
    assert henderson.token not in "".join(screen.screen())
    assert not any(len(line) > 80 and "-4" in line for line in screen.screen())


def test_two_terminals_in_a_group_look_right(terminal):
    messi, henderson = terminal(), terminal()
    for screen, name in ((messi, "messi"), (henderson, "henderson")):
        screen.wait_for_line("Command : ")
        screen.type(f"auth {name} surabaya\rgroup bukber\r")
        screen.wait_for(f"{name} telah bergabung")
        screen.wait_for_line("bukber> ")
    messi.wait_for("henderson telah bergabung")

    # Half a line is typed while another one arrives above it.
    messi.type("halo semu")
    messi.wait_for_line("bukber> halo semu")
    henderson.type("apa kabar\r")
    messi.wait_for("henderson: apa kabar")
    # Events that reach one who has not read yet are one line; that is the dialect.
    henderson.wait_for("henderson: apa kabar")
    messi.wait_for_line("bukber> halo semu")
    messi.type("a\r")
    henderson.wait_for("messi: halo semua")
    messi.wait_for("messi: halo semua")
    messi.type("exit\r")
    messi.wait_for("Telah keluar dari grup bukber")
    messi.wait_for_line("Command messi: ")
    henderson.wait_for("messi meninggalkan group")
    henderson.wait_for_line("bukber> ")

    assert messi.screen()[1:] == [
        "Command : auth messi ***",
        "username messi logged in",
        "Command messi: group bukber",
        "messi telah bergabung",
        "henderson telah bergabung",
        "henderson: apa kabar",
        "messi: halo semua",
        "Telah keluar dari grup bukber",
        "Command messi: ",
    ]
    assert henderson.screen()[1:] == [
        "Command : auth henderson ***",
        "username henderson logged in",
        "Command henderson: group bukber",
        "henderson telah bergabung",
        "henderson: apa kabar",
        "messi: halo semua",
        "messi meninggalkan group",
        "bukber> ",
    ]


@pytest.mark.parametrize("key", ["\x04", "\x03"])
def test_ctrl_d_and_ctrl_c_end_it_and_give_the_terminal_back(terminal, key):
    screen = terminal()
    screen.wait_for_line("Command : ")
    screen.type("auth messi surabaya\r")
    screen.wait_for_line("Command messi: ")
    assert not screen.echoes()

    screen.type(key)

    assert screen.ended() == 0
    assert screen.echoes()


def test_a_server_that_dies_is_told_and_the_terminal_given_back(realm1, terminal):
    screen = terminal()
    screen.wait_for_line("Command : ")
    screen.type("auth messi surabaya\r")
    screen.wait_for("Command messi: ")

    realm1.process.send_signal(signal.SIGKILL)

    screen.wait_for("The server has closed the connection.")
    assert screen.ended() == 1
    assert screen.echoes()
