"""Write what is exported into files, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from gzip import GzipFile
from pathlib import Path
from typing import IO, cast

from sessiondb.errors import Conflict, InvalidInput
from sessiondb.storage.files import is_there, private_file, private_folder
from sessiondb.storage.paths import refuse_databases


def must_be_new(path: Path) -> None:
    """Raise Conflict where a file exists that may not be overwritten, InvalidInput where nothing may."""
    refuse_databases(path)
    if is_there(path):
        raise Conflict(f"{path} exists: give another name, or --force (overwrite=True) to replace it")


def write(lines: Iterable[bytes], path: Path) -> int:
    """Write lines into a file that only its owner can read, packed if its name ends in .gz; return its size
    in bytes.

    A file that is there is replaced once all is written: what stops in between leaves it as it was. Raises
    InvalidInput where the file cannot be written, or is a database.
    """
    refuse_databases(path)
    part = path.with_name(f".{path.name}.part")
    try:
        private_folder(path.parent)
        part.unlink(missing_ok=True)
        private_file(part)
        try:
            with open(part, "wb") as file, _packed(file, path) as target:
                target.writelines(lines)
            size = part.stat().st_size
            part.replace(path)
        except BaseException:
            part.unlink()
            raise
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror or error}") from error
    return size


def _packed(file: IO[bytes], path: Path) -> AbstractContextManager[IO[bytes]]:
    if path.suffix != ".gz":
        return nullcontext(file)
    # Without name and time in it, the same content gives the same bytes.
    return cast("IO[bytes]", GzipFile(filename="", mode="wb", fileobj=file, mtime=0))
