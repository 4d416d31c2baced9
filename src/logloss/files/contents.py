"""A whole file, if it is not too large to be what it should be."""

from __future__ import annotations

from pathlib import Path

from logloss.errors import ModelFileError, UsageError


def contents(path: Path, most: int) -> bytes:
    """The bytes of a model file.

    Raises
    ------
    UsageError
        There is none, or it cannot be opened.
    ModelFileError
        It has more than `most` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise UsageError(
            f"there is no model file {path}", "check the name and the folder"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "give a model file") from error
    if len(data) > most:
        raise ModelFileError(f"{path} is larger than a model file can be ({most} bytes)")
    return data
