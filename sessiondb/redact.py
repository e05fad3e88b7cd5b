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
from typing import Any, TypeVar, cast

T = TypeVar("T")


def _not_after(characters: str) -> str:
    """Return a pattern for a place that is not after these characters, unless they are an escape such as
    `\\n`.
    """
    return rf"(?:(?<=\\[nrt])|(?<![\\{characters}]))"


_WORD = _not_after(r"\w-")
_DOTTED = _not_after(r"\w.")
_ADDRESS = _not_after(r"\w.+%/-")

# The shapes that the providers document, or that GitHub's secret scanning lists for them.
_KEYS = r"""
    sk-ant-[\w-]{20,}                                         # Anthropic
  | sk-(?:proj|svcacct|admin|or-v1|lf)-[\w-]{20,}             # OpenAI, OpenRouter, Langfuse
  | sk-[A-Za-z0-9]{20,}                                       # OpenAI, DeepSeek, Moonshot
  | (?:gsk|hf|r8|fw|npm|shp(?:at|ss))_[A-Za-z0-9]{20,}        # Groq, Hugging Face, Replicate, Shopify
  | (?:lin_api|sbp|ntn|sntrys|rnd|figd|glsa)_[A-Za-z0-9]{20,} # Linear, Supabase, Notion, Sentry, Figma
  | (?:xai|pplx|csk|nvapi|tvly|PMAK)-[A-Za-z0-9-]{20,}        # xAI, Perplexity, Cerebras, NVIDIA, Tavily
  | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{40,}           # GitHub
  | gl(?:pat|dt|rt|cbt)-[\w-]{20,}                            # GitLab
  | (?:AKIA|ASIA)[A-Z0-9]{16}                                 # AWS
  | AIza[\w-]{35} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}      # Google
  | xox[abeprs]-[\w-]{10,} | xapp-[\w-]{20,}                  # Slack
  | (?:sk|rk)_(?:live|test)_\w{16,} | whsec_[\w+/]{20,}       # Stripe
  | SG\.[\w-]{16,}\.[\w-]{16,}                                # SendGrid
  | \d{8,10}:AA[\w-]{32,35}                                   # Telegram
  | [MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}                   # Discord
  | pypi-AgE[\w-]{40,}                                        # PyPI
  | do[opr]_v1_[a-f0-9]{64}                                   # DigitalOcean
  | hv[sbr]\.[\w-]{20,}                                       # Vault
  | AGE-SECRET-KEY-1[0-9A-Z]{50,}                             # age
"""
_BLOCK = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
_NAMES = r"(?:[A-Z0-9]+_)*(?:API_?KEY|ACCESS_KEY|PRIVATE_KEY|SECRET_KEY|SECRET|TOKEN|PASSWORD|PASSWD)"
_names = r"(?:\w+_)?(?:api_?key|secret|password|passwd|(?:access|auth|refresh|id)_?token)"
_QUOTE = r"\\?[\"']"
# What a path may go on with after the name.
_FOLDER = r"[^\s/\\:*?\"'<>|\[\]{}$`,;()]+"

_RULES: tuple[tuple[str, str], ...] = (
    ("private-key", rf"{_BLOCK}[^\"'`]{{4,20000}}?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("private-key", rf"{_BLOCK}(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{{30,}})+"),
    ("api-key", rf"(?x) {_WORD} (?:{_KEYS}) (?![\w-])"),
    ("api-key", r"(?<=hooks\.slack\.com/services/)[A-Z0-9]+/[A-Z0-9]+/\w+"),
    ("token", rf"{_DOTTED}eyJ[\w-]{{8,}}\.eyJ[\w-]{{8,}}\.[\w-]{{8,}}"),
    ("token", r"(?i)(?<=\bbearer )(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*"),
    ("token", r"(?i)(?:(?<=authorization: basic )|(?<=authorization: bearer ))[\w.~+/-]{8,}=*"),
    # An assigned value, but no reference to one: $NAME, ${NAME}, <your key>, os.environ[...], a call.
    (
        "secret",
        rf"{_WORD}{_NAMES}(?:{_QUOTE})?\s*[=:]\s*(?:{_QUOTE})?"
        r"(?P<value>(?![\w.]*[\[({])[\w.~+/%!@#^*-]{8,}=*)",
    ),
    (
        "secret",
        rf"(?i){_WORD}{_names}(?:{_QUOTE})?\s*[=:]\s*{_QUOTE}(?P<value>[^\s\"'\\<>${{}}\[\]]{{6,}})(?={_QUOTE})",
    ),
    ("password", r"(?<=://)[^\s/:@\"'<>]*:(?P<value>(?![\[${<])[^\s/@\"'<>]+)(?=@[\w.\[-])"),
    ("email", rf"{_ADDRESS}(?!git@)[\w.+%-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{{2,}}(?![\w-])"),
    ("user", rf"{_DOTTED}(?:(?:/mnt)?/[A-Za-z])?/(?:home|Users)/(?!Shared\b|Public\b)(?P<value>{_FOLDER})"),
    (
        "user",
        rf"{_WORD}[A-Za-z]:[\\/]{{1,4}}Users[\\/]{{1,4}}(?!Public\b|Default\b)"
        rf"(?P<value>{_FOLDER}(?: {_FOLDER}){{0,3}}(?=[\\/])|{_FOLDER})",
    ),
    # Claude Code writes a folder's path as its name: -home-ann-src.
    ("user", r"(?<![\w-])-(?:home|Users)-(?P<value>[A-Za-z0-9]+)(?=-)"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _RULES)


def redact(text: str) -> str:
    """Return the text with secrets and personal data replaced by `[redacted:KIND]`.

    KIND is private-key, api-key, token, secret, password, email or user.
    """
    for kind, pattern in _COMPILED:
        text = pattern.sub(_mask(kind), text)
    return text


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


def _mask(kind: str) -> Callable[[re.Match[str]], str]:
    def mask(match: re.Match[str]) -> str:
        if "value" not in match.re.groupindex:
            return f"[redacted:{kind}]"
        start, end = match.start("value") - match.start(), match.end("value") - match.start()
        return f"{match[0][:start]}[redacted:{kind}]{match[0][end:]}"

    return mask
