"""The stubs say what the module says, and the classes are those of the engine."""

import ast
import inspect
import re
from pathlib import Path

import chatproto
import pytest
from chatproto import _native

ROOT = Path(__file__).resolve().parents[2]
STUBS = ast.parse((Path(chatproto.__file__).parent / "_native.pyi").read_text())


def documented(body: list[ast.stmt], inside: str = "") -> list[tuple[str, str]]:
    found = []
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = f"{inside}{node.name}"
            if not node.name.startswith("__"):
                found.append((name, ast.get_docstring(node) or ""))
            if isinstance(node, ast.ClassDef):
                found += documented(node.body, f"{name}.")
    return found


@pytest.mark.parametrize(("name", "text"), documented(STUBS.body), ids=lambda value: value[:40])
def test_a_stub_says_what_the_module_says(name: str, text: str) -> None:
    thing: object = _native
    for part in name.split("."):
        thing = inspect.getattr_static(thing, part)
    if isinstance(thing, staticmethod):
        thing = thing.__func__

    assert text
    assert inspect.cleandoc(thing.__doc__ or "") == text


def test_each_event_of_the_engine_is_a_class_with_its_fields() -> None:
    source = (ROOT / "chatproto" / "src" / "output.rs").read_text()
    table = source[source.index("pub enum Event {") :]
    table = table[: table.index("\n}\n")]
    engine = {
        name: tuple(re.findall(r"^        (\w+):", fields or "", re.MULTILINE))
        for name, fields in re.findall(
            r"^    (\w+)(?: \{(.*?)\n    \})?,$", table, re.MULTILINE | re.DOTALL
        )
    }
    # `from` is a word of Python's; classic neighbours are not in this package.
    engine["Sent"] = tuple("from_" if field == "from" else field for field in engine["Sent"])
    expected = {name: fields for name, fields in engine.items() if not name.startswith("Classic")}

    classes = {
        name: getattr(value, "__match_args__", None)
        for name, value in vars(chatproto).items()
        if isinstance(value, type)
        and issubclass(value, chatproto.Event)
        and value is not chatproto.Event
    }

    assert len(engine) == len(expected) + 2
    assert classes == expected


def test_everything_is_exported_and_says_where_it_is_from() -> None:
    public = {name for name in dir(_native) if not name.startswith("_")} | {"__version__"}

    assert set(_native.__all__) == public
    # What `Chat` is made of stays inside.
    public -= {"BaseChat"}
    assert public <= set(chatproto.__all__)
    for name in public - {"__version__", "error_codes"}:
        assert getattr(chatproto, name).__module__ == "chatproto"
