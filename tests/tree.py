"""
Where the package and the project's papers are, for the tests that look at the project itself.

The package is found without importing it, wherever it is installed: beside the tests or in site-packages.
"""

from importlib.util import find_spec
from pathlib import Path


NAME = "meshapi_aio"


def _package() -> Path:
    spec = find_spec(NAME)
    if spec is None or spec.origin is None:
        msg = f'{NAME} is not installed: pip install -e ".[test]"'
        raise RuntimeError(msg)
    return Path(spec.origin).parent


PROJECT = Path(__file__).parent.parent
PACKAGE = _package()
MODULES = tuple(sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")))


def dotted(module: str) -> str:
    """Give the name that imports a module: ``"endpoints/chat.py"`` is ``"meshapi_aio.endpoints.chat"``."""
    parts = [NAME, *module.removesuffix(".py").split("/")]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_public(module: str) -> bool:
    """Say whether users may import a module: no part of its name begins with an underscore."""
    return not any(part.startswith("_") for part in dotted(module).split("."))
