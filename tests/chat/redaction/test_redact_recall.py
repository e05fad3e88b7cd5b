"""How much redaction finds of made-up secrets, what it takes for one that is none, and how long it takes."""

from __future__ import annotations

import sysconfig
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from sessiondb.chat.redaction.redact import redact
from tests.helpers.made_up_secrets import KINDS, WRAPPINGS, Kind, wrapped

EACH = 5
MIN_RECALL = 0.95
MAX_FALSE = 1 / 10_000
PERSONAL = ("[redacted:user]", "[redacted:email]")
"""Names and addresses, which stand in code as well and are found there rightly."""


def is_found(secret: str, text: str) -> bool:
    return secret not in text and secret[: max(6, len(secret) // 2)] not in text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_each_kind_of_secret_is_found_in_each_wrapping(kind: Kind) -> None:
    random = Random(kind.title)
    missed = []
    for wrapping in WRAPPINGS:
        for _ in range(EACH):
            secret = kind.make(random)
            text = wrapped(kind, secret, wrapping)
            if not is_found(secret, redact(text)):
                missed.append(text)
    assert len(missed) <= (1 - MIN_RECALL) * EACH * len(WRAPPINGS) + 1, missed


@pytest.mark.figures
def test_recall_over_all_kinds_is_95_percent(record_property: Callable[[str, object], None]) -> None:
    random = Random("all")
    missed: Counter[str] = Counter()
    for kind in KINDS:
        for wrapping in WRAPPINGS:
            for _ in range(EACH):
                secret = kind.make(random)
                missed[kind.title] += not is_found(secret, redact(wrapped(kind, secret, wrapping)))
    tried = len(KINDS) * len(WRAPPINGS) * EACH
    record_property("secrets tried", tried)
    record_property("least recall of secrets, %", round(100 * (1 - missed.total() / tried), 1))
    assert len(KINDS) >= 60
    assert 1 - missed.total() / tried >= MIN_RECALL, missed.most_common(10)


def test_what_stands_around_a_secret_stays() -> None:
    random = Random("around")
    for kind in KINDS:
        text = redact(f"One line before.\n{wrapped(kind, kind.make(random), 'sentence')}\nAnd one after.")
        assert text.startswith("One line before.\nPlease use it only today: the ")
        assert text.endswith("thank you.\nAnd one after.")


@pytest.mark.figures
def test_in_code_hardly_a_line_is_taken_for_a_secret(record_property: Callable[[str, object], None]) -> None:
    """The standard library, without its own tests, which hold made-up passwords."""
    folder = Path(sysconfig.get_path("stdlib"))
    lines, wrong = 0, []
    for path in sorted(folder.glob("*/*.py"))[:400] + sorted(folder.glob("*.py")):
        if path.parent.name in ("site-packages", "test"):
            continue
        text = path.read_text("utf-8", "replace")
        lines += text.count("\n")
        redacted = redact(text)
        if redacted != text:
            wrong += [line for line in redacted.splitlines() if _has_secret(line)]
    record_property("harmless lines tried", lines)
    record_property("harmless lines taken for secrets", len(wrong))
    assert lines > 50_000
    assert len(wrong) <= lines * MAX_FALSE, wrong


def _has_secret(line: str) -> bool:
    for mark in PERSONAL:
        line = line.replace(mark, "")
    return "[redacted:" in line


@pytest.mark.parametrize(
    "text",
    [
        "token = tokens[0]",
        "token = self.token2",
        "password = getpass.getpass('Password: ')",
        "password: str | None = None,",
        "def login(user: str, password: str, token: int64) -> None:",
        "parser.add_argument('--password', help='the password to use')",
        "token: base64data",
        "next_token = base64decode(raw)",
        "secret = derive_secret_from_environment_variable",
        "api_key = settings.apis.openai2",
        "token = fetchAccessTokenFromServerResponse",
        '{"type": "password", "name": "secret", "token": "identifier"}',
        "The token is short-lived, and the password was changed yesterday.",
        "Set the API key to your key: export API_KEY=your-key-here",
        "the access key is stored in ~/.aws/credentials",
        "PASSWORD=${DB_PASSWORD:-x}",
        "secretKeyRef: {name: db, key: password}",
        "password: <redacted>",
        "sort key: created_at desc, primary key: id",
        "docker run --user 1000:1000 -p 8080:80 image",
        "cp -u a:b c",
        "the cookie: chocolate and 2 eggs",
        "tokens: 12345678 in, 1234 out",
        "a signature: def f(x: int) -> str",
        "password=********",
        "GET /search?key=name&code=200",
        "author key-value pat-a-cake",
    ],
)
def test_what_is_only_called_so_stays(text: str) -> None:
    assert redact(text) == text


B64 = "QUJD" * 16
UNITS = (
    "-----BEGIN PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{B64}\n",
    f"-----BEGIN RSA PRIVATE KEY-----\n{f'{B64}' * 300}\n",
    "-----BEGIN ",
    "_auth=",
    "password=",
    "password: ",
    "token is ",
    "cookie: a=b; ",
    "a=b; ",
    "sk-",
    "eyJa.eyJb.",
    "://a:b",
    "a@b.",
    "/home/",
    "curl -u a:",
    "docker login ",
    "mysql ",
    "x-a-",
    "M" * 24 + ".",
    "\\",
    '"',
)


@pytest.mark.once
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit[:30])
def test_no_repetition_takes_the_square_of_its_length(unit: str) -> None:
    begun = time.process_time()
    redact((unit * (400_000 // len(unit) + 1))[:400_000])
    # It takes about a second, and the square of its length would take ten minutes.
    assert time.process_time() - begun < 100
