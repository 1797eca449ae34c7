"""What the package offers: public modules say it in ``__all__``, and the door offers what users need."""

import ast
from importlib import import_module
from types import ModuleType

import pytest

from tests.tree import MODULES, NAME, PACKAGE, dotted, is_public


PUBLIC = [module for module in MODULES if is_public(module)]
_TYPE_VARIABLES = {"TypeVar", "ParamSpec", "TypeVarTuple"}


def _assigned(node: ast.Assign | ast.AnnAssign) -> set[str]:
    called = getattr(node.value, "func", None)
    if getattr(called, "id", getattr(called, "attr", "")) in _TYPE_VARIABLES:
        return set()
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _bound(node: ast.stmt, *, is_package: bool) -> set[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Assign() | ast.AnnAssign():
            return _assigned(node)
        case ast.ImportFrom() if is_package and (
            node.level == 1 or (node.module or "").split(".")[0] == NAME
        ):
            return {alias.asname or alias.name for alias in node.names}
        case ast.If() | ast.Try():
            nested = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
            return set().union(*(_bound(part, is_package=is_package) for part in nested))
        case _:
            return set()


def offered(source: str, *, is_package: bool) -> set[str]:
    """
    Give the public names that a module makes.

    Those are what it defines and, for a package, what it takes from its own modules. A leading underscore
    makes a name private (``__version__`` is not), and type variables are nobody's business.
    """
    names: set[str] = set()
    for node in ast.parse(source).body:
        names |= _bound(node, is_package=is_package)
    return {name for name in names if not name.startswith("_") or name == "__version__"}


def without_types(source: str) -> str:
    """Give a source without what only type checkers see."""
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return ast.unparse(tree)


def in_order(names: list[str]) -> list[str]:
    """Sort names as ruff keeps them (RUF022): constants, then classes, then the rest."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def exported(module: ModuleType) -> list[str]:
    """Give a module's ``__all__``; a module without one fails the test."""
    assert hasattr(module, "__all__"), f"{module.__name__} has no __all__"
    return list(module.__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_says_what_it_offers(module: str) -> None:
    """``__all__`` is sorted, has no name twice, and is exactly what the module defines for others."""
    names = exported(import_module(dotted(module)))
    source = (PACKAGE / module).read_text(encoding="utf-8")
    assert names == in_order(list(set(names)))
    is_package = module.endswith("__init__.py")
    shown, made = (
        offered(source, is_package=is_package),
        offered(without_types(source), is_package=is_package),
    )
    # What only type checkers see may be offered all the same: the door imports it on demand.
    assert made <= set(names) <= shown


@pytest.mark.parametrize("room", ["_meta", "errors", "events"])
def test_the_door_offers_whole_rooms(room: str) -> None:
    """Whatever can be raised or observed can be imported from the door."""
    door = import_module(NAME)
    names = exported(import_module(f"{NAME}.{room}"))
    assert names
    assert [name for name in names if name not in exported(door)] == []


def test_the_door_offers_what_a_program_needs() -> None:
    """The client, its settings, and the values of a chat are one import away."""
    needed = {
        "ChatCompletion",
        "ChatCompletionChunk",
        "CreateChatCompletion",
        "Limits",
        "MeshAPI",
        "Message",
        "Retry",
        "Stream",
        "Timeout",
    }
    assert needed - set(exported(import_module(NAME))) == set()


def test_the_door_leaks_no_private_room() -> None:
    """Every name at the door resolves, none is private, and none is a module with a private name."""
    door = import_module(NAME)
    for name in exported(door):
        value = getattr(door, name)
        assert name == "__version__" or not name.startswith("_")
        assert not isinstance(value, ModuleType) or "._" not in value.__name__


@pytest.mark.parametrize(
    ("source", "is_package", "names"),
    [
        ("import json\nfrom attrs import define\nLIMIT = 1\n_hidden = 2\n", False, {"LIMIT"}),
        ("T = TypeVar('T')\nP = typing.ParamSpec('P')\nJSON: TypeAlias = object\n", False, {"JSON"}),
        ("class A:\n    inner = 1\ndef f():\n    local = 1\nasync def g(): ...\n", False, {"A", "f", "g"}),
        (
            "try:\n    fast = True\nexcept ImportError:\n    pass\nif x:\n    a, b = 1, 2\n",
            False,
            {"fast", "a", "b"},
        ),
        ("from meshapi_aio.errors import MeshAPIError\nfrom . import chat\n", False, set()),
        (
            "from meshapi_aio.errors import MeshAPIError\nfrom . import chat as talk, _shared\n",
            True,
            {"MeshAPIError", "talk"},
        ),
        ("__version__ = '1'\n__all__ = []\n", True, {"__version__"}),
    ],
)
def test_what_a_source_offers(source: str, is_package: bool, names: set[str]) -> None:
    """The reading of a source that the tests above stand on."""
    assert offered(source, is_package=is_package) == names
