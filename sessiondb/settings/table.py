"""All settings there are: their names, what they take, and what holds where nobody says otherwise."""

from __future__ import annotations

from sessiondb.settings.kinds import (
    Choice,
    Color,
    FilePath,
    Folders,
    Number,
    Seconds,
    Setting,
    Switch,
    Texts,
    Zone,
)

DATABASE = FilePath(
    "database", None, "The database. Default: a place for user data.", variable="SESSIONDB_PATH"
)
TIME_ZONE = Zone(
    "time_zone", None, "The zone of days, and of times that name none. Default: the machine's.", variable="TZ"
)
COLOR = Color("color", "auto", "Print in color: auto, always or never.")
PRICES = FilePath(
    "prices", None, "A JSON file of prices that goes over the table of prices.", variable="SESSIONDB_PRICES"
)
LIST_LIMIT = Number("limits.list", 20, "Sessions that `list` shows; 0 means all.")
SEARCH_LIMIT = Number("limits.search", 20, "Hits that `search` shows; 0 means all.")
IGNORED_FOLDERS = Folders("import.ignore_folders", (), "Folders with logs that are never imported.")
IGNORED_PROJECTS = Texts(
    "import.ignore_projects",
    (),
    "Projects, by folder or name, that are never imported.",
)
AIDER_ROOTS = Texts(
    "import.aider_roots",
    (),
    "Folders below which `import auto` looks for the histories that Aider leaves in projects.",
)
REDACTION = Choice(
    "import.redact",
    "off",
    "What an import takes out of texts: off, secrets, or all (secrets and personal data).",
    choices=("off", "secrets", "all"),
)
STALE_NOTICE = Switch(
    "freshness.notice", True, "Whether commands that read say that logs have grown since the last import."
)
STALE_HOURS = Number("freshness.hours", 24, "Hours after an import in which they do not.")
KEEP_ONLY_COPIES = Switch(
    "keep_only_copies",
    False,
    "Whether `prune` keeps imported sessions whose log is gone or cannot be reached.",
    variable="SESSIONDB_KEEP_ONLY_COPIES",
)
HOOK_ENABLED = Switch(
    "hook.enabled", True, "Whether the hooks of agents do anything.", variable="SESSIONDB_HOOK"
)
HOOK_TOKENS = Number(
    "hook.tokens",
    500,
    "Tokens that a hook tells the agent at most, about.",
    variable="SESSIONDB_HOOK_TOKENS",
)
HOOK_PROMPTS = Switch(
    "hook.prompts",
    False,
    "Whether a hook at a prompt points to an earlier session that is clearly about the same.",
    variable="SESSIONDB_HOOK_PROMPTS",
)
HOOK_SECONDS = Seconds("hook.lock_seconds", 2.0, "Seconds that a hook waits for another writer.")

SETTINGS: tuple[Setting[object], ...] = (
    DATABASE, TIME_ZONE, COLOR, PRICES, KEEP_ONLY_COPIES, LIST_LIMIT, SEARCH_LIMIT, IGNORED_FOLDERS, IGNORED_PROJECTS,
    AIDER_ROOTS, REDACTION, STALE_NOTICE, STALE_HOURS, HOOK_ENABLED, HOOK_TOKENS, HOOK_PROMPTS, HOOK_SECONDS,
)  # fmt: skip
"""All settings, in the order in which people read them."""
