"""What a program sees of the installed package."""

import doctest
import importlib.resources
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import chatproto
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_that_of_the_workspace() -> None:
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())

    assert chatproto.__version__ == workspace["workspace"]["package"]["version"]


def test_it_is_the_installed_wheel_and_not_the_source_folder() -> None:
    assert not Path(chatproto.__file__).is_relative_to(ROOT / "chatproto-py")


def test_error_codes_are_the_table_of_the_other_languages() -> None:
    header = (ROOT / "include" / "chatproto.h").read_text()
    # From 1001 on they are of C alone.
    in_c = re.findall(r"#define CHATPROTO_ERROR_(\w+) (\d{1,3})$", header, re.MULTILINE)

    in_python = [(code.upper(), str(at)) for at, code in enumerate(chatproto.error_codes(), 1)]

    assert in_python == in_c
    assert chatproto.error_codes()["no_such_user"] == "User Tidak Ada"
    assert chatproto.error_codes()["unknown_command"] == "**Protocol Tidak Benar"


def test_each_call_gives_a_table_of_its_own() -> None:
    chatproto.error_codes().clear()

    assert chatproto.error_codes()


def test_the_base_class_is_an_ordinary_exception() -> None:
    assert issubclass(chatproto.ChatProtoError, Exception)
    assert chatproto.ChatProtoError.__module__ == "chatproto"


def test_the_package_is_typed() -> None:
    package = importlib.resources.files(chatproto)

    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("_native.pyi").is_file()


@pytest.mark.parametrize(("readme", "count"), [("README.md", 2), ("chatproto-py/README.md", 1)])
def test_the_programs_in_a_readme_run(readme: str, count: int) -> None:
    text = (ROOT / readme).read_text()

    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    assert len(programs) == count
    for program in programs:
        subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


def test_examples_in_the_documentation_run() -> None:
    assert doctest.testmod(chatproto).failed == 0
    assert doctest.testmod(chatproto).attempted > 0
