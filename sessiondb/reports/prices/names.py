"""The names that logs give a model, from the one they write to plainer ones that a price table may have.

anthropic/claude-opus-4.6              a provider's prefix, and dots for hyphens
us.anthropic.claude-sonnet-4-5-20250929-v1:0    Bedrock: a region, a maker, a date and a revision
claude-sonnet-4-5@20250929             Vertex: a date after an at sign
claude-opus-4-6[1m], gpt-5.2-2025-12-11, gemini-2.5-pro-latest
gpt-5-codex-high                       an effort that a tool writes behind the model
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_REGION = re.compile(
    r"(?:^|[/.])(us-gov|us|eu|apac|au|jp|ca|sa|global)\.(?:anthropic|amazon|meta|mistral|deepseek)\."
)
_MAKER = re.compile(
    r"^(?:[a-z0-9-]+\.)?(?:anthropic|amazon|meta|mistral|deepseek|qwen|openai|moonshotai?|minimax|zai)\."
)
# us.anthropic.claude-sonnet-4-5-20250929-v1:0, as `candidates` tries it, each time as little as can be taken off:
#
#     us.anthropic.claude-sonnet-4-5-20250929-v1:0       as written
#     us.anthropic.claude-sonnet-4-5-20250929            without the revision
#     us.anthropic.claude-sonnet-4-5                     without the day
#     claude-sonnet-4-5-20250929-v1:0                    without region and maker; and then the same steps
#     claude-sonnet-4-5-20250929
#     claude-sonnet-4-5
#
# The first that the table has counts, so that a model whose price has changed may have an entry for one of its days.
_STEPS = (
    re.compile(r"\[\d+[km]\]$"),  # Claude Code's mark of a longer context
    re.compile(r"-v\d+(?::\d+)?(?::\d+k)?$|:\d+$"),  # Bedrock's revision
    re.compile(r"@(?:\d{8}|default|latest)$"),  # Vertex's date
    re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d)$"),  # a day of release
    re.compile(r"-(?:0[1-9]|1[0-2])-(?:20\d\d)$|-(?:preview|exp)-(?:0[1-9]|1[0-2])-[0-3]\d$"),
    re.compile(r"-(?:0[1-9]|1[0-2])[0-3]\d$|-(?:0[1-9]|1[0-2])-[0-3]\d$"),  # a month and day
    re.compile(r"-latest$"),
    re.compile(r"-(?:minimal|low|medium|high|xhigh)$"),  # an effort
    re.compile(r"-(?:thinking|maas)$|:thinking$"),
)
_VERSION = re.compile(r"(?<=\d)[.](?=\d)")
_OLD_ORDER = re.compile(r"^claude-(\d)(?:[.-](\d))?-(opus|sonnet|haiku)")


def region(name: str) -> str | None:
    """Return the region of a name of Amazon Bedrock, None for any other: us, eu, global, us-gov, ..."""
    match = _REGION.search(name.lower())
    return match[1] if match else None


def candidates(name: str) -> Iterator[str]:
    """Yield the names to look for, the one as written first, in lower case."""
    given = name.strip().lower()
    plain = _MAKER.sub("", given.rpartition("/")[2])
    for whole in dict.fromkeys((given, plain)):
        yield from _plainer(whole)


def _plainer(name: str) -> Iterator[str]:
    yield from _spellings(name)
    # One addition after the other, in the order in which they are written from the end: each shorter name is
    # tried before more is taken off, for a table may have the dated one.
    for step in _STEPS:
        shorter = step.sub("", name)
        if shorter != name:
            name = shorter
            yield from _spellings(name)


def _spellings(name: str) -> Iterator[str]:
    """Yield a name, and the same with its version after the family and between hyphens, as Anthropic writes it."""
    yield name
    if not name.startswith("claude"):
        return
    hyphens = _VERSION.sub("-", name)
    if hyphens != name:
        yield hyphens
    old = _OLD_ORDER.match(hyphens)
    if old:
        version = "-".join(filter(None, old.groups()[:2]))
        yield f"claude-{old[3]}-{version}{hyphens[old.end() :]}"
