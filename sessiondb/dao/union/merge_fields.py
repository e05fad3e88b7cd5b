"""What becomes of a session that two databases hold: pure functions over its rows."""

from __future__ import annotations

from msgspec import structs

from sessiondb.chat.titles import is_last_resort
from sessiondb.dao.union.incoming import TITLE_RANK, merged_json
from sessiondb.records.export_rows import SessionRow, raw_json, storable_json


def united(ours: SessionRow, theirs: SessionRow) -> SessionRow:
    """Return the session that both are.

    What one of them does not know, the other says. Where both know it, ours stays for what identifies the
    session, and the one that was active later says what its model and metadata are. A person's title goes
    before the agent's, that before the first prompt. Whether it has ended is what was said of it last. Tags
    add up; pinned in one is pinned.
    """
    # "Later" is by last activity: two databases have no common clock for when a field was set.
    newer, older = (theirs, ours) if theirs.last_active_at > ours.last_active_at else (ours, theirs)
    last = max((ours, theirs), key=lambda row: (row.ended_at or row.last_active_at, row.ended_at is not None))
    titled = max((newer, older), key=lambda row: TITLE_RANK[row.title_source] if row.title else -1)
    if titled.title_source == "prompt":
        # Of two first prompts that of the one that began earlier is the first of both.
        prompts = (row for row in (newer, older) if row.title)
        titled = min(prompts, key=lambda row: (is_last_resort(row.title), row.started_at))
    located = ours if ours.project or ours.project_name else theirs
    descended = ours if ours.parent_id else theirs
    return structs.replace(
        ours,
        started_at=min(ours.started_at, theirs.started_at),
        last_active_at=newer.last_active_at,
        native_id=ours.native_id or theirs.native_id,
        key=ours.key or theirs.key,
        project=located.project,
        project_name=located.project_name,
        channel=ours.channel or theirs.channel,
        parent_id=descended.parent_id,
        relation=descended.relation,
        title=titled.title,
        title_source=titled.title_source,
        model=newer.model or older.model,
        ended_at=last.ended_at,
        end_reason=last.end_reason,
        pinned=ours.pinned or theirs.pinned,
        origin=ours.origin or theirs.origin,
        tags=sorted({*ours.tags, *theirs.tags}),
        metadata=raw_json(merged_json(storable_json(older.metadata), storable_json(newer.metadata))),
    )


def outlives(session: SessionRow, deleted_at: str) -> bool:
    """Say whether a session that one database removed lives on: it is pinned, or went on after that."""
    return session.pinned or session.last_active_at > deleted_at
