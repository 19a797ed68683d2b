"""The coursework's command-line client, on `chatproto.ChatClient`.

    python3 examples/chat-cli.py [HOST [PORT] | HOST:PORT]

talks with the server at SERVER_IP and SERVER_PORT, or at 127.0.0.1 port 8889. At a terminal it has a history and
completion (of prompt_toolkit where that is installed, else of readline); piped, it shows what the old one showed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys

from chatproto import ChatClient
from chatproto.terminal import Screen, indented

HELP = """\
auth NAME PASSWORD    log in
send NAME TEXT        send somebody a message; NAME@REALM in another realm
inbox                 take all messages out of the inbox
activeuser            who is logged in
group NAME            chat with all who are there, until you type exit
logout                log out
quit                  end this program"""

COMMANDS = [line.split(" ")[0] for line in HELP.splitlines()] + ["help"]


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
    screen = Screen(COMMANDS, kept=without_password)
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
