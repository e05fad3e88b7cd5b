"""Made-up secrets of many kinds, in the places where people leave them.

Each is put together from parts when it is needed, so that no file holds what looks like one.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Callable
from random import Random
from typing import NamedTuple

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
URL_SAFE = LETTERS + "-_"


class Kind(NamedTuple):
    """A kind of secret: `make` returns one; `name` is what it is called, where only that tells it.

    `place` holds it where it stands in a text of its own, `{}` being the secret.
    """

    title: str
    make: Callable[[Random], str]
    name: str | None = None
    place: str = "{}"


def _text(alphabet: str, length: int, before: str = "", after: str = "") -> Callable[[Random], str]:
    """Return a maker of random text, between what is given in parts."""
    return lambda random: before + "".join(random.choices(alphabet, k=length)) + after


def _jwt(random: Random) -> str:
    parts = [
        base64.urlsafe_b64encode(f'{{"{name}":"{random.random()}"}}'.encode()).decode().rstrip("=")
        for name in "ab"
    ]
    return ".".join((*parts, _text(URL_SAFE, 43)(random)))


def _password(random: Random) -> str:
    """Return a password as people choose them: a word or two, digits, perhaps a sign."""
    words = random.sample(["maple", "Harbor", "quartz", "Lantern", "pickle", "orbit", "Velvet"], 2)
    return (
        random.choice(["", "-"]).join(words) + str(random.randrange(10, 9999)) + random.choice(["", "!", "#"])
    )


def _pem(random: Random) -> str:
    line = _text(LETTERS + "+/", 64)
    dashes = "-" * 5
    lines = [
        f"{dashes}BEGIN RSA PRIVATE{' '}KEY{dashes}",
        *(line(random) for _ in range(3)),
        f"{dashes}END RSA PRIVATE{' '}KEY{dashes}",
    ]
    return "\\n".join(lines)


def _basic(random: Random) -> str:
    return base64.b64encode(f"ann:{_password(random)}".encode()).decode()


def _joined(*makers: Callable[[Random], str]) -> Callable[[Random], str]:
    """Return a maker of what several make, one after the other."""
    return lambda random: "".join(make(random) for make in makers)


def _prefixed(title: str, before: str, alphabet: str, length: int, after: str = "") -> Kind:
    return Kind(title, _text(alphabet, length, before, after))


SHAPES = (
    _prefixed("Anthropic", "sk-" + "ant-api03-", URL_SAFE, 93, "AA"),
    _prefixed("OpenAI project", "sk-" + "proj-", URL_SAFE, 74),
    _prefixed("OpenAI", "sk" + "-", LETTERS, 48),
    _prefixed("OpenRouter", "sk-" + "or-v1-", HEX, 64),
    _prefixed("Google", "AI" + "za", URL_SAFE, 35),
    _prefixed("Google client secret", "GOC" + "SPX-", URL_SAFE, 28),
    _prefixed("Google refresh token", "1/" + "/0", URL_SAFE, 60),
    _prefixed("Groq", "gs" + "k_", LETTERS, 52),
    _prefixed("Hugging Face", "h" + "f_", string.ascii_letters, 34),
    _prefixed("Replicate", "r" + "8_", LETTERS, 37),
    _prefixed("xAI", "xa" + "i-", LETTERS, 80),
    _prefixed("Perplexity", "ppl" + "x-", LETTERS, 48),
    _prefixed("GitHub", "gh" + "p_", LETTERS, 36),
    _prefixed("GitHub fine-grained", "github" + "_pat_", LETTERS, 22, "_" + "b3" * 20),
    _prefixed("GitLab", "glp" + "at-", URL_SAFE, 19, "x"),
    _prefixed("Atlassian", "ATAT" + "T3x", URL_SAFE, 180, "=1A2B3C4D"),
    _prefixed("npm", "np" + "m_", LETTERS, 36),
    _prefixed("PyPI", "pypi-" + "AgEIcHlwaS5vcmc", URL_SAFE, 120),
    _prefixed("Docker", "dckr" + "_pat_", LETTERS, 27),
    _prefixed("AWS key id", "AK" + "IA", UPPER, 16),
    _prefixed("DigitalOcean", "do" + "p_v1_", HEX, 64),
    _prefixed("Vault", "hv" + "s.", LETTERS, 90),
    _prefixed("Fly.io", "Fly" + "V1 fm2_", LETTERS + "+/", 80),
    _prefixed("Heroku", "HRK" + "U-", URL_SAFE, 60, "x"),
    _prefixed("Databricks", "da" + "pi", HEX, 32),
    _prefixed("Slack", "xo" + "xb-", string.digits, 12, "-" + "Ab1" * 8),
    _prefixed("SendGrid", "S" + "G.", LETTERS, 22, "." + "Ab1_" * 10 + "xyz"),
    _prefixed("Mailgun", "ke" + "y-", HEX, 32),
    _prefixed("Twilio", "S" + "K", HEX, 32),
    _prefixed("Stripe", "sk_" + "live_", LETTERS, 24),
    _prefixed("Stripe webhook", "whs" + "ec_", LETTERS, 32),
    _prefixed("Square", "sq0" + "csp-", URL_SAFE, 42, "x"),
    _prefixed("Shopify", "shp" + "at_", HEX, 32),
    _prefixed("Linear", "lin" + "_api_", LETTERS, 40),
    _prefixed("Notion", "nt" + "n_", LETTERS, 46),
    _prefixed("Supabase", "sb" + "p_", HEX, 40),
    _prefixed("Tailscale", "tskey-" + "auth-", LETTERS, 17, "-" + "Ab1" * 10),
    _prefixed("Grafana", "gl" + "sa_", LETTERS, 32, "_1a2b3c4d"),
    Kind("Telegram", _joined(_text("123456789", 9, "", ":" + "AA"), _text(URL_SAFE, 32, "", "x"))),
    Kind("Discord", _joined(_text(LETTERS, 23, "M", "."), _text(LETTERS, 6, "", "."), _text(LETTERS, 38))),
    Kind("JSON web token", _jwt),
    Kind(
        "Slack webhook",
        _joined(_text(UPPER, 9, "T", "/"), _text(UPPER, 11, "B", "/"), _text(LETTERS, 24)),
        place="https://hooks." + "slack.com/services/{}",
    ),
    Kind("private key", _pem),
    Kind("password in a URL", _password, place="postgres://app:{}@db.example.org/app"),
    Kind("bearer token", _text(LETTERS, 40), place="Authorization: Bearer {}"),
    Kind("basic authorization", _basic, place="Authorization: Basic {}"),
    Kind("cookie", _text(LETTERS, 32), place="Cookie: theme=dark; session={}"),
    Kind("connection string", _text(LETTERS + "+/", 86, "", "=="), place="AccountName=files;AccountKey={};Suffix=net"),
    Kind("database connection", _password, place="Server=db;User Id=app;Password={};Encrypt=yes"),
    Kind("one-time password", _text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32), place="otpauth://totp/app?secret={}&issuer=app"),
    Kind("npmrc", _text(LETTERS, 36), place="//registry.example.org/:_authToken={}"),
    Kind("curl -u", _password, place="curl -s -u ann:{} https://example.org/x"),
    Kind("--password", _password, place="tool login --user ann --password {} --quiet"),
    Kind("sshpass", _password, place="sshpass -p {} ssh ann@db"),
    Kind("mysql -p", _password, place="mysql -u root -p{} app"),
    Kind("netrc", _password, place="machine example.org login ann password {}"),
    Kind("signed URL", _text(LETTERS + "%", 44), place="https://files.example.net/a?sv=2024-01-01&sig={}"),
)  # fmt: skip

NAMED = tuple(
    Kind(name, make, name)
    for name, make in (
        ("password", _password),
        ("DB_PASSWORD", _password),
        ("passphrase", _password),
        ("token", _text(LETTERS, 40)),
        ("access_token", _text(LETTERS, 40)),
        ("refreshToken", _text(URL_SAFE, 60)),
        ("client_secret", _text(LETTERS, 32)),
        ("secret", _text(HEX, 32)),
        ("api_key", _text(HEX, 32)),
        ("apiKey", _text(LETTERS, 24)),
        ("x-api-key", _text(LETTERS, 40)),
        ("aws_secret_access_key", _text(LETTERS + "+/", 40)),
        ("AWS_SESSION_TOKEN", _text(LETTERS + "+/", 120)),
        ("private_key", _text(LETTERS, 44)),
        ("encryption-key", _text(HEX, 64)),
        ("SECRET_KEY_BASE", _text(HEX, 128)),
    )
)

KINDS = (*SHAPES, *NAMED)

WRAPPINGS = {
    "env file": "# settings\nMODE=live\n{assigned}\nPORT=80\n",
    "JSON": '{{"mode": "live", "{name}": "{json}", "port": 80}}',
    "YAML": "mode: live\n{name}: {text}\nport: 80\n",
    "command line": "cd /srv && tool --verbose {option} && echo done",
    "sentence": "Please use it only today: the {name} is {text}, and thank you.",
    "log line": "2026-03-01T09:00:00Z INFO GET https://api.example.com/v1/items?page=2&{name}={text}&n=1 200",
}


def wrapped(kind: Kind, secret: str, wrapping: str) -> str:
    """Return a secret of a kind as it stands in a wrapping."""
    text = kind.place.format(secret)
    name = kind.name or "value"
    is_snippet = kind.place != "{}"
    parts = {
        "name": name,
        "text": text,
        "json": text.replace('"', '\\"'),
        "assigned": text if is_snippet else f"{name.replace('-', '_')}={text}",
        "option": text if is_snippet else f"--{name} {text}" if kind.name else text,
    }
    return WRAPPINGS[wrapping].format(**parts)
