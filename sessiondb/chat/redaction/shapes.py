"""Secrets that are known by their own shape, whatever stands around them: a prefix, a frame, a place in a URL."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import NamedTuple

# Most text holds no secret, and some hundred rules would each go through it. So they stand in groups: rules of keys are
# only asked about words long enough to be one, the others where a character that each of them needs is there at all.


class Rule(NamedTuple):
    """What to look for, and a piece of text without which there can be none."""

    kind: str
    hint: str
    pattern: re.Pattern[str]


def _rule(kind: str, beginning: str, rest: str, *, not_after: str = r"\w-") -> Rule:
    """Return a rule for a text with a fixed beginning that is not after some characters.

    It may be after an escape such as `\\n`. The regular expression begins with the fixed text, which is many
    times faster than to look at each place whether it may be one.
    """
    literal = re.escape(beginning)
    guard = rf"(?:(?<=\\[nrt]{literal})|(?<![\\{not_after}]{literal}))"
    return Rule(kind, beginning, re.compile(f"{literal}{guard}{rest}"))


_WORD = r"[A-Za-z0-9]"
_BASE64 = r"[A-Za-z0-9+/]"

# The shapes that the providers document, or that GitHub's secret scanning lists for them: what the key begins
# with, and how it goes on.
_KEYS: tuple[tuple[str, str, str], ...] = (
    # models
    ("sk-ant-", r"[\w-]{20,}", "Anthropic"),
    ("sk-", r"(?:proj|svcacct|admin|or-v1|lf)-[\w-]{20,}", "OpenAI, OpenRouter, Langfuse"),
    ("sk-", _WORD + "{20,}", "OpenAI, DeepSeek, Moonshot"),
    ("sk_", "[a-f0-9]{40,}", "ElevenLabs"),
    ("AIza", r"[\w-]{35}", "Google"),
    ("ya29.", r"[\w-]{20,}", "Google"),
    ("1//0", r"[\w-]{30,}", "Google refresh token"),
    ("GOCSPX-", r"[\w-]{20,}", "Google"),
    ("xai-", r"[\w-]{20,}", "xAI"),
    ("pplx-", _WORD + "{20,}", "Perplexity"),
    ("csk-", r"[\w-]{20,}", "Cerebras"),
    ("nvapi-", r"[\w-]{20,}", "NVIDIA"),
    ("tvly-", r"[\w-]{20,}", "Tavily"),
    ("fc-", "[a-f0-9]{32}", "Firecrawl"),
    ("gsk_", _WORD + "{20,}", "Groq"),
    ("hf_", _WORD + "{20,}", "Hugging Face"),
    ("r8_", _WORD + "{20,}", "Replicate"),
    ("fw_", _WORD + "{20,}", "Fireworks"),
    ("jina_", r"\w{20,}", "Jina"),
    ("pcsk_", r"\w{20,}", "Pinecone"),
    ("lsv2_", r"(?:pt|sk)_\w{20,}", "LangSmith"),
    # code and packages
    *((f"gh{kind}_", _WORD + "{30,}", "GitHub") for kind in "pousr"),
    ("github_pat_", r"\w{40,}", "GitHub"),
    *(
        (f"gl{kind}-", r"[\w-]{20,}(?:\.[\w-]{2,})*", "GitLab")
        for kind in ("pat", "dt", "rt", "cbt", "ptt", "ft", "soat", "imt", "agent", "oas", "ffct")
    ),
    ("ATATT3x", r"[\w=-]{20,}", "Atlassian"),
    ("ATCTT3x", r"[\w=-]{20,}", "Atlassian"),
    ("ATBB", _WORD + "{20,}", "Bitbucket"),
    ("npm_", _WORD + "{20,}", "npm"),
    ("pypi-AgE", r"[\w-]{40,}", "PyPI"),
    ("rubygems_", "[a-f0-9]{32,}", "RubyGems"),
    ("cio", _WORD + "{32}", "crates.io"),
    ("dckr_", r"(?:pat|oat)_[\w-]{20,}", "Docker"),
    ("CCIPAT_", r"\w{20,}", "CircleCI"),
    ("bkua_", "[a-f0-9]{32,}", "Buildkite"),
    ("sgp_", r"\w{32,}", "Sourcegraph"),
    ("sntrys_", r"[\w+/=]{20,}", "Sentry"),
    ("sntryu_", "[a-f0-9]{32,}", "Sentry"),
    ("PMAK-", "[A-Za-z0-9-]{20,}", "Postman"),
    # clouds
    *((begin, r"[A-Z0-9]{16}", "AWS") for begin in ("AKIA", "ASIA", "ABIA", "ACCA")),
    ("LTAI", _WORD + "{16,}", "Alibaba"),
    ("AKID", _WORD + "{32}", "Tencent"),
    *((f"do{kind}_v1_", "[a-f0-9]{64}", "DigitalOcean") for kind in "opr"),
    *((f"hv{kind}.", r"[\w-]{20,}", "Vault") for kind in "sbr"),
    ("FlyV1 ", r"[\w+/=,-]{20,}", "Fly.io"),
    ("fm2_", r"[\w+/=,-]{20,}", "Fly.io"),
    ("fo1_", r"[\w-]{20,}", "Fly.io"),
    ("HRKU-", r"[\w-]{20,}", "Heroku"),
    ("nfp_", _WORD + "{20,}", "Netlify"),
    ("sbp_", "[a-f0-9]{20,}", "Supabase"),
    ("sb_secret_", r"[\w-]{20,}", "Supabase"),
    ("pscale_", r"(?:tkn|pw|oauth)_[\w=-]{20,}(?:\.[\w-]+)*", "PlanetScale"),
    ("pul-", "[a-f0-9]{40}", "Pulumi"),
    ("dapi", "[a-f0-9]{32}(?:-\\d)?", "Databricks"),
    ("dp.", r"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z]{2,20}\.)?[\w-]{20,}", "Doppler"),
    ("tskey-", r"[A-Za-z]+-[\w-]{16,}", "Tailscale"),
    ("ops_eyJ", r"[\w+/=-]{40,}", "1Password"),
    ("AGE-SECRET-KEY-1", "[0-9A-Z]{50,}", "age"),
    ("glsa_", r"\w{20,}", "Grafana"),
    ("glc_", r"[\w+/=]{30,}", "Grafana"),
    ("NRAK-", "[A-Z0-9]{20,}", "New Relic"),
    # chats, mail, money, documents
    ("xox", r"[abeprs]-[\w-]{10,}", "Slack"),
    ("xoxe.", r"xox[bp]-[\w-]{10,}", "Slack"),
    ("xapp-", r"[\w-]{20,}", "Slack"),
    ("SG.", r"[\w-]{16,}\.[\w-]{16,}", "SendGrid"),
    ("key-", "[a-f0-9]{32}", "Mailgun"),
    ("xkeysib-", "[a-f0-9]{40,}(?:-\\w+)?", "Brevo"),
    ("re_", r"[A-Za-z0-9]{6,}_[A-Za-z0-9]{16,}", "Resend"),
    ("SK", "[a-f0-9]{32}", "Twilio"),
    *((f"{kind}k_{mode}_", r"\w{16,}", "Stripe") for kind in "sr" for mode in ("live", "test")),
    ("whsec_", r"[\w+/=]{20,}", "Stripe, Svix"),
    ("sq0", r"(?:atp|csp)-[\w-]{20,}", "Square"),
    ("EAAA", r"[\w-]{50,}", "Square, Meta"),
    *((f"shp{kind}_", "[a-fA-F0-9]{32}", "Shopify") for kind in ("at", "ss", "ca", "pa")),
    ("lin_", r"(?:api|oauth)_[A-Za-z0-9]{20,}", "Linear"),
    ("ntn_", _WORD + "{20,}", "Notion"),
    ("secret_", _WORD + "{40,}", "Notion"),
    ("figd_", r"[\w-]{20,}", "Figma"),
    ("pat", r"[A-Za-z0-9]{14}\.[a-f0-9]{64}", "Airtable"),
    ("sk.eyJ", r"[\w-]{20,}\.[\w-]{16,}", "Mapbox"),
    ("sl.", r"[\w-]{100,}", "Dropbox"),
    ("CFPAT-", r"[\w-]{40,}", "Contentful"),
)
# Passwords that programs take on their command line. Each begins with fixed text, as the rules of keys do.
_GIVEN = r"[ \t]{0,4}(?:\\?[\"'])?(?P<value>(?![$<{\[])[^\s\"'`\\]{4,200})"
_LINE = r"[^\n|;]{0,200}?"
_OPTIONS = (
    (
        "curl",
        rf"curl\b(?<!\wcurl){_LINE} (?:-u|-U|--user|--proxy-user)[ =]?(?:\\?[\"'])?[\w.@+-]{{1,80}}:{_GIVEN}",
    ),
    ("sshpass", rf"sshpass(?<!\wsshpass)[ \t]{{1,4}}-p{_GIVEN}"),
    ("mysql", rf"mysql(?<!\wmysql)\w*\b{_LINE} -p(?! ){_GIVEN}"),
    ("mariadb", rf"mariadb(?<!\wmariadb)[\w-]*\b{_LINE} -p(?! ){_GIVEN}"),
    (
        "login",
        r"(?:docker(?<!\wdocker)|podman(?<!\wpodman)|az(?<!\waz)|oc(?<!\woc)|helm(?<!\whelm))\b"
        rf"[^\n|;]{{0,40}}\blogin\b{_LINE} -p{_GIVEN}",
    ),
    ("redis-cli", rf"redis-cli\b(?<!\wredis-cli){_LINE} (?:-a|--pass){_GIVEN}"),
    ("ldap", rf"ldap(?<!\wldap)\w+{_LINE} -w{_GIVEN}"),
    ("sqlcmd", rf"sqlcmd\b(?<!\wsqlcmd){_LINE} -P{_GIVEN}"),
    (" -P", rf"zip\b(?<!\wzip){_LINE} -P[ \t]{_GIVEN}"),
    ("smbclient", rf"smbclient\b(?<!\wsmbclient){_LINE} -U ?(?:\\?[\"'])?[^\s%]{{1,80}}%{_GIVEN}"),
    ("pass:", rf"-pass(?:in|out)? pass:{_GIVEN}"),
)
# A name in a path, up to what the path goes on with.
_NAME = r"[^\s/\\:*?\"'<>|\[\]{}$`,;()]+"
_WINDOWS_NAME = rf"(?!Public\b|Default\b)(?P<value>{_NAME}(?: {_NAME}){{0,3}}(?=[\\/])|{_NAME})"
_HEADER = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_FOOTER = r"-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BREAK = r"(?:\s|\\[nr])"

_FRAMES = (
    # What is between stops at the next five dashes, so that a text of headers alone is gone through once.
    Rule(
        "private-key",
        "PRIVATE KEY",
        re.compile(rf"{_HEADER}(?:[^\"'`-]|-(?!----)){{4,20000}}?{_FOOTER}"),
    ),
    Rule("private-key", "PRIVATE KEY", re.compile(rf"{_HEADER}(?:{_BREAK}{{1,8}}[A-Za-z0-9+/=]{{30,}})+")),
    Rule(
        "private-key",
        "Private-Lines",
        re.compile(rf"Private-Lines: \d+(?P<value>(?:{_BREAK}{{1,8}}{_BASE64}{{8,}}=*)+)"),
    ),
)
_WORD_CHARACTERS = f"{string.ascii_letters}{string.digits}_.-"
# As long as the shortest key.
_LONG_WORD = re.compile(r"[A-Za-z0-9_.-]{15,}")

_PREFIXED = tuple(_rule("api-key", beginning, rf"{rest}(?![\w-])") for beginning, rest, _ in _KEYS)
_ANYWHERE = tuple(
    rule
    for rule, (beginning, rest, _) in zip(_PREFIXED, _KEYS, strict=True)
    if beginning.strip(_WORD_CHARACTERS) or not set("/=").isdisjoint(rest)
)
_JWT = _rule("token", "eyJ", r"[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}", not_after=r"\w.")
_IN_LONG_WORDS = (
    *(rule for rule in _PREFIXED if rule not in _ANYWHERE),
    _JWT,
    Rule("api-key", ".atlasv1.", re.compile(r"(?<!\w)[A-Za-z0-9]{14}\.atlasv1\.[\w-]{50,}")),  # HCP Terraform
    # Discord: an id of 17 to 20 digits in base64, a moment, a digest.
    Rule(
        "api-key",
        ".",
        re.compile(r"[MNO](?<![\w.-][MNO])[A-Za-z\d]{23,27}\.[\w-]{6}\.[\w-]{27,45}(?![\w-])"),
    ),
)
# How words begin in which they may be, None where a rule does not look at that.
_BY_BEGINNING = tuple((None if rule.hint[0] == "." else rule.hint[:2], rule) for rule in _IN_LONG_WORDS)
_TYPED = tuple(Rule("password", hint, re.compile(pattern)) for hint, pattern in _OPTIONS)
# The text that each of these rules needs, and the rules, in the order in which they are asked.
_GROUPS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    (" ", _FRAMES),
    *((sign, tuple(rule for rule in _ANYWHERE if sign in rule.hint)) for sign in (" ", "_", "/", "TT3x")),
    (
        ":",
        (
            Rule("api-key", ":AA", re.compile(r"\d(?<!\d\d)\d{7,9}:AA[\w-]{32,35}(?![\w-])")),  # Telegram
            Rule("api-key", ".ingest", re.compile(r"://(?P<value>[0-9a-f]{32})(?=@o\d+\.ingest)")),  # Sentry
            Rule(
                "password",
                "://",
                re.compile(r"://[^\s/:@\"'<>]{0,100}:(?P<value>(?![\[${<])[^\s/@\"'<>]{1,200})(?=@[\w.\[-])"),
            ),
        ),
    ),
    (
        " ",
        (
            Rule("api-key", "SSWS", re.compile(r"SSWS (?P<value>[\w-]{30,})")),  # Okta
            Rule("token", "earer", re.compile(r"[Bb]earer (?P<value>(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*)")),
            Rule(
                "token",
                "uthorization",
                re.compile(
                    r"[Aa]uthorization(?:\\?[\"'])?\s{0,3}[:=]\s{0,3}(?:\\?[\"'])?(?:[Bb]asic|[Bb]earer|[Tt]oken)"
                    r" (?P<value>(?!\[)[\w.~+/-]{8,}=*)"
                ),
            ),
        ),
    ),
    ("-p", tuple(rule for rule in _TYPED if rule.hint in ("sshpass", "pass:"))),
    (" -", tuple(rule for rule in _TYPED if rule.hint not in ("sshpass", "pass:"))),
    (
        "/",
        (
            Rule(
                "api-key",
                "hooks.slack",
                re.compile(r"hooks\.slack\.com/\w+/(?P<value>[A-Z0-9]+/[A-Z0-9]+/\w+)"),
            ),
            Rule("api-key", "/api/webhooks/", re.compile(r"/api/webhooks/\d+/(?P<value>[\w-]{30,})")),
            *(
                _rule("user", folder, rf"(?!Shared\b|Public\b)(?P<value>{_NAME})", not_after=r"\w.")
                for folder in ("/home/", "/Users/")
            ),
            Rule("user", "/Users/", re.compile(rf"/Users/(?<=/[A-Za-z]/Users/){_WINDOWS_NAME}")),
        ),
    ),
    (":", (Rule("user", "Users", re.compile(rf":[\\/]{{1,4}}Users[\\/]{{1,4}}{_WINDOWS_NAME}")),)),
    # Claude Code writes a folder's path as its name: -home-ann-src.
    (
        "-",
        tuple(_rule("user", folder, r"(?P<value>[A-Za-z0-9]+)(?=-)") for folder in ("-home-", "-Users-")),
    ),
)


def without_shapes(text: str, *, names: bool = True) -> str:
    """Return the text with what has the shape of a secret, and the `names` of people in paths, replaced."""
    words = set(_LONG_WORD.findall(text))
    if words:
        joined = "\n".join(words)
        beginnings = _beginnings(words)
        for beginning, rule in _BY_BEGINNING:
            if (beginning is None or beginning in beginnings) and rule.hint in joined:
                text = rule.pattern.sub(_mask(rule.kind), text)
    for needed, rules in _GROUPS:
        if needed in text:
            for rule in rules:
                if rule.hint in text and (names or rule.kind != "user"):
                    text = rule.pattern.sub(_mask(rule.kind), text)
    return text


def _beginnings(words: set[str]) -> set[str]:
    """Return how words begin, by two letters: from their first one, behind an escape's letter, behind a dot."""
    found = {word[:2] for word in words}
    found.update(word[1:3] for word in words if word[0] in "nrt")
    found.update(part[:2] for word in words if "." in word for part in word.split("."))
    return found


def _mask(kind: str) -> Callable[[re.Match[str]], str]:
    def mask(match: re.Match[str]) -> str:
        if "value" not in match.re.groupindex:
            return f"[redacted:{kind}]"
        start, end = match.start("value") - match.start(), match.end("value") - match.start()
        return f"{match[0][:start]}[redacted:{kind}]{match[0][end:]}"

    return mask
