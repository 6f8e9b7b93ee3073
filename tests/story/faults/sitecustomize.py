"""A disk that fails: what a process syncs below FAILING_FOLDER is told an error, while the file FAILING_WHILE is there.

Python imports this by its name, in the service and in all that it starts, if this folder is in PYTHONPATH.
"""

import errno
import os

_fsync = os.fsync
_folder = os.path.realpath(os.environ["FAILING_FOLDER"])
_while = os.environ["FAILING_WHILE"]


def _failing(descriptor: int) -> None:
    """The bytes may have been written all the same."""
    _fsync(descriptor)
    path = os.path.realpath(f"/proc/self/fd/{descriptor}")
    if os.path.exists(_while) and path.startswith(f"{_folder}/"):  # noqa: PTH110  # before anything is imported
        raise OSError(errno.EIO, os.strerror(errno.EIO))


os.fsync = _failing
