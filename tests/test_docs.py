"""The documentation says what the program says, and its links lead somewhere."""

from __future__ import annotations

import fnmatch
import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest

from sessiondb.cli.group import SECTIONS, cli
from sessiondb.importers import importers

ROOT = Path(__file__).parents[1]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests/data/README.md"])
]


def script(name: str) -> ModuleType:
    """Return scripts/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    return script("docs")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["docs/commands.md", "docs/schema.md"])
def test_a_generated_page_is_what_the_program_says_today(docs: ModuleType, page: str) -> None:
    assert read(page) == docs.PAGES[page](), "run scripts/docs"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_pictures_show_what_the_screens_do() -> None:
    for name, drawn in script("screens").pictures().items():
        assert read(f"docs/pictures/{name}") == drawn, "run scripts/docs"


def test_every_command_has_its_help_on_the_page_of_commands() -> None:
    headings = [(title, list(names)) for title, names in SECTIONS.items()]
    sections = re.split(r"^## ", read("docs/commands.md"), flags=re.MULTILINE)[1:]

    assert [
        (section.partition("\n")[0], re.findall(r"^### (.+)$", section, re.MULTILINE)) for section in sections
    ] == headings


def test_help_of_no_command_is_an_error(docs: ModuleType) -> None:
    with pytest.raises(KeyError, match="lsit"):
        docs.help_of("lsit")


def test_every_table_and_view_has_its_sentence_on_the_page_of_the_schema(docs: ModuleType) -> None:
    made = [name for kind in ("table", "view") for name, sql in docs.objects(kind) if "VIRTUAL" not in sql]
    shadows = {name for name in made if re.search(r"_fts_(data|idx|content|docsize|config)$", name)}
    ours = [name for name in made if name not in shadows and not name.startswith("sqlite_")]

    assert re.findall(r"^### (.+)$", read("docs/schema.md"), re.MULTILINE) == ours
    assert (
        "What was said, in order; the text of a tool's answer is in tool_calls.result.\n\n```sql\nCREATE TABLE"
        in (read("docs/schema.md"))
    )


def test_the_changelog_says_each_thing_once() -> None:
    """Where two changes to it meet, keeping both sides of a line that one of them reworded is soon done."""
    beginnings = [line[:30] for line in read("CHANGELOG.md").splitlines() if line.startswith("- ")]

    assert len(set(beginnings)) == len(beginnings)


def test_the_readme_has_at_most_200_lines() -> None:
    assert len(read("README.md").splitlines()) <= 200


@pytest.mark.parametrize("page", ["README.md", "docs/importers.md"])
def test_every_format_stands_in_the_tables(page: str) -> None:
    cells = {
        cell.strip() for row in re.findall(r"^\|(.+)\|$", read(page), re.MULTILINE) for cell in row.split("|")
    }
    named = {name for cell in cells for name in re.findall(r"`([a-z-]+)`", cell)}

    assert {importer.name for importer in importers()} <= named


def test_every_row_of_coming_from_has_its_tests() -> None:
    """The rows of a section name tests of the file that it names."""
    for section in read("docs/coming-from.md").split("\n## ")[1:]:
        files = re.findall(r"`(tests/[\w/]+\.py)`", section)
        made = re.findall(r"^def (test_\w+)", "\n".join(map(read, files)), re.MULTILINE)
        rows = [row for row in section.splitlines() if row.startswith("| ")][2:]
        for row in rows:
            patterns = re.findall(r"`(test_[\w*]+)`", row)
            assert patterns, row
            assert all(fnmatch.filter(made, pattern) for pattern in patterns), row


def test_every_variable_that_moves_logs_is_explained() -> None:
    variables = re.findall(r'"([A-Z][A-Z_]+)"', read("sessiondb/ingest/places.py"))

    assert [name for name in variables if f"`{name}`" not in read("docs/importers.md")] == []


def test_the_example_of_the_readme_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", read("README.md"), re.DOTALL | re.MULTILINE)
    asked = []

    def call_model(messages: list[dict[str, Any]]) -> SimpleNamespace:
        asked.append(messages)
        call = {"id": "call-1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
        return SimpleNamespace(
            id="r-1", model="m", message={"role": "assistant", "content": None, "tool_calls": [call]}
        )

    def run_tool(name: str, arguments: str | None) -> str:
        answered.append((name, arguments))
        return "tests/ src/"

    answered: list[tuple[str, str | None]] = []
    exec(
        code.replace('"sessions.db"', repr(str(tmp_path / "sessions.db"))),
        {"call_model": call_model, "run_tool": run_tool},
    )

    assert asked == [[{"role": "user", "content": "Where do we keep the tests?"}]]
    assert answered == [("ls", "{}")]
    assert "Tests live in tests/" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_tells_to_type_is_understood(page: str) -> None:
    """Lines of shell blocks that begin with `sessiondb`: the command is there, and takes these words and options."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", read(page), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("sessiondb ")]

    for line in lines:
        name, *arguments = shlex.split(line, comments=True)[1:]
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, line
        command.make_context(name, arguments, parent=click.Context(cli))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "`", read(page), flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:", link)]

    for link in links:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{page} links to {link}"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    """Paths in code spans that begin with a folder of the checkout or of the package; `*` stands for any name."""
    bases = (ROOT, ROOT / "sessiondb")
    folders = {folder.name for base in bases for folder in base.iterdir() if folder.is_dir()}
    spans = re.findall(r"`([\w-]+/[\w./*-]*)`", read(page))
    named = [span for span in spans if span.partition("/")[0] in folders]

    assert [path for path in named if not any(any(base.glob(path.rstrip("/"))) for base in bases)] == []


def test_every_module_that_a_docstring_points_to_exists() -> None:
    """`see parse.py`, `(see detect.py)`: a file beside the one that says so, or below the package."""
    lost = []
    for file in (ROOT / "sessiondb").rglob("*.py"):
        for named in re.findall(r"\b[Ss]ee (\w+\.py)\b|\((\w+\.py)\)", file.read_text(encoding="utf-8")):
            name = "".join(named)
            if not (file.parent / name).exists() and not list((ROOT / "sessiondb").rglob(name)):
                lost.append(f"{file.relative_to(ROOT)}: {name}")

    assert lost == []
