"""
The environments in which the clients run, each with what its users install and nothing else.

``python -m benchmarks.peers`` makes those that are missing. They lie outside the tree, in the cache folder of
the user or where ``MESHAPI_AIO_BENCHMARKS`` points, and are made again when their requirements change.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path


__all__ = ["ROOT", "environment", "main"]

ROOT = Path(__file__).resolve().parent.parent
"""The tree, which each of the environments has on its path: it holds the client that is measured."""

_OWN = ("aiohttp>=3.14.3", "attrs>=24.2", "cattrs>=24.1")  # as in setup.cfg
ENVIRONMENTS = {
    "plain": _OWN,
    "speed": (*_OWN, "orjson>=3.10", "uvloop>=0.21"),
    "openai": ("openai>=3.54",),
    "openai-aiohttp": ("openai[aiohttp]>=3.54",),
    "vendor": ("meshapi>=0.1.11",),
    "httpx": ("httpx", "httpx-sse"),
    "litellm": ("litellm",),
}


def _cache() -> Path:
    own = os.environ.get("MESHAPI_AIO_BENCHMARKS")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshapi_aio-benchmarks"


def environment(name: str) -> str:
    """Return the interpreter of this environment, and make it first where it is missing."""
    requirements = ENVIRONMENTS[name]
    minor = "{}.{}".format(*sys.version_info)
    digest = hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:8]
    folder = _cache() / f"{name}-{minor}-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"making the environment {name!r}: {' '.join(requirements)}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *requirements], check=True)
        (folder / "complete").touch()
    return str(python)


def main() -> None:
    """Make every environment that is missing, and show where they are."""
    for name in ENVIRONMENTS:
        print(f"{name:16} {environment(name)}")


if __name__ == "__main__":
    main()
