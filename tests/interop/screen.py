"""What a person sees on a terminal: as much of one as line editors make use of."""

from __future__ import annotations

import re

PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|[\r\n\b\x07]|[^\x1b\r\n\b\x07]+", re.DOTALL)


class Screen:
    """Lines without an end to them, and a cursor."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = self.column = 0

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    def line(self) -> str:
        """The line in which the cursor is."""
        return self.lines[self.row].rstrip()

    def feed(self, output: str) -> str:
        """Shows what a program has written, and returns what may be the beginning of something."""
        end = 0
        for piece in PIECE.finditer(output):
            is_begun = piece.end() == len(output) and piece[0].startswith("\x1b") and not piece[2]
            if is_begun:
                break
            end = piece.end()
            if piece[2]:
                self._control(piece[1], piece[2])
            elif not piece[0].startswith("\x1b"):
                self._write(piece[0])
        return output[end:]

    def _write(self, text: str) -> None:
        match text:
            case "\r":
                self.column = 0
            case "\n":
                self._move(1)
            case "\b":
                self.column = max(self.column - 1, 0)
            case "\x07":
                pass
            case _:
                line = self.lines[self.row].ljust(self.column)
                end = self.column + len(text)
                self.lines[self.row] = line[: self.column] + text + line[end:]
                self.column = end

    def _control(self, numbers: str, letter: str) -> None:
        count = int(numbers) if numbers.isdigit() else 0
        line = self.lines[self.row]
        match letter:
            case "A":
                self._move(-max(count, 1))
            case "B":
                self._move(max(count, 1))
            case "C":
                self.column += max(count, 1)
            case "D":
                self.column = max(self.column - max(count, 1), 0)
            case "G":
                self.column = max(count, 1) - 1
            case "J" | "K":
                self.lines[self.row] = "" if count == 2 else line[: self.column]
                if letter == "J":
                    del self.lines[self.row + 1 :]
            case "P":
                self.lines[self.row] = line[: self.column] + line[self.column + max(count, 1) :]
            case "@":
                room = " " * max(count, 1)
                self.lines[self.row] = line[: self.column] + room + line[self.column :]

    def _move(self, rows: int) -> None:
        self.row = max(self.row + rows, 0)
        self.lines += [""] * (self.row + 1 - len(self.lines))
