-- 0003: search in scripts that SQLite's unicode61 tokenizer cannot cut into words. It keeps a whole run of Chinese or
-- Japanese as one token, and cuts an Arabic word at each of its vowel marks. Texts that hold such characters are kept a
-- second time with each CJK character spaced apart and the marks left out, under an index of their own.

-- The prepared texts: of which row they are, and for a note's translation in which language.
CREATE TABLE search_segments (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL CHECK (source IN ('message', 'tool_call', 'note', 'session')),
  row_id INTEGER NOT NULL,
  part TEXT NOT NULL DEFAULT '',
  content TEXT NOT NULL,
  UNIQUE (source, row_id, part)
) STRICT;

CREATE VIRTUAL TABLE search_segments_fts USING fts5 (
  content,
  content="search_segments", content_rowid="id", tokenize="porter unicode61 remove_diacritics 2"
);

INSERT INTO search_segments_fts (search_segments_fts, rank) VALUES ('automerge', 16), ('crisismerge', 1000);

CREATE TRIGGER search_segments_ai AFTER INSERT ON search_segments
BEGIN
  INSERT INTO search_segments_fts (rowid, content) VALUES (new.id, new.content);
END;

CREATE TRIGGER search_segments_ad AFTER DELETE ON search_segments
BEGIN
  INSERT INTO search_segments_fts (search_segments_fts, rowid, content) VALUES ('delete', old.id, old.content);
END;

CREATE TRIGGER search_segments_au AFTER UPDATE OF content ON search_segments
BEGIN
  INSERT INTO search_segments_fts (search_segments_fts, rowid, content) VALUES ('delete', old.id, old.content);
  INSERT INTO search_segments_fts (rowid, content) VALUES (new.id, new.content);
END;

-- Texts put in here are prepared and kept: what the triggers below, or any SQLite tool, writes through.
CREATE VIEW search_texts AS SELECT source, row_id, part, content AS text FROM search_segments;

CREATE TRIGGER search_texts_ii INSTEAD OF INSERT ON search_texts
WHEN new.part <> ''
  OR length(CAST(new.text AS BLOB)) > length(new.text)
  AND new.text GLOB '*[฀-໿က-႟ᄀ-ᇿក-៿々-꓏ꥠ-꥿가-퟿豈-﫿ｦ-ￜ𛀀-𛅯𠀀-𿿿֑-ֽֿׁ-ׂׄ-ׇׅؐ-ؚـً-ٰٟۖ-ۜ۟-۪ۨ-ۭ࣊-ࣿ]*'
BEGIN
  INSERT INTO search_segments (source, row_id, part, content)
  SELECT new.source, new.row_id, new.part, (
    WITH RECURSIVE
      chunk (number, text, rest) AS (
        SELECT 1, substr(new.text, 1, 500), substr(new.text, 501)
        UNION ALL
        SELECT number + 1, substr(rest, 1, 500), substr(rest, 501) FROM chunk WHERE rest <> ''
      ),
      letter (number, position, text, character) AS (
        SELECT number, 1, text, substr(text, 1, 1) FROM chunk
        UNION ALL
        SELECT number, position + 1, text, substr(text, position + 1, 1) FROM letter WHERE position < length(text)
      )
    SELECT group_concat(piece, '') FROM (
      SELECT CASE
        WHEN character GLOB '[฀-໿က-႟ᄀ-ᇿក-៿々-꓏ꥠ-꥿가-퟿豈-﫿ｦ-ￜ𛀀-𛅯𠀀-𿿿]' THEN ' ' || character || ' '
        WHEN character GLOB '[֑-ֽֿׁ-ׂׄ-ׇׅؐ-ؚـً-ٰٟۖ-ۜ۟-۪ۨ-ۭ࣊-ࣿ]' THEN ''
        ELSE character
      END AS piece
      FROM letter ORDER BY number, position
    )
  );
END;

CREATE TRIGGER messages_segments_ai AFTER INSERT ON messages
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'messages_fts') IS NULL
BEGIN
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('message', new.id, '', new.content);
END;

CREATE TRIGGER messages_segments_ad AFTER DELETE ON messages
BEGIN
  DELETE FROM search_segments WHERE source = 'message' AND row_id = old.id;
END;

CREATE TRIGGER messages_segments_au AFTER UPDATE OF content ON messages
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'messages_fts')
BEGIN
  DELETE FROM search_segments WHERE source = 'message' AND row_id = old.id AND part = '';
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('message', new.id, '', new.content);
END;

CREATE TRIGGER tool_calls_segments_ai AFTER INSERT ON tool_calls
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'tool_calls_fts') IS NULL
BEGIN
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('tool_call', new.id, '', coalesce(new.name, '') || ' ' || coalesce(new.arguments, '') || ' ' || coalesce(new.result, ''));
END;

CREATE TRIGGER tool_calls_segments_ad AFTER DELETE ON tool_calls
BEGIN
  DELETE FROM search_segments WHERE source = 'tool_call' AND row_id = old.id;
END;

CREATE TRIGGER tool_calls_segments_au AFTER UPDATE OF name, arguments, result ON tool_calls
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'tool_calls_fts')
BEGIN
  DELETE FROM search_segments WHERE source = 'tool_call' AND row_id = old.id AND part = '';
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('tool_call', new.id, '', coalesce(new.name, '') || ' ' || coalesce(new.arguments, '') || ' ' || coalesce(new.result, ''));
END;

CREATE TRIGGER notes_segments_ai AFTER INSERT ON notes
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'notes_fts') IS NULL
BEGIN
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('note', new.id, '', coalesce(new.body, '') || ' ' || coalesce(new.context, '') || ' ' || coalesce(new.resolution, ''));
END;

CREATE TRIGGER notes_segments_ad AFTER DELETE ON notes
BEGIN
  DELETE FROM search_segments WHERE source = 'note' AND row_id = old.id;
END;

CREATE TRIGGER notes_segments_au AFTER UPDATE OF body, context, resolution ON notes
WHEN old.id < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'notes_fts')
BEGIN
  DELETE FROM search_segments WHERE source = 'note' AND row_id = old.id AND part = '';
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('note', new.id, '', coalesce(new.body, '') || ' ' || coalesce(new.context, '') || ' ' || coalesce(new.resolution, ''));
END;

CREATE TRIGGER sessions_segments_ai AFTER INSERT ON sessions
WHEN (SELECT pending_from FROM search_state WHERE index_name = 'sessions_fts') IS NULL
BEGIN
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('session', new.rowid, '', new.title);
END;

CREATE TRIGGER sessions_segments_ad AFTER DELETE ON sessions
BEGIN
  DELETE FROM search_segments WHERE source = 'session' AND row_id = old.rowid;
END;

CREATE TRIGGER sessions_segments_au AFTER UPDATE OF title ON sessions
WHEN old.rowid < (SELECT coalesce(pending_from, 9223372036854775807) FROM search_state WHERE index_name = 'sessions_fts')
BEGIN
  DELETE FROM search_segments WHERE source = 'session' AND row_id = old.rowid AND part = '';
  INSERT INTO search_texts (source, row_id, part, text)
  VALUES ('session', new.rowid, '', new.title);
END;

-- Translations are searched in their prepared form only, whatever their script.
CREATE TRIGGER note_translations_ai AFTER INSERT ON note_translations
BEGIN
  INSERT INTO search_texts (source, row_id, part, text) VALUES ('note', new.note_id, new.lang, new.body);
END;

CREATE TRIGGER note_translations_ad AFTER DELETE ON note_translations
BEGIN
  DELETE FROM search_segments WHERE source = 'note' AND row_id = old.note_id AND part = old.lang;
END;

CREATE TRIGGER note_translations_au AFTER UPDATE OF body ON note_translations
BEGIN
  DELETE FROM search_segments WHERE source = 'note' AND row_id = old.note_id AND part = old.lang;
  INSERT INTO search_texts (source, row_id, part, text) VALUES ('note', new.note_id, new.lang, new.body);
END;
