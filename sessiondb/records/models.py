"""The names of models, as people write them."""

from __future__ import annotations

import re

_MAKER = re.compile(r"^(?:[a-z0-9-]+\.)?(?:anthropic|amazon|meta|mistral|deepseek|qwen)\.")
_RELEASE = re.compile(r"(?:-v\d+(?::\d+)?|@\w+|-20\d{6}|-20\d\d-\d\d-\d\d|-latest)+$")


def short_model(name: str) -> str:
    """Return a model's name without provider, maker and day of release: `opus-4-6`, `gpt-5.2`, `gemini-2.5-pro`."""
    plain = _RELEASE.sub("", _MAKER.sub("", name.rpartition("/")[2]))
    family = plain.removeprefix("claude-")
    # The older ones put the version first: "3-opus" alone would be no name.
    return (plain if family[:1].isdigit() else family) or name
