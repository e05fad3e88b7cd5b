"""Tell a model where it is talking, and where it can send things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sessiondb.records import Channel


def context_prompt(
    channel: Channel, *, platforms: Iterable[str] = (), homes: Mapping[str, Channel] | None = None
) -> str:
    """Return a section for the system prompt: source, user, platforms, home channels, and ways of delivery.

    `platforms` are the names of those connected, `homes` the channel of each to which things go unless
    told otherwise.
    """
    homes = homes or {}
    lines = [
        "## This conversation",
        "",
        f"- Source: {_words(channel.platform)}, {_words(channel.description)}",
    ]
    if channel.user_name or channel.user_id:
        lines.append(f"- User: {_words(channel.user_name or channel.user_id)}")
    lines.append(f"- Connected platforms: {', '.join(dict.fromkeys(['local', *platforms]))}")
    if homes:
        lines.append("- Home channels:")
        lines += [f"  - {platform}: {_place(home)}" for platform, home in homes.items()]
    lines += [
        "",
        "What is done later or on a schedule can be delivered to:",
        f"- `origin`: this conversation ({_words(channel.description)})",
        "- `local`: a file on this machine, sent to nobody",
        *(f"- `{platform}`: its home channel, {_place(home)}" for platform, home in homes.items()),
        "- `platform:chat_id`: another chat, where the user names one",
    ]
    return "\n".join(lines) + "\n"


def _place(channel: Channel) -> str:
    name = _words(channel.chat_name or channel.description)
    return (
        f"{name} ({_words(channel.chat_id)})"
        if channel.chat_id and channel.chat_id != channel.chat_name
        else name
    )


def _words(text: object) -> str:
    """Return a name on one line: people choose their names, and must not write headings into a prompt."""
    return " ".join(str(text).split())
