"""Read one file as a format in so much memory: reading_worker.py FORMAT PATH BYTES.

It says a line of JSON at its end: the records, the problems, and the error, if there is one.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from sessiondb.errors import SessionDBError
from sessiondb.importers import importer
from sessiondb.importers.files.source import Source
from tests.helpers.memory import peak


def limit_memory(extra: int) -> None:
    """Let this process take so many bytes more than it has now; MemoryError is raised beyond that."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra,) * 2)


def main(name: str, path: str, extra: str) -> None:
    """Read a file."""
    reader = importer(name)
    before = peak()
    limit_memory(int(extra))
    source = Source(Path(path))
    records, error = 0, None
    try:
        for _ in reader.read(source):
            records += 1
    except SessionDBError as failure:
        error = str(failure)
    problems = [(problem.line, problem.reason) for problem in source.listed_problems]
    os.write(
        1,
        json.dumps(
            {"records": records, "problems": problems, "error": error, "peak": peak() - before}
        ).encode(),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
