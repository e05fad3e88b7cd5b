"""Read the files of an import ahead of the writer, in a process of its own: parsing and writing overlap.

The process is this module run by the same Python. It takes the requests on its stdin, reads one file after the
other and answers on its stdout, for each file, with blocks of pickled records that end with how the reading
ended. Some megabytes are read ahead, no more. It ends with its parent, whose end closes its pipes.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from sessiondb.errors import SessionDBError
from sessiondb.ingest.reading import Outcome, Reading, Request

if TYPE_CHECKING:
    from sessiondb.importers.base import Record
    from sessiondb.ingest.discovery import Found
    from sessiondb.records.export_rows import Row

WORTHWHILE_BYTES = 32 * 1024 * 1024
"""From so many bytes of files on, a second process pays: it takes a tenth of a second to start."""

#     this process, the reader            a pipe            the writer's process
#
#     requests ───────────────────────────── stdin ◄──────── all of them, at the beginning
#     file 1: records, outcome ──► stdout ──► number, length, block ...
#     file 2: ... up to 16 MiB ahead, then it waits until the writer has taken some
#
# Lost, killed, or out of step: the writer reads the file itself, and nothing is missing.
_BLOCK_BYTES = 512 * 1024
_AHEAD_BYTES = 16 * 1024 * 1024
# The number of the file that a block is of, and how many bytes follow.
_HEAD = struct.Struct("<QQ")


def is_worthwhile(files: Iterable[Found]) -> bool:
    """Say whether a second process pays, and whether there is a processor and a Python for it."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    is_plain = bool(sys.executable) and not getattr(sys, "frozen", False)
    return is_plain and processors > 1 and sum(found.stat.size for found in files) >= WORTHWHILE_BYTES


class ReaderLost(SessionDBError):
    """The reading process has ended early: what it was to read must be read here."""


class ReadAhead:
    """The reading process, seen from the writer. A context manager: at its end the process ends too."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = {request.path: (number, request) for number, request in enumerate(requests)}
        self._taken = 0
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        try:
            with self._pipe(self._process.stdin) as pipe:
                pickle.dump(list(requests), pipe)
        except OSError:
            self.close()

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process: from now on everything is read here."""
        self._requests.clear()
        self._process.kill()
        self._process.wait()
        self._pipe(self._process.stdout).close()

    def reading(self, request: Request) -> Reading | ReceivedReading:
        """Return the reading of a file: as it was read ahead, once, or else one that reads it here and now."""
        number, known = self._requests.pop(request.path, (-1, None))
        # Blocks come in the order of the requests: what was passed over cannot be had any more, and a request
        # that has changed since (another offset, a format) is another reading.
        if known != request or number < self._taken:
            return Reading(request)
        self._taken = number + 1
        return ReceivedReading(self, number)

    def values(self, number: int) -> Iterator[Any]:
        """Yield the records of a file, and how its reading ended; what is left of others before it is passed over.

        Raises ReaderLost.
        """
        while True:
            of_file, data = self._block()
            if of_file < number:
                continue
            block = io.BytesIO(data)
            reader = pickle.Unpickler(block)
            while block.tell() < len(data):
                value = reader.load()
                yield value
                if isinstance(value, Outcome):
                    return

    def _block(self) -> tuple[int, bytes]:
        pipe = self._pipe(self._process.stdout)
        head = pipe.read(_HEAD.size)
        if len(head) == _HEAD.size:
            number, length = _HEAD.unpack(head)
            data = pipe.read(length)
            if len(data) == length:
                return number, data
        self.close()
        raise ReaderLost("the process that reads the files ended unexpectedly")

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


class ReceivedReading:
    """A reading that the other process did: its records in their order, then its `outcome`."""

    # Only files that were never read before are read so.
    is_misread = False

    def __init__(self, ahead: ReadAhead, number: int) -> None:
        self._ahead = ahead
        self._number = number
        self.outcome = Outcome(None)

    def __iter__(self) -> Iterator[Record | Row]:
        for value in self._ahead.values(self._number):
            if isinstance(value, Outcome):
                self.outcome = value
            else:
                yield value


class _Outbox:
    """Blocks on their way to the writer, sent by a thread of its own: at most some megabytes wait."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._blocks: deque[bytes] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._send, daemon=True).start()

    def put(self, number: int, block: bytes) -> None:
        """Send a block of a file, when there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting < _AHEAD_BYTES)
            self._blocks += (_HEAD.pack(number, len(block)), block)
            self._waiting += len(block)
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until everything is sent."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._blocks))
                head, block = self._blocks.popleft(), self._blocks.popleft()
            try:
                self._pipe.write(head)
                self._pipe.write(block)
                self._pipe.flush()
            except OSError:
                os._exit(1)  # nobody reads any more
            with self._changed:
                self._waiting -= len(block)
                self._changed.notify_all()


def _blocks(reading: Reading) -> Iterator[bytes]:
    """Yield the records of a reading and its outcome, pickled, in blocks; a block stands for itself."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    for record in reading:
        pickler.dump(record)
        if buffer.tell() >= _BLOCK_BYTES:
            yield buffer.getvalue()
            buffer = io.BytesIO()
            pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dump(reading.outcome)
    yield buffer.getvalue()


def main() -> None:
    """Read the files that stdin names."""
    # Ctrl-C is for the writer, which ends this process when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What an importer might print is no block.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as pipe:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        outbox = _Outbox(pipe)
        requests: list[Request] = pickle.load(sys.stdin.buffer)
        for number, request in enumerate(requests):
            for block in _blocks(Reading(request)):
                outbox.put(number, block)
        outbox.finish()


if __name__ == "__main__":
    main()
