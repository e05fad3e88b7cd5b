"""The restore prompt: what is known, in Markdown, in a language, within a token budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sessiondb import timestamps
from sessiondb.chat.token_estimate import text_tokens
from sessiondb.errors import InvalidInput
from sessiondb.records import Note
from sessiondb.storage.values import mapping, one_text, row_limit

if TYPE_CHECKING:
    from sessiondb.records import Knowledge

SIZES: dict[str, int | None] = {
    "workstreams": None,
    "decisions": 5,
    "questions": None,
    "failures": 3,
    "wins": 3,
    "followups": None,
}
"""How many of each are shown unless told; None is all."""

HEADINGS = {
    "en": {
        "title": "Where things stand",
        "project": "Project",
        "session": "Session",
        "updated": "Last update",
        "summary": "Context",
        "workstreams": "Workstreams",
        "decisions": "Decisions",
        "questions": "Open questions",
        "failures": "Failures",
        "wins": "Wins",
        "followups": "Follow-ups",
        "shown": "{shown} of {total}",
        "by": "by {name}",
        "for": "for {name}",
        "due": "due {day}",
        "overdue": "OVERDUE since {day}",
        "resolved": "Resolved: {how}",
        "advice": "Go on from here: overdue follow-ups first. Keep to what was decided until more is known.",
    },
    "ar": {
        "title": "أين وصل العمل",
        "project": "المشروع",
        "session": "الجلسة",
        "updated": "آخر تحديث",
        "summary": "السياق",
        "workstreams": "مسارات العمل",
        "decisions": "القرارات",
        "questions": "الأسئلة المفتوحة",
        "failures": "الإخفاقات",
        "wins": "النجاحات",
        "followups": "المتابعات",
        "shown": "{shown} من {total}",
        "by": "بقرار من {name}",
        "for": "على {name}",
        "due": "موعدها {day}",
        "overdue": "متأخرة منذ {day}",
        "resolved": "الحل: {how}",
        "advice": "تابع من هنا: ابدأ بالمتابعات المتأخرة، والتزم بالقرارات ما لم يظهر جديد يخالفها.",
    },
}
"""The fixed words, by language."""

# What goes first where the budget is short, and from which end of its list.
_LEFT_OUT = (
    ("wins", 0),
    ("failures", 0),
    ("decisions", 0),
    ("questions", 0),
    ("workstreams", -1),
    ("followups", -1),
)


@dataclass(slots=True)
class _Section:
    name: str
    total: int
    lines: list[str]


class Brief:
    """How to write a restore prompt."""

    def __init__(
        self,
        lang: str,
        headings: Mapping[str, str] | None,
        now: datetime | None,
        sizes: Mapping[str, int | None],
        *,
        numbered: bool = False,
    ) -> None:
        unknown = sorted(set(sizes) - set(SIZES))
        if unknown:
            raise InvalidInput(f"unknown size {unknown[0]!r}: give some of {', '.join(SIZES)}")
        for name, size in sizes.items():
            row_limit(size, name)
        self._lang = one_text(lang, "lang")
        self._words = {
            **HEADINGS.get(lang.partition("-")[0].lower(), HEADINGS["en"]),
            **mapping(headings or {}, "headings"),
        }
        self._now = timestamps.aware(now)
        self._sizes = {**SIZES, **sizes}
        self._numbered = numbered

    def text(self, knowledge: Knowledge, max_tokens: int | None) -> str:
        """Return the prompt; over budget it loses its oldest wins, failures, decisions, at last its end."""
        sections = self._sections(knowledge)
        by_name = {section.name: section for section in sections}
        text = self._joined(knowledge, sections)
        if max_tokens is None:
            return text
        for name, end in _LEFT_OUT:
            while text_tokens(text) > max_tokens and by_name[name].lines:
                by_name[name].lines.pop(end)
                text = self._joined(knowledge, sections)
        return text if text_tokens(text) <= max_tokens else _cut(text, max_tokens)

    def _sections(self, knowledge: Knowledge) -> list[_Section]:
        written = {
            "workstreams": self._body,
            "decisions": self._decision,
            "questions": self._body,
            "failures": self._failure,
            "wins": self._with_context,
            "followups": self._followup,
        }
        sections = []
        for name, line_of in written.items():
            number = "[{}] ".format if self._numbered else "".format
            all_lines = [number(note.id) + line_of(note) for note in getattr(knowledge, name)]
            size = self._sizes[name]
            size = len(all_lines) if size is None else size
            # Of what has happened the latest, of what is to be done the first.
            shown = (
                all_lines[:size]
                if name in ("workstreams", "followups")
                else all_lines[len(all_lines) - size :]
            )
            sections.append(_Section(name, len(all_lines), shown if size else []))
        return sections

    def _joined(self, knowledge: Knowledge, sections: list[_Section]) -> str:
        words = self._words
        lines = [f"# {words['title']}", ""]
        if knowledge.project:
            lines.append(f"{words['project']}: {knowledge.project}")
        if knowledge.session:
            lines.append(f"{words['session']}: {knowledge.session.title or knowledge.session.id}")
        if knowledge.updated_at:
            lines.append(f"{words['updated']}: {timestamps.local_text(knowledge.updated_at)}")
        if knowledge.summary:
            lines += ["", f"## {words['summary']}", "", self._body(knowledge.summary)]
        for section in sections:
            if section.total:
                shown = words["shown"].format(shown=len(section.lines), total=section.total)
                is_cut = len(section.lines) < section.total
                lines += ["", f"## {words[section.name]}{f' ({shown})' if is_cut else ''}", ""]
                lines += [f"- {_indented(line)}" for line in section.lines]
        return "\n".join([*lines, "", words["advice"], ""])

    def _body(self, note: Note) -> str:
        return (
            note.translations.get(self._lang)
            or note.translations.get(self._lang.partition("-")[0])
            or note.body
        )

    def _with_context(self, note: Note) -> str:
        return f"{self._body(note)} ({note.context})" if note.context else self._body(note)

    def _decision(self, note: Note) -> str:
        by = f", {self._words['by'].format(name=note.author)}" if note.author else ""
        return f"{timestamps.local_text(note.created_at)}: {self._with_context(note)}{by}"

    def _failure(self, note: Note) -> str:
        resolved = self._words["resolved"].format(how=note.resolution) if note.resolution else ""
        return f"{self._with_context(note)}. {resolved}" if resolved else self._with_context(note)

    def _followup(self, note: Note) -> str:
        text = self._body(note)
        if note.due_at:
            stamp = timestamps.normalise(note.due_at)
            day = timestamps.local_text(stamp) if stamp and len(note.due_at) > 10 else note.due_at
            due = self._words["overdue" if self._is_overdue(note.due_at) else "due"].format(day=day)
            text = f"[{due}] {text}"
        return f"{text} ({self._words['for'].format(name=note.assignee)})" if note.assignee else text

    def _is_overdue(self, due_at: str) -> bool:
        stamp = timestamps.normalise(due_at)
        if stamp is None:
            return False
        if len(due_at) == 10:  # a day is over when the next one begins
            return due_at < self._now.astimezone(timestamps.zone(None)).date().isoformat()
        return stamp < timestamps.from_datetime(self._now)


def followup_order(note: Note) -> tuple[int, str, str]:
    """Return what follow-ups are sorted by: those due at a known time, then at another, then the rest."""
    stamp = timestamps.normalise(note.due_at) if note.due_at else None
    return (0 if stamp else 1 if note.due_at else 2, stamp or note.due_at or "", note.created_at)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _cut(text: str, tokens: int) -> str:
    return text.encode()[: max(0, tokens * 4 - 3)].decode(errors="ignore") + "…" if tokens > 0 else ""
