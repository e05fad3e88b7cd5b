"""Redaction: what it finds, what it leaves, and that what was JSON stays JSON."""

from __future__ import annotations

import json

import pytest

from sessiondb.chat.redaction.redact import redact, redacted
from sessiondb.records import Channel, Session, ToolCall
from sessiondb.records.export_rows import CallRow, ChannelRow, MessageRow, SessionRow, encode, raw_json

WHEN = "2026-03-01T12:00:00.000Z"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KEY_LINES = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"

KEYS = [
    f"sk-ant-api03-{LETTERS[:40]}-_x",
    f"sk-proj-{LETTERS[:40]}",
    f"sk-or-v1-{LETTERS[:40]}",
    f"sk-{LETTERS[:32]}",
    f"gsk_{LETTERS[:52]}",
    f"hf_{LETTERS[:34]}",
    f"xai-{LETTERS[:40]}",
    f"pplx-{LETTERS[:40]}",
    f"ghp_{LETTERS[:36]}",
    f"github_pat_{LETTERS[:60]}",
    f"glpat-{LETTERS[:20]}",
    "AKIAIOSFODNN7ABCDEFG",
    f"AIza{LETTERS[:35]}",
    f"xoxb-{LETTERS[:24]}",
    f"sk_live_{LETTERS[:24]}",
    f"SG.{LETTERS[:22]}.{LETTERS[:43]}",
    f"123456789:AA{LETTERS[:33]}",
    f"npm_{LETTERS[:36]}",
    f"pypi-AgEIcHlwaS5vcmc{LETTERS[:50]}",
    f"hvs.{LETTERS[:24]}",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["{}", "key: {}.", '{{"k":"{}"}}', "one\\n{}\\ntwo", "KEY={} # mine"])
def test_keys_of_providers_are_taken_out(key: str, around: str) -> None:
    assert redact(around.format(key)) == around.format("[redacted:api-key]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Authorization: Bearer {LETTERS}", "Authorization: Bearer [redacted:token]"),
        (f"-H 'authorization: bearer {LETTERS[:20]}=='", "-H 'authorization: bearer [redacted:token]'"),
        ("Authorization: Basic YW5uOmh1bnRlcjI=", "Authorization: Basic [redacted:token]"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "jwt [redacted:token]"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPx", "AWS_SECRET_ACCESS_KEY=[redacted:secret]"),
        ("export TOKEN='abcdefgh12'", "export TOKEN='[redacted:secret]'"),
        ('"DB_PASSWORD": "correct.horse"', '"DB_PASSWORD": "[redacted:secret]"'),
        ('{"password": "hunter22", "user": 1}', '{"password": "[redacted:secret]", "user": 1}'),
        ('{\\"api_key\\":\\"hunter22\\"}', '{\\"api_key\\":\\"[redacted:secret]\\"}'),
        ("postgres://ann:hunter2@db.example.org/x", "postgres://ann:[redacted:password]@db.example.org/x"),
        ("redis://:hunter2@[::1]:6379", "redis://:[redacted:password]@[::1]:6379"),
        ("write to ann.lee+x@mail.example.co.uk!", "write to [redacted:email]!"),
        ("mailto:ann@example.com", "mailto:[redacted:email]"),
        ("hi\\nann@example.com", "hi\\n[redacted:email]"),
        (
            "cd /home/ann/src && ls /Users/ann.lee",
            "cd /home/[redacted:user]/src && ls /Users/[redacted:user]",
        ),
        ("file:///home/ann/x", "file:///home/[redacted:user]/x"),
        ("/mnt/c/Users/ann/x", "/mnt/c/Users/[redacted:user]/x"),
        ("C:\\Users\\Ann Lee\\Docs", "C:\\Users\\[redacted:user]\\Docs"),
        ("C:\\\\Users\\\\ann\\\\x", "C:\\\\Users\\\\[redacted:user]\\\\x"),
        ("C:/Users/ann", "C:/Users/[redacted:user]"),
        ("projects/-home-ann-src-quill", "projects/-home-[redacted:user]-src-quill"),
        (
            f"a\n-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINES}\nxyz==\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted:private-key]\nb",
        ),
        (f"-----BEGIN PRIVATE KEY-----\\n{KEY_LINES}\\n{KEY_LINES}", "[redacted:private-key]"),
    ],
)
def test_secrets_and_names_are_taken_out(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn and task-force-of-twenty-people-working",
        "hf_hub_download_with_retries_and_more",
        "key-value-store-implementation-detail",
        "react@18.2.0 and @app.route",
        "git@github.com:ann/quill.git",
        "user@localhost",
        "https://example.com/home/page",
        "/home/ and $HOME/x and ~/src",
        "/Users/Shared/x and C:\\Users\\Public\\x",
        "API_KEY=$KEY, API_KEY=${KEY}, API_KEY=<your key here>",
        "API_KEY=os.environ['OPENAI_API_KEY'], TOKEN=get_token(name)",
        "max_tokens: 4096, MAX_TOKENS=100000000",
        "the password is required; bearer of bad news",
        "http://localhost:8080/x@y",
        "if '-----BEGIN PRIVATE KEY-----' in text: return '-----END PRIVATE KEY-----'",
        f"{WHEN} 5b0d7c1e-93f4-4a86-b1d2-6f0e8a47c359 msg_01AbCdEfGhIjKlMnOpQrStUv toolu_01AbCdEfGhIjKl",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Straße, 渡船, لماذا?",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", [*KEYS, "/home/ann/x", "TOKEN=abcdefgh12", "https://a:b12@c.de", "a@b.cd"])
def test_a_second_time_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text) != text


def test_json_stays_json() -> None:
    row = MessageRow(
        1,
        "assistant",
        "see /home/ann/x",
        metadata=raw_json('{"cwd": "/home/ann/x", "n": 1.50}'),
        parts=raw_json('["C:\\\\Users\\\\ann\\\\x"]'),
        tool_calls=[CallRow("c1", arguments='{"text":"hi\\nann@example.com","path":"C:\\\\Users\\\\ann"}')],
        answers=[CallRow("c1", result="{not json, by ann@example.com")],
    )

    found = redacted(row)

    assert json.loads(bytes(found.metadata)) == {"cwd": "/home/[redacted:user]/x", "n": 1.5}
    assert json.loads(bytes(found.parts)) == ["C:\\Users\\[redacted:user]\\x"]
    assert found.tool_calls[0].arguments is not None
    assert json.loads(found.tool_calls[0].arguments) == {
        "text": "hi\n[redacted:email]",
        "path": "C:\\Users\\[redacted:user]",
    }
    assert found.answers[0].result == "{not json, by [redacted:email]"
    assert (found.content, row.content) == ("see /home/[redacted:user]/x", "see /home/ann/x")


def test_what_needs_no_change_is_as_it_was() -> None:
    row = MessageRow(
        1, "user", "Hello", metadata=raw_json('{"a":  1.50}'), tool_calls=[CallRow("c", arguments="[ 1 ]")]
    )

    assert encode(redacted(row)) == encode(row)


def test_a_session_is_left_without_its_people() -> None:
    row = SessionRow(
        "s", "hermes", WHEN, WHEN, "telegram:7", "telegram:7",
        channel=ChannelRow("telegram", "dm", "7", "Noor", "7", "Noor", "2"), title="For ann@example.com",
    )  # fmt: skip

    assert json.loads(encode(redacted(row))) == {
        "type": "session", "id": "s", "agent": "hermes", "started_at": WHEN, "last_active_at": WHEN,
        "channel": {"platform": "telegram", "chat_type": "dm"}, "title": "For [redacted:email]",
    }  # fmt: skip


def test_records_and_what_they_hold_are_redacted() -> None:
    call = ToolCall(1, "s", "cat", '{"path":"/home/ann/x"}')
    session = Session(
        "s", "hermes", WHEN, WHEN, "s", "telegram:7", "/home/ann/x", Channel("telegram", "dm", "7")
    )

    found_call, found_session = redacted((call, session))

    assert found_call == ToolCall(1, "s", "cat", '{"path":"/home/[redacted:user]/x"}')
    assert found_session == Session(
        "s", "hermes", WHEN, WHEN, "s", None, "/home/[redacted:user]/x", Channel("telegram", "dm")
    )
