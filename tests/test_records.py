"""The records as a package: every name is there, and each module comes only when it is asked for."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from sessiondb import records


@pytest.mark.parametrize("name", records.__all__)
def test_every_record_is_a_frozen_dataclass(name: str) -> None:
    record = getattr(records, name)

    assert dataclasses.is_dataclass(record)
    assert getattr(record, "__dataclass_params__").frozen  # noqa: B009
    assert record.__doc__


@pytest.mark.parametrize("name", records.__all__)
def test_no_record_has_methods_made_for_it_that_all_have(name: str) -> None:
    assert not {"__eq__", "__hash__", "__repr__"} & vars(getattr(records, name)).keys()


def test_every_record_of_the_package_is_exported() -> None:
    folder = Path(records.__file__).parent
    classes = [
        line.removeprefix("class ").removesuffix("(Record):")
        for file in folder.glob("*.py")
        if file.stem != "export_rows"  # what databases exchange, which is no record that the library returns
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("class ") and line.endswith("(Record):")
    ]

    assert sorted(classes) == sorted(records.__all__)


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Sesion'"):
        getattr(records, "Sesion")  # noqa: B009


def test_a_record_comes_without_the_others() -> None:
    program = "import sys; from sessiondb.records import SearchHit; print(*sorted(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(records.__file__).parents[2],
    )

    assert [name for name in done.stdout.split() if name.startswith("sessiondb.records")] == [
        "sessiondb.records",
        "sessiondb.records.record",
        "sessiondb.records.search",
    ]
