"""What a person typed -> a parsed query -> FTS5 expressions and filters. Pure and cheap to import."""

from __future__ import annotations

from sessiondb.query.explain import explain
from sessiondb.query.expressions import (
    Relaxed,
    exclusion_expression,
    for_json,
    form_expressions,
    is_searchable,
    marked_strings,
    match_expression,
    relaxed_expressions,
    relaxed_segment_expressions,
    segment_exclusion_expression,
    segment_expression,
    symbolic_words,
)
from sessiondb.query.parse import (
    CHOICE_FIELDS,
    ROLES,
    And,
    Choice,
    Filters,
    Node,
    Not,
    Or,
    Query,
    Term,
    parse,
)
from sessiondb.query.questions import Period, is_plain, is_question, period_of
from sessiondb.query.spellings import glued, one_edit
from sessiondb.query.text import SPACED_RANGES, STRIPPED_RANGES, clean, needs_segments, segment, tokens
from sessiondb.query.word_forms import base_forms

__all__ = [
    "CHOICE_FIELDS",
    "ROLES",
    "SPACED_RANGES",
    "STRIPPED_RANGES",
    "And",
    "Choice",
    "Filters",
    "Node",
    "Not",
    "Or",
    "Period",
    "Query",
    "Relaxed",
    "Term",
    "base_forms",
    "clean",
    "exclusion_expression",
    "explain",
    "for_json",
    "form_expressions",
    "glued",
    "is_plain",
    "is_question",
    "is_searchable",
    "marked_strings",
    "match_expression",
    "needs_segments",
    "one_edit",
    "parse",
    "period_of",
    "relaxed_expressions",
    "relaxed_segment_expressions",
    "segment",
    "segment_exclusion_expression",
    "segment_expression",
    "symbolic_words",
    "tokens",
]
