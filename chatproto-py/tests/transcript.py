"""Transcripts as text: the format of `tests/transcripts/README.md`, read into steps."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "b": b"\b", "f": b"\f", "0": b"\0"}
ESCAPES |= {"\\": b"\\", '"': b'"'}
PIECE = re.compile(
    r"\\x(?P<hex>[0-9a-fA-F]{2})|\\(?P<escape>[rntbf0\\\"])|\$(?P<name>[TM][0-9]+)|(?P<plain>[^\\])",
    re.DOTALL,
)


class Name(NamedTuple):
    """A token such as `T1`, or a moment such as `M1`, within a text."""

    name: str

    def bytes(self) -> int:
        """How long what is called so is."""
        return 13 if self.name.startswith("M") else 36


# A text: bytes, and names of what only the play will tell.
Text = list[bytes | Name]


@dataclass
class Step:
    """One line: the words before a text, and the text of a write or a read."""

    line: int
    words: list[str]
    text: Text = field(default_factory=list)


@dataclass
class Transcript:
    """A transcript, ready to be played."""

    # Whether each write must arrive as it was written, neither cut nor glued.
    is_live: bool = False
    steps: list[Step] = field(default_factory=list)


class FormatError(ValueError):
    """A line that is not of the format."""


def parse(text: str) -> Transcript:
    """Reads a transcript."""
    transcript = Transcript()
    for number, line in enumerate(text.split("\n"), 1):
        if line == "" or line.startswith("#"):
            continue
        if line == "live":
            transcript.is_live = True
            continue
        if line != line.rstrip():
            raise FormatError(f"{number}: white space at the end is not to be seen")
        transcript.steps.append(parse_line(number, line))
    return transcript


def parse_line(number: int, line: str) -> Step:
    match = re.fullmatch(r"([A-Za-z0-9]+) +([<>]) (.+)", line, re.DOTALL)
    if match is not None:
        return Step(number, [match[1], match[2]], parse_text(number, match[3]))
    words = line.split(" ", 4) if line.startswith("user ") else line.split()
    if not is_known(words):
        raise FormatError(f"{number}: an unknown kind of line")
    return Step(number, words)


def is_known(words: list[str]) -> bool:
    """Whether a line without a text is of the format."""
    match words:
        case ["user", _, _, _, _]:
            return True
        case ["limit", _, value]:
            return value.isdecimal()
        case ["wait", time]:
            return re.fullmatch("[0-9]+ms", time) is not None
        case ["realm" | "stop", _] | ["cut" | "mend", _, _]:
            return True
        case [_, "on", _]:
            return True
        case [_, "silent" | "ends" | "drops" | "closed"]:
            return True
        case _:
            return False


def parse_text(number: int, text: str) -> Text:
    parts: Text = []
    plain = bytearray()
    at = 0
    while at < len(text):
        piece = PIECE.match(text, at)
        if piece is None:
            raise FormatError(f"{number}: an unknown escape")
        at = piece.end()
        if piece["name"] is not None:
            parts += [bytes(plain), Name(piece["name"])]
            plain.clear()
        elif piece["hex"] is not None:
            plain += bytes.fromhex(piece["hex"])
        elif piece["escape"] is not None:
            plain += ESCAPES[piece["escape"]]
        else:
            plain += piece["plain"].encode()
    parts.append(bytes(plain))
    return [part for part in parts if part != b""]


def load(file: Path) -> Transcript:
    """Reads a transcript's file."""
    text = file.read_bytes().decode()
    assert text.startswith("# "), f"{file.name} does not say what it shows"
    return parse(text)
