"""What is published: the source distribution and the wheel built from it, in the folder DIST."""

import email
import os
import platform
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "chatproto-py"
DIST = Path(os.environ["DIST"])
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
INFO = f"chatproto-{VERSION}.dist-info"


def files(folder: Path) -> set[str]:
    """The files in a source folder, without what programs leave there."""
    return {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".so"
    }


@pytest.fixture(scope="module")
def wheel() -> zipfile.ZipFile:
    (path,) = DIST.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def source() -> dict[str, bytes]:
    """The files of the source distribution."""
    (path,) = DIST.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {
            member.name.removeprefix(f"chatproto-{VERSION}/"): file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }


def check_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "chatproto"
    assert metadata["Version"] == VERSION
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata.get_all("Requires-Dist") is None
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    description = metadata.get_payload()
    assert isinstance(description, str)
    assert description.strip() == (PACKAGE / "README.md").read_text().strip()


def test_the_source_has_all_that_a_build_needs(source: dict[str, bytes]) -> None:
    engine = {f"chatproto/src/{name}" for name in files(ROOT / "chatproto" / "src")}
    native = {f"chatproto-py/src/{name}" for name in files(PACKAGE / "src")}
    python = {f"python/{name}" for name in files(PACKAGE / "python")}

    missing = {
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        *(engine | native | python),
    } - source.keys()

    assert missing == set()
    assert source["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert source["Cargo.lock"] == (ROOT / "Cargo.lock").read_bytes()
    check_metadata(email.message_from_bytes(source["PKG-INFO"]))


def test_the_source_has_the_tutorial_and_no_other_program(source: dict[str, bytes]) -> None:
    folders = {name.split("/")[0] for name in source if "/" in name}

    assert "chatproto-py/docs/tutorial.md" in source
    assert folders == {"chatproto", "chatproto-py", "python"}


def test_the_wheel_has_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    native = "chatproto/_native.abi3.so" if os.name == "posix" else "chatproto/_native.pyd"

    assert set(wheel.namelist()) == files(PACKAGE / "python") | {
        native,
        f"{INFO}/METADATA",
        f"{INFO}/RECORD",
        f"{INFO}/WHEEL",
        f"{INFO}/licenses/LICENSE",
    }
    assert {"chatproto/py.typed", "chatproto/_native.pyi"} <= set(wheel.namelist())
    assert wheel.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    check_metadata(email.message_from_bytes(wheel.read(f"{INFO}/METADATA")))


def test_one_wheel_serves_all_interpreters_and_old_systems(wheel: zipfile.ZipFile) -> None:
    tags = email.message_from_bytes(wheel.read(f"{INFO}/WHEEL")).get_all("Tag") or []

    assert all(tag.startswith("cp311-abi3-") for tag in tags)
    if sys.platform == "linux":
        assert f"cp311-abi3-manylinux_2_17_{platform.machine()}" in tags


def test_the_wheel_is_stripped_and_has_no_hooks_for_tests(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if "/_native.abi3" in name or ".pyd" in name)
    module = wheel.read(name)

    # That this search finds the names of methods, a method that is there shows.
    assert b"transport_config" in module
    assert b"_meet_a_bug" not in module
    # A quarter of what it is with its symbols.
    assert len(module) < 8 << 20
    assert str(ROOT).encode() not in module


def test_the_licence_is_that_of_the_repository() -> None:
    # Wheels take files from the package's own folder alone.
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
