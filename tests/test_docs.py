"""What README.md quotes of the program is what the program says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sessiondb.cli.group import COMMANDS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    """Return scripts/docs.py as a module."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "scripts" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_quotes_the_program_as_it_is(docs: ModuleType, readme: str) -> None:
    assert readme == docs.rewritten(readme), "run scripts/docs"


def test_readme_quotes_every_command_and_the_schema(readme: str) -> None:
    quoted = re.findall(r"<!-- (help|schema): (.+?) -->", readme)

    assert {name for kind, name in quoted if kind == "help"} == {"sessiondb", *COMMANDS}
    assert {"all", "sessions", "messages", "tool_calls", "token_counts", "notes"} <= {
        name for kind, name in quoted if kind == "schema"
    }


def test_a_stale_quotation_is_rewritten_and_the_rest_left_alone(docs: ModuleType) -> None:
    page = (
        "Before.\n<!-- help: path -->\nstale\n<!-- /help -->\n"
        "After.\n<!-- schema: tags -->\n<!-- /schema -->\n"
    )

    written = docs.rewritten(page)

    assert written.startswith(
        "Before.\n<!-- help: path -->\n\n```console\n$ sessiondb path --help\nUsage: sessiondb path "
    )
    assert written.endswith(
        "<!-- /help -->\nAfter.\n<!-- schema: tags -->\n\n```sql\n"
        "-- Words that people put on sessions to find them again.\n"
        "CREATE TABLE tags (\n  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL UNIQUE\n) STRICT;\n```\n"
        "\n<!-- /schema -->\n"
    )
    assert docs.rewritten(written) == written


@pytest.mark.parametrize(
    "region", ["<!-- help: lsit -->\n<!-- /help -->", "<!-- schema: lsit -->\n<!-- /schema -->"]
)
def test_a_quotation_of_nothing_is_an_error(docs: ModuleType, region: str) -> None:
    with pytest.raises(KeyError, match="lsit"):
        docs.rewritten(region)


def test_every_table_and_view_opens_with_a_sentence(docs: ModuleType) -> None:
    sql = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "schema").glob("*.sql")))
    made = re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", sql, re.MULTILINE)

    assert list(docs.schema_objects()) == made
