"""Ids for messages of stores that give none and write a session anew with every step."""

from __future__ import annotations

import hashlib

from sessiondb.importers.base import Fingerprints

_BEGINNING = 12


class TurnIds:
    """Name a message by the prompt before it, its place after that, and how it begins.

    So an answer that has grown is the same one, and what follows a prompt that a person has changed is new.
    """

    def __init__(self) -> None:
        self._name = Fingerprints({})
        self._prompt = "begin"
        self._place = 0

    def prompt(self, own: str | None, text: str | None) -> str:
        """Return the id of a prompt: its own, else one by what it says."""
        self._prompt = own or self._name("", text)
        self._place = 0
        return self._prompt

    def answer(self, text: str | None, call_id: str | None = None) -> str:
        """Return the id of an answer; one that calls tools is known by its first call."""
        self._place += 1
        begins = call_id or (text or "").lstrip()[:_BEGINNING]
        digest = hashlib.sha256(begins.encode("utf-8", "replace")).hexdigest()[:8]
        return f"{self._prompt}.{self._place}.{digest}"
