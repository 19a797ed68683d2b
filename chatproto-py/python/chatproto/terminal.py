"""A terminal, where a person types and sees what comes meanwhile.

    from chatproto import ChatClient
    from chatproto.terminal import Screen

    screen = Screen(["auth", "send", "inbox", "group"])
    with ChatClient(read=screen.read, show=screen.show_live) as client:
        while line := screen.read("> "):
            screen.show(client.proses(line))

Where input or output is no terminal, lines are read and texts shown as they are.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Screen", "indented", "plain"]


class Screen:
    """Where a person types: with a history, and with completion of a line's first word.

    Both are those of prompt_toolkit where that is installed, else of readline where there is one.
    `words` are what is completed. `kept` gives of a line what the history may keep: passwords should
    not be in it. One thread reads; any may show something.
    """

    is_terminal: bool
    """Whether a person is there: input and output are a terminal."""

    def __init__(
        self, words: Iterable[str] = (), kept: Callable[[str], str] = lambda line: line
    ) -> None:
        self.is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self._words = list(words)
        self._kept = kept
        self._prompt = ""
        self._read_line: Callable[[str], str] = input
        self._redraw: Callable[[], None] = lambda: None
        self._printing: Callable[[], Any] = _as_it_is
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
        lines: Any = history.InMemoryHistory()
        append = lines.append_string
        lines.append_string = lambda line: append(self._kept(line))
        session = toolkit.PromptSession(
            history=lines,
            completer=completion.WordCompleter(self._words),
            complete_while_typing=False,
        )
        self._read_line = session.prompt
        self._printing = lambda: patch.patch_stdout(raw=True)

    def _use_readline(self) -> None:
        import readline

        def complete(begun: str, number: int) -> str | None:
            is_first = not readline.get_line_buffer()[: readline.get_begidx()].strip()
            found = [f"{word} " for word in self._words if is_first and word.startswith(begun)]
            return found[number] if number < len(found) else None

        def read_line(prompt: str) -> str:
            line = input(prompt)
            kept = self._kept(line)
            if kept.strip() and kept != readline.get_history_item(
                readline.get_current_history_length()
            ):
                readline.add_history(kept)
            return line

        def redraw() -> None:
            sys.stdout.write(self._prompt + readline.get_line_buffer())
            sys.stdout.flush()

        readline.set_auto_history(False)
        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")
        self._read_line, self._redraw = read_line, redraw

    def read(self, prompt: str = "") -> str:
        """Reads a line, without its end.

        Raises EOFError where there is none any more.
        """
        self._prompt = prompt
        with self._printing():
            return self._read_line(prompt)

    def show(self, text: str) -> None:
        """Shows what a command has brought, in red if that is one of `ChatClient`'s errors."""
        is_error = text.startswith(("Error, ", "-Maaf", "*Maaf"))
        if self.is_terminal:
            text = f"\x1b[31m{plain(text)}\x1b[0m" if is_error else plain(text)
        print(text)

    def show_live(self, text: str) -> None:
        """Shows what comes while a person types, above that."""
        if not self.is_terminal:
            return print(text, flush=True)
        sys.stdout.write(f"\r\x1b[K\x1b[36m{plain(indented(text))}\x1b[0m\n")
        sys.stdout.flush()
        self._redraw()


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


def plain(text: str) -> str:
    """Returns a text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def indented(text: str) -> str:
    """Returns a text of which no line passes for another message."""
    return re.sub(r"\r?\n", "\n    ", text.rstrip("\r\n"))
