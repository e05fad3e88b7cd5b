"""Conversations in the formats of the agents, for an agent to go on with. One file an agent.

Each is written with the least that its agent resumes, found by trying the agents themselves, and in the form that its
importer reads. What only the agent's provider could use is not there: signed reasoning, images (only their hashes are
kept), and instructions, which the agent gives anew.
"""

from __future__ import annotations

from sessiondb.exchange.native.writers import WRITERS, Writer, writer

__all__ = ["WRITERS", "Writer", "writer"]
