"""What the system and the readers of files raise, in plain words."""

from __future__ import annotations

import contextlib
import csv
import re
import zlib
from collections.abc import Iterator

import pyarrow as pa

from logloss.errors import DataError
from logloss.table.reading.arrow_tables import first_line

_NO_THREAD = re.compile("launch worker thread")  # where there is no memory for one


@contextlib.contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Errors of the system and of pyarrow, as DataError."""
    try:
        yield
    except pa.ArrowMemoryError as error:
        raise DataError(
            f"{where} asks for more memory than there is: {first_line(error)}",
            "it is damaged, or holds one value too large to read",
        ) from error
    except pa.ArrowException as error:
        if not _NO_THREAD.search(str(error)):
            raise _unreadable(where, error) from error
        raise MemoryError from error
    except PermissionError as error:
        raise DataError(f"{where} cannot be read: permission denied") from error
    except (OSError, EOFError, zlib.error) as error:
        damaged = getattr(error, "errno", None) is None
        reason = "damaged or cut short" if damaged else "not readable"
        raise DataError(
            f"{where} is {reason}: {first_line(error)}", "write or copy it again"
        ) from error
    except (csv.Error, UnicodeError) as error:
        raise _unreadable(where, error) from error


def _unreadable(where: str, error: Exception) -> DataError:
    return DataError(f"{where} cannot be read: {first_line(error)}")


@contextlib.contextmanager
def damaged_errors(where: str) -> Iterator[None]:
    """The same for formats that tell of their damage: whatever the reader refuses is damaged."""
    with plain_errors(where):
        try:
            yield
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowKeyError, pa.ArrowIndexError) as error:
            raise DataError(
                f"{where} is damaged or cut short: {first_line(error)}", "write or copy it again"
            ) from error
