"""The coursework's command-line client, on `chatproto.ChatClient`.

    python3 examples/chat-cli.py [HOST [PORT] | HOST:PORT]

talks with the server at SERVER_IP and SERVER_PORT, or at 127.0.0.1 port 8889. At a terminal it has a history and
completion (of prompt_toolkit where that is installed, else of readline); piped, it shows what the old one showed.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from chatproto import ChatClient

HELP = """\
auth NAME PASSWORD    log in
send NAME TEXT        send somebody a message; NAME@REALM in another realm
inbox                 take all messages out of the inbox
activeuser            who is logged in
group NAME            chat with all who are there, until you type exit
logout                log out
quit                  end this program"""

COMMANDS = [line.split(" ")[0] + " " for line in HELP.splitlines()] + ["help "]


class Screen:
    """Where a person types, and sees what comes meanwhile."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self.prompt = ""
        self.read_line: Callable[[str], str] = input
        self.redraw: Callable[[], None] = lambda: None
        self.printing: Callable[[], Any] = no_patch
        if self.is_terminal:
            try:
                self._use_prompt_toolkit()
            except ImportError:
                with suppress(ImportError):
                    self._use_readline()

    def _use_prompt_toolkit(self) -> None:
        toolkit: Any = importlib.import_module("prompt_toolkit")
        completion: Any = importlib.import_module("prompt_toolkit.completion")
        history: Any = importlib.import_module("prompt_toolkit.history")
        patch: Any = importlib.import_module("prompt_toolkit.patch_stdout")

        class History(history.InMemoryHistory):  # type: ignore[misc]
            def append_string(self, line: str) -> None:
                super().append_string(without_password(line))

        words = completion.WordCompleter([command.strip() for command in COMMANDS])
        session = toolkit.PromptSession(
            history=History(), completer=words, complete_while_typing=False
        )
        self.read_line = session.prompt
        self.printing = lambda: patch.patch_stdout(raw=True)

    def _use_readline(self) -> None:
        import readline

        def complete(begun: str, number: int) -> str | None:
            is_first = not readline.get_line_buffer()[: readline.get_begidx()].strip()
            found = [word for word in COMMANDS if is_first and word.startswith(begun)]
            return found[number] if number < len(found) else None

        def read_line(prompt: str) -> str:
            line = input(prompt)
            kept = without_password(line)
            if kept.strip() and kept != readline.get_history_item(
                readline.get_current_history_length()
            ):
                readline.add_history(kept)
            return line

        def redraw() -> None:
            sys.stdout.write(self.prompt + readline.get_line_buffer())
            sys.stdout.flush()

        readline.set_auto_history(False)
        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")
        self.read_line, self.redraw = read_line, redraw

    def read(self, prompt: str = "") -> str:
        self.prompt = prompt
        with self.printing():
            return self.read_line(prompt)

    def show(self, text: str) -> None:
        """Shows what a command has brought, in red if that is an error."""
        is_error = text.startswith(("Error, ", "-Maaf", "*Maaf"))
        print(f"\x1b[31m{plain(text)}\x1b[0m" if self.is_terminal and is_error else self.safe(text))

    def show_live(self, text: str) -> None:
        """Shows what the members of a group are told, above what is being typed."""
        if not self.is_terminal:
            return print(text, flush=True)
        sys.stdout.write(f"\r\x1b[K\x1b[36m{plain(indented(text))}\x1b[0m\n")
        sys.stdout.flush()
        self.redraw()

    def safe(self, text: str) -> str:
        return plain(text) if self.is_terminal else text


@contextmanager
def no_patch() -> Iterator[None]:
    yield


def plain(text: str) -> str:
    """A text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def indented(text: str) -> str:
    """A text of which no line passes for another message."""
    return re.sub(r"\r?\n", "\n    ", text.rstrip("\r\n"))


def readable(inbox: str) -> str:
    """An inbox as people read it, a message a line; what is none is left as it is."""
    lines = []
    try:
        for sender, messages in json.loads(inbox).items():
            for message in messages:
                name = message["msg_from"]
                who = sender if name == sender else f"{sender} ({name})"
                lines.append(indented(f"{who}: {message['msg'].strip()}"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return inbox
    return "\n".join(lines) or "No new messages."


def without_password(line: str) -> str:
    words = line.split(" ")
    return " ".join(words[:2]) if words[0] == "auth" else line


def address() -> tuple[str | None, str | None]:
    parser = argparse.ArgumentParser(
        description="A client for the terminal. There, help tells the commands."
    )
    parser.add_argument(
        "host", nargs="?", metavar="HOST", help="or HOST:PORT; otherwise SERVER_IP or 127.0.0.1"
    )
    parser.add_argument("port", nargs="?", metavar="PORT", help="otherwise SERVER_PORT or 8889")
    given = parser.parse_args()
    host, colon, port = (given.host or "").rpartition(":")
    if given.port is None and colon and (":" not in host or host.startswith("[")):
        return host.strip("[]"), port
    return given.host, given.port


def main(host: str | None, port: str | None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console may not know every character that somebody says.
        sys.stdout.reconfigure(errors="replace")
    screen = Screen()
    ip, number = os.environ.get("SERVER_IP"), os.environ.get("SERVER_PORT")
    where = f"{host or ip or '127.0.0.1'}:{port or number or 8889}"
    try:
        client = ChatClient(host, port, read=screen.read, show=screen.show_live)
    except (OSError, UnicodeError) as error:
        print(f"no server at {where} ({error}): is it running?", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if screen.is_terminal:
        print("help tells the commands")
    name = ""
    with client:
        while True:
            # On a terminal somebody may look over one's shoulder: no token there.
            prompt = f"{name}> " if screen.is_terminal else f"Command {client.tokenid}:"
            try:
                line = screen.read(prompt)
            except EOFError:
                print()
                return 0
            match line.split():
                case []:
                    continue
                case ["quit"]:
                    return 0
                case ["help"]:
                    print(HELP)
                    continue
            shown = client.proses(line)
            if shown.startswith("username ") and screen.is_terminal:
                name = shown.split(" ")[1]
                shown = shown.split(",")[0]
            if line.startswith("inbox") and screen.is_terminal:
                shown = readable(shown)
            if not client.tokenid:
                name = ""
            screen.show(shown)


def run() -> int:
    try:
        try:
            return main(*address())
        except KeyboardInterrupt:
            print()
            return 0
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more; the interpreter must not find that out again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(run())
