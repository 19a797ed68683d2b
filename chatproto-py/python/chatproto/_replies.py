"""How what a server says begins and ends."""

import re

END = b"\r\n\r\n"
# Every reply begins with this, and no text of a group does: no name holds a quotation mark.
START = b'{"status": '
EXIT = b"exit"
# With all carriage returns before it: one that stayed would make half of a line end anew.
LINE_END = re.compile(r"\r*\n")


def shows_out(data: bytes) -> bool:
    """Whether a read is a goodbye or its beginning; what is said in a group begins with a name."""
    goodbye = EXIT + START
    is_begun = data.startswith(EXIT) and goodbye.startswith(data)
    return is_begun or data.startswith((START, goodbye))
