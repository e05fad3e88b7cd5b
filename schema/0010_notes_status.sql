-- 0010: notes that age: what was decided once is not current for ever, and who reads it should see what took its place.

-- status is what note_changes says last, 'open' where it says nothing; resolved_at is since when a note is not open. supersedes
-- is the note that this one takes the place of; awaits names that note by what it says (time, kind and a digest of its text)
-- where it comes from another database and is not here yet.
ALTER TABLE notes ADD COLUMN status TEXT NOT NULL DEFAULT 'open'
  CHECK (status IN ('open', 'done', 'superseded', 'obsolete'));
ALTER TABLE notes ADD COLUMN supersedes INTEGER REFERENCES notes (id) ON DELETE SET NULL;
ALTER TABLE notes ADD COLUMN awaits TEXT;

CREATE INDEX idx_notes_supersedes ON notes (supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX idx_notes_awaits ON notes (awaits) WHERE awaits IS NOT NULL;

-- What has become of notes: each change of a note's status, when, and who made it. Rows are only ever added, so that two
-- databases with the same note agree once each has the other's.
CREATE TABLE note_changes (
  note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
  at TEXT NOT NULL CHECK (at GLOB '????-??-??T??:??:??.???Z'),
  status TEXT NOT NULL CHECK (status IN ('open', 'done', 'superseded', 'obsolete')),
  author TEXT,
  PRIMARY KEY (note_id, at, status)
) STRICT, WITHOUT ROWID;

-- Of two changes at the same instant, the one that closes the note counts.
CREATE TRIGGER note_changes_ai AFTER INSERT ON note_changes
BEGIN
  UPDATE notes SET
    status = (
      SELECT status FROM note_changes WHERE note_id = new.note_id
      ORDER BY at DESC, status = 'open', status DESC LIMIT 1
    ),
    resolved_at = (
      SELECT min(c.at) FROM note_changes AS c WHERE c.note_id = new.note_id AND c.status <> 'open' AND NOT EXISTS (
        SELECT 1 FROM note_changes AS o WHERE o.note_id = c.note_id AND o.status = 'open' AND o.at > c.at
      )
    )
  WHERE id = new.note_id;
END;

INSERT INTO note_changes (note_id, at, status) SELECT id, resolved_at, 'done' FROM notes WHERE resolved_at IS NOT NULL;
