"""Fuzz one target for some time: fuzz.py TARGET SECONDS [ATHERIS OPTIONS]; without a target, say which there are.

With atheris (`pip install atheris`), which follows the code that an input reaches; without it, with hypothesis.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Target = Callable[[bytes], None]


def targets() -> dict[str, Callable[[], Target]]:
    """Return by name what makes each target: the parsers and filters, and each importer as `import-NAME`."""
    from sessiondb.importers import importers
    from tests.safety.fuzzing import TEXTS, log_reader

    def of_text(run: Callable[[str], None]) -> Target:
        def target(data: bytes) -> None:
            run(data.decode("utf-8", "replace"))

        return target

    found: dict[str, Callable[[], Target]] = {name: partial(of_text, run) for name, run in TEXTS.items()}
    return found | {f"import-{reader.name}": partial(log_reader, reader) for reader in importers()}


def with_hypothesis(target: Target, seeds: list[bytes], seconds: float) -> int:
    """Try what hypothesis makes up, and pieces of real inputs put together, and return how many were tried."""
    tried, end = 0, time.monotonic() + seconds
    pieces = st.sampled_from([line + b"\n" for seed in seeds for line in seed.split(b"\n")] or [b""])

    @settings(deadline=None, max_examples=500, suppress_health_check=list(HealthCheck), database=None)
    @given(
        data=st.one_of(
            st.binary(max_size=4000), st.lists(st.one_of(pieces, st.binary(max_size=80))).map(b"".join)
        )
    )
    def run(data: bytes) -> None:
        nonlocal tried
        tried += 1
        target(data)

    while time.monotonic() < end:
        run()
    return tried


def main(name: str = "", seconds: str = "60", *options: str) -> None:
    """Fuzz a target."""
    if find_spec("atheris") is not None:
        import atheris

        # What is imported from here on tells which of its lines are reached.
        with atheris.instrument_imports(include=["sessiondb"]):
            made = targets()
    else:
        made = targets()
    if name not in made:
        sys.exit(f"Give a target: {', '.join(made)}")
    target = made[name]()
    from tests.safety.fuzzing import seeds

    inputs = [path.read_bytes() for path, reader in seeds() if name == f"import-{reader.name}"]
    if find_spec("atheris") is not None:
        import atheris

        with tempfile.TemporaryDirectory() as corpus:
            for number, data in enumerate(inputs):
                Path(corpus, str(number)).write_bytes(data)
            setting = [sys.argv[0], corpus, f"-max_total_time={seconds}", "-max_len=65536", *options]
            atheris.Setup(setting, target)
            atheris.Fuzz()
        return
    tried = with_hypothesis(target, inputs, float(seconds))
    sys.stdout.write(f"{name}: {tried:,} inputs tried\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
