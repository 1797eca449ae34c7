"""
Where the command ``meshapi-aio`` and ``python -m meshapi_aio`` start.

The command line needs packages that the client does not; without them this says what to install.
"""

import sys


__all__ = ["main"]

try:
    from .cli import main
except ModuleNotFoundError as error:
    if error.name not in {"click", "markdown_it", "rich"}:
        raise
    _MISSING = error.name

    def main() -> None:
        """Say on standard error what to install, and exit with status 2."""
        sys.stderr.write(f'meshapi-aio needs {_MISSING}, which is missing: pip install "meshapi_aio[cli]"\n')
        sys.exit(2)


if __name__ == "__main__":
    main()
