"""
The layering table, held as data, and a check that fails on any breach of it.

The table is drawn for people in CONTRIBUTING.md; a test keeps the two alike. A row is one module, every
module of a folder (``endpoints/*.py``), or a whole package (``testing/``), whose own modules import each
other freely as long as they form no cycle. An import counts wherever it stands: under ``TYPE_CHECKING``, in a
``try``, relative or absolute.
"""

import ast
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest

from tests.tree import MODULES, NAME, PACKAGE, PROJECT


class Row(NamedTuple):
    """How high a room stands, which third-party packages it imports, and whether it knows the event loop."""

    rank: int
    third_party: frozenset[str] = frozenset()
    event_loop: bool = False


_ATTRS = frozenset({"attrs"})

TABLE: Mapping[str, Row] = {
    "_version.py": Row(0),
    "_origin.py": Row(0),
    "_check.py": Row(0, _ATTRS),
    "_error_body.py": Row(0, _ATTRS),
    "_meta.py": Row(0, _ATTRS),
    "_upload.py": Row(0, _ATTRS),
    "_resolve.py": Row(0),
    "_admission.py": Row(0),
    "events.py": Row(1, _ATTRS),
    "_observing.py": Row(2, _ATTRS),
    "settings.py": Row(2, _ATTRS),
    "errors.py": Row(1),
    "_shape.py": Row(1, _ATTRS),
    "_json.py": Row(0, frozenset({"orjson"})),
    "_batch.py": Row(0),
    "_form.py": Row(1),
    "_quick.py": Row(2, _ATTRS),
    "_maker.py": Row(2, _ATTRS),
    "_template.py": Row(3),
    "_learning.py": Row(4),
    "_kin.py": Row(5),
    "_templates.py": Row(6),
    "sse.py": Row(2),
    "_retry.py": Row(3),
    "_options.py": Row(3),
    "_scope.py": Row(2, event_loop=True),
    "_pump.py": Row(3, event_loop=True),
    "_ending.py": Row(4),
    "_stream.py": Row(5, event_loop=True),
    "_saving.py": Row(0),
    "_bytes.py": Row(6, _ATTRS),
    "_byte_reader.py": Row(12),
    "_event_stream.py": Row(3),
    "_raw.py": Row(7, _ATTRS),
    "call.py": Row(3, _ATTRS),
    "_family.py": Row(4),
    "_outside.py": Row(4, _ATTRS),
    "_download.py": Row(7, _ATTRS),
    "_uploading.py": Row(5),
    "_pages.py": Row(5, _ATTRS),
    "_polling.py": Row(5, _ATTRS),
    "endpoints/_shared.py": Row(4, _ATTRS),
    "endpoints/_messages.py": Row(4, _ATTRS),
    "endpoints/_text.py": Row(4),
    "endpoints/_bodies.py": Row(5, _ATTRS),
    "endpoints/_tool_calls.py": Row(5),
    "endpoints/_batch_requests.py": Row(0),
    "endpoints/_folding.py": Row(6),
    "endpoints/_streams.py": Row(6),
    "endpoints/_images.py": Row(7),
    "endpoints/_comparing.py": Row(7),
    "endpoints/_responding.py": Row(8),
    "endpoints/_completion.py": Row(7),
    "endpoints/*.py": Row(8, _ATTRS),
    "endpoints/__init__.py": Row(9),
    "_routing.py": Row(10),
    "_hooks.py": Row(10, frozenset({"attrs", "cattrs"})),
    "_codec.py": Row(11),
    "_answer.py": Row(11, _ATTRS),
    "_chunks.py": Row(12),
    "_course.py": Row(12),
    "_wire.py": Row(12, _ATTRS),
    "_slices.py": Row(13, _ATTRS),
    "_transport/": Row(13, frozenset({"aiohttp"}), event_loop=True),
    "fanout/": Row(13, _ATTRS, event_loop=True),
    "_sending.py": Row(14, _ATTRS, event_loop=True),
    "_sharing.py": Row(15, event_loop=True),
    "_carrying.py": Row(16),
    "client.py": Row(17, event_loop=True),
    "testing/": Row(18, frozenset({"aiohttp", "attrs"}), event_loop=True),
    "testing/pytest_plugin.py": Row(19, frozenset({"pytest", "pytest_asyncio"})),
    "cli/": Row(19, frozenset({"click", "markdown_it", "rich"}), event_loop=True),
    "__main__.py": Row(19, event_loop=True),
    "__init__.py": Row(19),
}

# Of each pair the first may import the second although their ranks are equal: a family its sibling, say.
SAME_RANK = frozenset(
    {
        ("__main__.py", "cli/"),
        ("_wire.py", "_byte_reader.py"),
        ("endpoints/batches.py", "endpoints/chat.py"),
        ("endpoints/responses.py", "endpoints/_responding.py"),
        ("endpoints/responses.py", "endpoints/chat.py"),
    }
)

_EVENT_LOOP = frozenset({"asyncio", "selectors", "socket"})
_DYNAMIC = frozenset({"__import__", "import_module"})

# They import on demand what few programs need: by its name, or they say under TYPE_CHECKING what. Either is
# checked.
ON_DEMAND = frozenset(
    {
        "__init__.py",
        "_check.py",
        "_codec.py",
        "_observing.py",
        "_sending.py",
        "client.py",
        "endpoints/__init__.py",
    }
)


class Import(NamedTuple):
    """One imported module: the line it stands in, and its absolute dotted name."""

    line: int
    name: str


def row_of(module: str) -> str | None:
    """Give the key of a module's row, or None where the table has none. An exact row wins over a folder's."""
    package, folder = f"{module.partition('/')[0]}/", f"{module.rpartition('/')[0]}/*.py"
    return next((key for key in (module, folder, package) if key in TABLE), None)


def find(name: str, modules: Collection[str]) -> str | None:
    """Give the module that a dotted name stands for, or None where it is no module of the package."""
    path = name.removeprefix(NAME).removeprefix(".").replace(".", "/")
    candidates = (f"{path}.py", f"{path}/__init__.py") if path else ("__init__.py",)
    return next((module for module in candidates if module in modules), None)


def _imported(module: str, node: ast.Import | ast.ImportFrom, modules: Collection[str]) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(node.lineno, alias.name) for alias in node.names)
        return
    parents = [NAME, *module.split("/")[:-1]]
    above = parents[: len(parents) - node.level + 1] if node.level else []
    origin = ".".join([*above, *filter(None, [node.module])])
    for alias in node.names:
        name = f"{origin}.{alias.name}"
        is_module = name.startswith(f"{NAME}.") and find(name, modules) is not None
        yield Import(node.lineno, name if is_module else origin)


def _on_demand(module: str, node: ast.Call, modules: Collection[str]) -> Iterator[Import]:
    """Give what a call of ``import_module`` imports, where its name is written out."""
    written = node.args[0] if node.args else None
    if _called(node) in _DYNAMIC and isinstance(written, ast.Constant):
        name = str(written.value)
        relative = ast.ImportFrom(None, [ast.alias(name[1:])], 1, lineno=node.lineno)
        absolute = ast.Import([ast.alias(name)], lineno=node.lineno)
        yield from _imported(module, relative if name.startswith(".") else absolute, modules)


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def _at_the_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that run at import, those inside a ``try``, an ``if`` or a ``with`` included."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While)):
            nested = [
                part for part in ast.iter_child_nodes(node) if isinstance(part, (ast.stmt, ast.ExceptHandler))
            ]
            for part in nested:
                yield from _at_the_top(part.body if isinstance(part, ast.ExceptHandler) else [part])


def _is_definition(node: ast.stmt, top: list[ast.stmt]) -> bool:
    """Say whether imports must stand above a statement; a fallback in a ``try`` is no definition."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        dunder = all(isinstance(name, ast.Name) and name.id.startswith("__") for name in targets)
        return node in top and not dunder
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _misplaced(tree: ast.Module, *, on_demand: bool) -> Iterator[str]:
    at_the_top = list(_at_the_top(tree.body))
    definition: ast.stmt | None = None
    for statement in at_the_top:
        if definition is None and _is_definition(statement, tree.body):
            definition = statement
        if definition is not None and isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield f"line {statement.lineno}: an import after the first definition (line {definition.lineno})"
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in at_the_top:
            yield f"line {node.lineno}: an import inside a function or a class"
        if isinstance(node, ast.Call):
            called = _called(node)
            if called in _DYNAMIC and not on_demand:
                yield f"line {node.lineno}: an import by call ({called}), which no check can follow"


def _refused_outside(row: Row, name: str) -> str | None:
    top = name.partition(".")[0]
    if top in _EVENT_LOOP and not row.event_loop:
        return f"{top}: this room knows no event loop"
    if top not in sys.stdlib_module_names and top not in row.third_party:
        return f"{top}: a third-party package that this room may not import"
    return None


def _refused(module: str, name: str, modules: Collection[str]) -> str | None:
    """Say what the table has against an import, or None where it allows it."""
    key = row_of(module)
    if key is None:
        return "a module that has no row in the table"
    if name.partition(".")[0] != NAME:
        return _refused_outside(TABLE[key], name)
    target = find(name, modules)
    target_key = None if target is None else row_of(target)
    if target is None or target_key is None:
        return f"{name}: no room of the table"
    pair = (key if key.endswith("/") else module, target_key if target_key.endswith("/") else target)
    inside_a_package = key == target_key and key.endswith("/")
    if TABLE[target_key].rank < TABLE[key].rank or inside_a_package or pair in SAME_RANK:
        return None
    return f"{name}: rank {TABLE[target_key].rank}, not lower than {TABLE[key].rank}"


def imports(module: str, source: str, modules: Collection[str]) -> list[Import]:
    """Give everything that a module imports, wherever in it the import stands."""
    found: list[Import] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found += _imported(module, node, modules)
        elif isinstance(node, ast.Call):
            found += _on_demand(module, node, modules)
    return found


def breaches(module: str, source: str, modules: Collection[str] = MODULES) -> list[str]:
    """Give every breach of the table in one module's source; an empty list where there is none."""
    found = list(_misplaced(ast.parse(source), on_demand=module in ON_DEMAND))
    for imported in imports(module, source, modules):
        refused = _refused(module, imported.name, modules)
        if refused is not None:
            found.append(f"line {imported.line}: {refused}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_row_allows(module: str) -> None:
    """A room imports from lower ranks, from its own third-party packages, and only at the top of the file."""
    assert breaches(module, (PACKAGE / module).read_text(encoding="utf-8")) == []


def test_every_module_has_a_row() -> None:
    """A new module finds its place in the table before it lands."""
    assert [module for module in MODULES if row_of(module) is None] == []


def test_every_row_has_a_module() -> None:
    """The table speaks of no room that does not exist."""
    assert sorted(TABLE.keys() - {row_of(module) for module in MODULES}) == []


def test_imports_form_no_cycle() -> None:
    """No two modules need each other, inside a package that is one row of the table included."""
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        names = imports(module, (PACKAGE / module).read_text(encoding="utf-8"), MODULES)
        found = {find(name, MODULES) for _, name in names if name.partition(".")[0] == NAME}
        graph[module] = {target for target in found if target is not None}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' -> '.join(error.args[1])}")


def test_the_table_is_drawn_in_contributing() -> None:
    """Whoever reads CONTRIBUTING.md sees the table that is enforced: the same rooms at the same ranks."""
    drawn: dict[str, int] = {}
    for line in (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| (\d+) \| (`[^|]+`) \|", line):
            drawn |= dict.fromkeys(re.findall(r"`([^`]+)`", row[2]), int(row[1]))
    assert drawn == {key: row.rank for key, row in TABLE.items()}


ROOMS = (
    "__init__.py",
    "__main__.py",
    "_codec.py",
    "_json.py",
    "_stream.py",
    "_transport.py",
    "call.py",
    "cli/__init__.py",
    "client.py",
    "endpoints/__init__.py",
    "endpoints/_shared.py",
    "endpoints/audio.py",
    "endpoints/chat.py",
    "errors.py",
    "sse.py",
    "testing/__init__.py",
    "testing/_script.py",
)
"""The rooms that the sources below may speak of."""


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        (
            "sse.py",
            "def feed():\n    from meshapi_aio import errors\n",
            "line 2: an import inside a function",
        ),
        ("sse.py", "class Decoder:\n    import json\n", "line 2: an import inside a function or a class"),
        ("sse.py", "def f(): ...\nimport json\n", "line 2: an import after the first definition (line 1)"),
        ("sse.py", "LIMIT = 1\nimport json\n", "line 2: an import after the first definition (line 1)"),
        (
            "sse.py",
            "def f(): ...\nif True:\n    import json\n",
            "line 3: an import after the first definition",
        ),
        ("sse.py", "import importlib\nimportlib.import_module('aiohttp')\n", "line 2: an import by call"),
        ("_codec.py", "import_module('aiohttp')\n", "line 1: aiohttp: a third-party package"),
        ("_codec.py", "import_module('.client', __package__)\n", "line 1: meshapi_aio.client: rank "),
        ("sse.py", "__import__('aiohttp')\n", "line 1: an import by call"),
        ("sse.py", "from meshapi_aio.client import MeshAPI\n", "line 1: meshapi_aio.client: rank "),
        ("sse.py", "from meshapi_aio import client\n", "meshapi_aio.client: rank "),
        ("sse.py", "import meshapi_aio.client\n", "meshapi_aio.client: rank "),
        ("sse.py", "from . import client\n", "meshapi_aio.client: rank "),
        ("sse.py", "from .client import MeshAPI\n", "meshapi_aio.client: rank "),
        ("sse.py", "from meshapi_aio import MeshAPI\n", "meshapi_aio: rank "),
        ("sse.py", "from . import MeshAPI\n", "meshapi_aio: rank "),
        ("sse.py", "from .nowhere import anything\n", "meshapi_aio.nowhere: no room"),
        ("endpoints/chat.py", "from ..client import MeshAPI\n", "meshapi_aio.client: rank "),
        (
            "endpoints/chat.py",
            "from . import audio\n",
            "meshapi_aio.endpoints.audio: rank ",
        ),
        ("endpoints/chat.py", "from . import CALLS\n", "meshapi_aio.endpoints: rank "),
        ("endpoints/chat.py", "from .chat import Message\n", "meshapi_aio.endpoints.chat: rank "),
        ("endpoints/_shared.py", "from .chat import Message\n", "meshapi_aio.endpoints.chat: rank "),
        ("call.py", "from .endpoints import chat, CALLS\n", "meshapi_aio.endpoints: rank "),
        (
            "sse.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .client import MeshAPI\n",
            "line 3: meshapi_aio.client: rank ",
        ),
        (
            "sse.py",
            "try:\n    import x\nexcept ImportError:\n    import aiohttp\n",
            "line 4: aiohttp: a third-party",
        ),
        ("sse.py", "import attrs\n", "attrs: a third-party package"),
        ("client.py", "import aiohttp\n", "aiohttp: a third-party package"),
        ("call.py", "from cattrs import Converter\n", "cattrs: a third-party package"),
        ("client.py", "import rich.console\n", "rich: a third-party package"),
        ("_transport/_session.py", "from yarl import URL\n", "yarl: a third-party package"),
        ("_codec.py", "from asyncio import Task\n", "asyncio: this room knows no event loop"),
        ("errors.py", "import socket\n", "socket: this room knows no event loop"),
        ("client.py", "from meshapi_aio.testing import FakeGateway\n", "meshapi_aio.testing: rank "),
        ("cli/__init__.py", "from meshapi_aio.__main__ import main\n", "meshapi_aio.__main__: rank "),
        ("strangers.py", "import json\n", "a module that has no row"),
    ],
)
def test_a_breach_is_seen(module: str, source: str, complaint: str) -> None:
    """The check can fail: each way round the table is refused, with the line and the reason."""
    found = breaches(module, source, ROOMS)
    assert any(complaint in breach for breach in found), found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "sse.py",
            '"""The room."""\n\n__all__ = ["f"]\nimport json\nfrom meshapi_aio import errors\ndef f(): ...\n',
        ),
        (
            "_json.py",
            "import json\ntry:\n    import orjson\nexcept ImportError:\n    orjson = None\n",
        ),
        ("_codec.py", "from .endpoints import _shared, chat\n"),
        ("client.py", "import asyncio\nfrom meshapi_aio._stream import Stream\nfrom . import errors, call\n"),
        ("endpoints/__init__.py", "from meshapi_aio.endpoints import audio, chat\nfrom . import _shared\n"),
        (
            "testing/__init__.py",
            "from aiohttp import web\nfrom ._script import Script\nfrom ..client import MeshAPI\n",
        ),
        ("__main__.py", "from meshapi_aio.cli import main\n"),
        ("__init__.py", "from . import client, endpoints, errors\n"),
    ],
)
def test_what_the_table_allows_passes(module: str, source: str) -> None:
    """The check does not cry wolf: downward imports, own packages and fallbacks of optional ones are fine."""
    assert breaches(module, source, ROOMS) == []
