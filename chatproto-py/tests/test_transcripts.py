"""Every transcript, in every manner, as in the other languages."""

from pathlib import Path

import pytest
from player import Failure, Manner, manners, play
from transcript import FormatError, Name, load, parse, parse_line

FILES = sorted((Path(__file__).parents[2] / "tests" / "transcripts").glob("*.txt"))

LOGIN = (
    'messi > auth messi surabaya \\r\\n\nmessi < {"status": "OK", "tokenid": "$T1"}\\r\\n\\r\\n\n'
)


def fails_at(text: str) -> int:
    with pytest.raises(Failure) as failure:
        play(parse(text), Manner())
    return failure.value.line


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_transcript_comes_true(file: Path) -> None:
    transcript = load(file)

    for manner in manners(transcript):
        try:
            play(transcript, manner)
        except Failure as failure:
            raise AssertionError(f"{file.name}:{failure}\n  in {manner}") from None


def test_there_are_transcripts() -> None:
    assert len(FILES) > 90


def test_the_player_tells_what_is_not_true() -> None:
    play(parse(LOGIN), Manner())

    assert fails_at('messi > auth messi x\\r\\n\nmessi < {"status": "OK"') == 2
    assert fails_at("messi > auth messi\nmessi < {") == 2
    assert fails_at("messi > auth messi surabaya\\r\\n") == 1
    assert fails_at("messi > auth messi surabaya\\r\\n\nmessi silent") == 2
    assert fails_at(LOGIN + LOGIN.replace("messi >", "other >").replace("messi <", "other <")) == 4
    assert fails_at("messi > inbox $T1\\r\\n") == 1
    assert fails_at(LOGIN + "messi closed") == 3


def test_a_live_transcript_is_never_cut() -> None:
    def cuttings(text: str) -> set[str | int]:
        return {manner.cutting for manner in manners(parse(text))}

    assert cuttings("messi > abc") == {"as written", "single bytes", "glued", 1, 2}
    assert cuttings("live\nmessi > abc") == {"as written"}


def test_texts_are_decoded() -> None:
    text = parse_line(1, r'messi   > a "b" \"\\ \r\n\t\b\f\0\x7f\xFF é\x20').text
    names = parse_line(1, r"messi < $T1$T23 $5$T $M2x").text

    assert text == [b'a "b" "\\ \r\n\t\x08\x0c\0\x7f\xff \xc3\xa9 ']
    assert names == [Name("T1"), Name("T23"), b" $5$T ", Name("M2"), b"x"]


WRONG = ["messi", "messi >", "messi > a ", "messi = a", "messi > \\q", "messi > \\"]
WRONG += ["messi > \\x4", "mes-si > a", "wait 3", "wait xms", "cut realm1", "limit x"]
WRONG += ["user a b c", "messi on a b"]


@pytest.mark.parametrize("line", WRONG)
def test_a_line_not_of_the_format_is_refused(line: str) -> None:
    with pytest.raises(FormatError):
        parse(line)
