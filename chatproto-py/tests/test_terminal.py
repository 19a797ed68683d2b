"""A terminal; `tests/interop` has a person type at one."""

import io

import pytest
from chatproto.terminal import Screen, indented, plain


def test_no_text_commands_a_terminal() -> None:
    table = {
        "halo dunia": "halo dunia",
        "héllo 😀 日本": "héllo 😀 日本",
        "\x1b[2J\x07": "\\x1b[2J\\x07",
        "a\rb": "a\\rb",
        "two\nlines": "two\nlines",
        "\u202egnissaP": "\\u202egnissaP",
        "\ud800": "\\ud800",
    }
    assert {text: plain(text) for text in table} == table


def test_no_line_of_a_text_passes_for_another_message() -> None:
    assert indented("messi: one\r\nlineker: two\n\r\n") == "messi: one\n    lineker: two"


def test_where_nobody_is_lines_and_texts_are_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("auth messi surabaya\n\x1b\n"))
    screen = Screen(["auth"], kept=lambda _line: pytest.fail("there is no history"))

    assert not screen.is_terminal
    assert [screen.read("> "), screen.read("> ")] == ["auth messi surabaya", "\x1b"]
    with pytest.raises(EOFError):
        screen.read()
    screen.show("Error, \x1b[2J")
    screen.show_live("messi: one\nlineker: two")

    assert capsys.readouterr().out == "> > Error, \x1b[2J\nmessi: one\nlineker: two\n"
