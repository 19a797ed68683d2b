"""What `ChatClient` does in a live group."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable

from chatproto._replies import END, EXIT, START, shows_out


class Gone(Exception):
    """There is no server to talk with; the text says why."""


class HungUp(Gone):
    """It was this side that ended the connection."""


class Live:
    """The time in a group: a thread shows what comes, while whoever has this object types."""

    def __init__(
        self,
        receive: Callable[[float | None], bytes],
        show: Callable[[str], object],
        first: bytes,
    ) -> None:
        self._receive = receive
        self._show = show
        self._is_leaving = False
        self._held = b""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._reply: bytes | None = None
        self._why: BaseException | None = None
        self.thread = threading.Thread(
            target=self._listen, args=(first,), name="chatproto-live", daemon=True
        )
        self.thread.start()

    def talk(self, read: Callable[[], str], write: Callable[[str], None]) -> None:
        """Sends what is typed until that is `exit`, its end, or the group is over."""
        while self.thread.is_alive():
            try:
                typed = read()
            except EOFError:
                typed = "exit"
            if not self.thread.is_alive():
                return
            if typed == "exit":
                self._is_leaving = True
                return write(typed)
            if typed:
                write(typed)

    def left(self, timeout: float) -> bytes:
        """Waits until the server has said goodbye, and returns its reply."""
        self.thread.join(timeout)
        if self._reply is None:
            raise self._why or Gone(f"the server has not answered for {timeout:g} s")
        return self._reply

    def _listen(self, data: bytes) -> None:
        try:
            self._follow(data)
        except BaseException as error:  # noqa: BLE001
            # That is of `show`: whoever has this object raises it.
            self._why = error

    def _follow(self, data: bytes) -> None:
        try:
            while not self._is_over(data):
                data = self._receive(None)
        except HungUp as hung_up:
            # Whoever did that knows.
            self._why = hung_up
        except Gone as gone:
            self._why = gone
            self._show(f"Error, {gone}")

    def _is_over(self, data: bytes) -> bool:
        """Shows what is for the person, and keeps what is for the program."""
        if shows_out(data) and not self._held:
            # Nobody has asked, and yet the server shows us out.
            self._is_leaving = True
        held = self._held + data
        if not self._is_leaving:
            self._tell(held)
            return False
        mark = held.rfind(EXIT + START)
        begin = mark + len(EXIT) if mark >= 0 else 0
        if held.startswith(START, begin) and held.endswith(END):
            self._tell(held[: max(mark, 0)])
            self._reply = held[begin:]
            return True
        keep = mark if mark >= 0 else _begun(held)
        self._tell(held[:keep])
        self._held = held[keep:]
        return False

    def _tell(self, text: bytes) -> None:
        if shown := self._decode(text):
            self._show(shown)


def _begun(held: bytes) -> int:
    """From where on the bytes may be the beginning of a goodbye."""
    if held.startswith(START):
        return 0
    goodbye = EXIT + START
    lengths = range(min(len(held), len(goodbye)), 0, -1)
    return len(held) - next((n for n in lengths if held.endswith(goodbye[:n])), 0)
