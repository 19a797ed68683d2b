"""`help` has something to say about everything, and names nothing that is not there."""

import builtins
import importlib
import inspect
import pkgutil
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import chatproto
import chatproto.asyncio
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
MODULES = ["chatproto", "chatproto.asyncio", "chatproto.chat", "chatproto.client"]


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """What is public in a module and in its classes, but for what `object` has as well."""
    for name in module.__all__:
        thing = getattr(module, name)
        if name == "__version__" or not callable(thing):
            continue
        yield f"{module.__name__}.{name}", thing
        if inspect.isclass(thing):
            for attribute in dir(thing):
                if attribute.startswith("_") or hasattr(Exception, attribute):
                    continue
                yield (
                    f"{module.__name__}.{name}.{attribute}",
                    inspect.getattr_static(thing, attribute),
                )


THINGS = {
    name: thing for module in MODULES for name, thing in public(importlib.import_module(module))
}


@pytest.mark.parametrize(
    "name", [name for name in THINGS if not hasattr(dict, name.split(".")[-1])]
)
def test_everything_public_says_what_it_is_for(name: str) -> None:
    thing = THINGS[name]
    if isinstance(thing, str):
        # The code of an exception, of which its class tells.
        assert name.endswith("Error.code")
        return

    if isinstance(thing, staticmethod):
        thing = thing.__func__

    text = inspect.cleandoc(thing.__doc__ or "")

    sentence = text.split("\n\n")[0]
    assert sentence and re.search(r"[.:)]$", sentence), name
    for error in re.findall(r"\b\w+Error\b", text):
        assert (
            hasattr(chatproto, error)
            or hasattr(chatproto.asyncio, error)
            or hasattr(builtins, error)
        ), error


def test_help_begins_with_what_to_use() -> None:
    text = pydoc.plain(pydoc.render_doc(chatproto))

    description = text[text.index("DESCRIPTION") : text.index("PACKAGE CONTENTS")]
    for name in ("Chat", "ChatClient", "chatproto.asyncio", "Realm"):
        assert f"`{name}`" in description


def test_the_readme_names_all_that_is_to_be_imported() -> None:
    modules = {it.name for it in pkgutil.iter_modules(chatproto.__path__)} - {
        "_live",
        "_native",
        "_replies",
        "_workers",
    }
    # What is in these, the package itself has.
    modules -= {"chat", "client"}
    rows = re.findall(r"^\| `chatproto\.(\w+)` \|", README.read_text(), re.MULTILINE)

    assert modules == {"asyncio", "link", "log", "realm_file", "terminal", "threads"}
    assert set(rows) == modules | {"Chat", "ChatClient", "Realm"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Chat", "users: 'Mapping[str, Mapping[str, Any]] | None' = None, realm: 'str' = 'realm1'"),
        ("Realm", "name, users=None, *, peers=None, key=None, limits=None, store=None"),
        ("User", "name, password, display_name='', country=''"),
        ("LinkTransport.accept", "config, *, now=None"),
    ],
)
def test_help_shows_the_arguments(name: str, arguments: str) -> None:
    thing: object = chatproto
    for part in name.split("."):
        thing = getattr(thing, part)

    assert callable(thing)
    assert str(inspect.signature(thing)).startswith(f"({arguments}")
