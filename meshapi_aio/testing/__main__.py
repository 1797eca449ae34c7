"""``python -m meshapi_aio.testing``: a fake gateway for other processes and languages."""

from ._process import main


if __name__ == "__main__":
    main()
