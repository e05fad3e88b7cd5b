"""Take secrets and personal data out of text, leaving `[redacted:KIND]` in their place.

Found are, by their shape: keys of providers that give theirs a prefix, bearer tokens, values that are named
like a secret, private key blocks, passwords in URLs, e-mail addresses, and the names in home folders. What
has no shape cannot be found: a name or street in a sentence, a password that someone simply said, a key
without a prefix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")


class _Rule(NamedTuple):
    """What to look for, and a piece of text without which there can be none."""

    kind: str
    hint: str
    pattern: re.Pattern[str]


def _rule(kind: str, beginning: str, rest: str, *, not_after: str = r"\w-") -> _Rule:
    """Return a rule for a text with a fixed beginning that is not after some characters.

    It may be after an escape such as `\\n`. The regular expression begins with the fixed text, which is many
    times faster than to look at each place whether it may be one.
    """
    literal = re.escape(beginning)
    guard = rf"(?:(?<=\\[nrt]{literal})|(?<![\\{not_after}]{literal}))"
    return _Rule(kind, beginning, re.compile(f"{literal}{guard}{rest}"))


# The shapes that the providers document, or that GitHub's secret scanning lists for them.
# Groq, Hugging Face, Replicate, npm, Shopify, Linear, Supabase, Notion, Sentry, Figma, Grafana
_UNDERSCORED = "gsk hf r8 npm shpat shpss lin_api sbp ntn sntrys figd glsa"
# xAI, Perplexity, Cerebras, NVIDIA, Tavily, Postman
_HYPHENED = "xai pplx csk nvapi tvly PMAK"
_KEYS = (
    ("sk-ant-", r"[\w-]{20,}"),  # Anthropic
    ("sk-", r"(?:proj|svcacct|admin|or-v1|lf)-[\w-]{20,}"),  # OpenAI, OpenRouter, Langfuse
    ("sk-", r"[A-Za-z0-9]{20,}"),  # OpenAI, DeepSeek, Moonshot
    *((f"gh{kind}_", r"[A-Za-z0-9]{30,}") for kind in "pousr"),  # GitHub
    ("github_pat_", r"\w{40,}"),
    *((f"gl{kind}-", r"[\w-]{20,}") for kind in ("pat", "dt", "rt", "cbt")),  # GitLab
    *((f"{name}_", r"[A-Za-z0-9]{20,}") for name in _UNDERSCORED.split()),
    *((f"{name}-", r"[A-Za-z0-9-]{20,}") for name in _HYPHENED.split()),
    ("AKIA", r"[A-Z0-9]{16}"),  # AWS
    ("ASIA", r"[A-Z0-9]{16}"),
    ("AIza", r"[\w-]{35}"),  # Google
    ("ya29.", r"[\w-]{20,}"),
    ("GOCSPX-", r"[\w-]{20,}"),
    ("xox", r"[abeprs]-[\w-]{10,}"),  # Slack
    ("xapp-", r"[\w-]{20,}"),
    *((f"{kind}k_{mode}_", r"\w{16,}") for kind in "sr" for mode in ("live", "test")),  # Stripe
    ("whsec_", r"[\w+/]{20,}"),
    ("SG.", r"[\w-]{16,}\.[\w-]{16,}"),  # SendGrid
    ("pypi-AgE", r"[\w-]{40,}"),
    *((f"do{kind}_v1_", r"[a-f0-9]{64}") for kind in "opr"),  # DigitalOcean
    *((f"hv{kind}.", r"[\w-]{20,}") for kind in "sbr"),  # Vault
    ("AGE-SECRET-KEY-1", r"[0-9A-Z]{50,}"),
)
_BLOCK = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_QUOTE = r"\\?[\"']"
_CONSTANTS = "API_KEY APIKEY ACCESS_KEY PRIVATE_KEY SECRET_KEY SECRET TOKEN PASSWORD PASSWD"
_VARIABLES = "api_key apikey apiKey secret password passwd _token Token"
# A value that is assigned, but no reference to one: $NAME, ${NAME}, <your key>, os.environ[...], a call.
_ASSIGNED = rf"(?:{_QUOTE})?\s*[=:]\s*(?:{_QUOTE})?(?P<value>(?![\w.]*[\[({{])[\w.~+/%!@#^*-]{{8,}}=*)"
_QUOTED = rf"(?:{_QUOTE})?\s*[=:]\s*{_QUOTE}(?P<value>[^\s\"'\\<>${{}}\[\]]{{6,}})(?={_QUOTE})"
# A name in a path, up to what the path goes on with.
_NAME = r"[^\s/\\:*?\"'<>|\[\]{}$`,;()]+"
_WINDOWS_NAME = rf"(?!Public\b|Default\b)(?P<value>{_NAME}(?: {_NAME}){{0,3}}(?=[\\/])|{_NAME})"

_RULES: tuple[_Rule, ...] = (
    _Rule(
        "private-key",
        "PRIVATE KEY",
        re.compile(rf"{_BLOCK}[^\"'`]{{4,20000}}?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ),
    _Rule("private-key", "PRIVATE KEY", re.compile(rf"{_BLOCK}(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{{30,}})+")),
    *(_rule("api-key", beginning, rf"{rest}(?![\w-])") for beginning, rest in _KEYS),
    _Rule("api-key", ":AA", re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{32,35}(?![\w-])")),  # Telegram
    _Rule(
        "api-key", "hooks.slack", re.compile(r"hooks\.slack\.com/services/(?P<value>[A-Z0-9]+/[A-Z0-9]+/\w+)")
    ),
    _rule("token", "eyJ", r"[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}", not_after=r"\w."),
    _Rule("token", "earer ", re.compile(r"[Bb]earer (?P<value>(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*)")),
    _Rule(
        "token",
        "uthorization",
        re.compile(r"[Aa]uthorization: (?:[Bb]asic|[Bb]earer) (?P<value>(?!\[)[\w.~+/-]{8,}=*)"),
    ),
    *(
        _Rule("secret", name[-3:], re.compile(rf"{name}(?<![a-z$]{name}){_ASSIGNED}"))
        for name in _CONSTANTS.split()
    ),
    *(_Rule("secret", name, re.compile(rf"{name}{_QUOTED}")) for name in _VARIABLES.split()),
    _Rule(
        "password", "://", re.compile(r"://[^\s/:@\"'<>]*:(?P<value>(?![\[${<])[^\s/@\"'<>]+)(?=@[\w.\[-])")
    ),
    *(
        _rule("user", folder, rf"(?!Shared\b|Public\b)(?P<value>{_NAME})", not_after=r"\w.")
        for folder in ("/home/", "/Users/")
    ),
    _Rule("user", "Users", re.compile(rf":[\\/]{{1,4}}Users[\\/]{{1,4}}{_WINDOWS_NAME}")),
    _Rule("user", "/Users/", re.compile(rf"/Users/(?<=/[A-Za-z]/Users/){_WINDOWS_NAME}")),
    # Claude Code writes a folder's path as its name: -home-ann-src.
    *(_rule("user", folder, r"(?P<value>[A-Za-z0-9]+)(?=-)") for folder in ("-home-", "-Users-")),
)
_AT = re.compile(r"@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])")
_LOCAL = re.compile(r"(?:(?<=\\[nrt])|(?<![\w.+%/\\-]))[\w.+%-]+\Z")
_LONGEST_LOCAL = 64


def redact(text: str) -> str:
    """Return the text with secrets and personal data replaced by `[redacted:KIND]`.

    KIND is private-key, api-key, token, secret, password, email or user.
    """
    for rule in _RULES:
        if rule.hint in text:
            text = rule.pattern.sub(_mask(rule.kind), text)
    return _without_addresses(text) if "@" in text else text


def redacted(value: T) -> T:
    """Return a value with every text in it redacted: in lists, dicts, and the fields of records and rows.

    A session is left without its key and the people it was with.
    """
    result: Any = value
    if isinstance(value, str):
        result = redact(value)
    elif isinstance(value, list):
        result = [redacted(item) for item in value]
    elif isinstance(value, tuple):
        items = [redacted(item) for item in value]
        result = value._make(items) if hasattr(value, "_make") else tuple(items)
    elif isinstance(value, dict):
        result = {redacted(key): redacted(item) for key, item in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        result = replace(value, **_fields(value, [field.name for field in fields(value)]))
    elif hasattr(value, "__struct_fields__"):
        result = type(value)(**_fields(value, value.__struct_fields__))
    return cast("T", result)


def _fields(record: Any, names: Sequence[str]) -> dict[str, Any]:
    values = {name: _field(record, name) for name in names}
    if "channel" in values and "native_id" in values:
        # Chats go by the numbers and names of people, and so do the keys and ids made from them.
        values["key"] = None
        values["native_id"] = record.native_id if record.native_id == record.id else None
        if record.channel is not None:
            values["channel"] = type(record.channel)(record.channel.platform, record.channel.chat_type)
    return values


def _field(record: Any, name: str) -> Any:
    import msgspec

    value = getattr(record, name)
    if isinstance(value, msgspec.Raw):
        text = bytes(value).decode()
        clean = _json(text)
        return value if clean == text else msgspec.Raw(clean.encode())
    return _json(value) if name == "arguments" and value else redacted(value)


def _json(text: str) -> str:
    """Return JSON text redacted, still JSON; text that is none as any other."""
    if not text.startswith(("{", "[")):
        return redact(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return redact(text)
    clean = redacted(value)
    return text if clean == value else json.dumps(clean, ensure_ascii=False, separators=(",", ":"))


def _without_addresses(text: str) -> str:
    """Return the text without e-mail addresses, found from their `@` to both sides."""
    done = 0
    pieces: list[str] = []
    for match in _AT.finditer(text):
        begin = max(done, match.start() - _LONGEST_LOCAL)
        local = _LOCAL.search(text[max(0, begin - 2) : match.start()], min(begin, 2))
        if local is not None and local[0] != "git":
            pieces += [text[done : match.start() - len(local[0])], "[redacted:email]"]
            done = match.end()
    return "".join((*pieces, text[done:]))


def _mask(kind: str) -> Callable[[re.Match[str]], str]:
    def mask(match: re.Match[str]) -> str:
        if "value" not in match.re.groupindex:
            return f"[redacted:{kind}]"
        start, end = match.start("value") - match.start(), match.end("value") - match.start()
        return f"{match[0][:start]}[redacted:{kind}]{match[0][end:]}"

    return mask
