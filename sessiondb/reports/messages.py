"""What each message of a session used, with its cost by its log, or by the table of prices."""

from __future__ import annotations

from dataclasses import replace

from sessiondb.chat.conversation import in_sum
from sessiondb.dao.tokens import Response, TokenCounts
from sessiondb.records import Transcript
from sessiondb.records.sessions import Tokens
from sessiondb.reports.prices.cost import PICODOLLARS, Spent, Terms, rates
from sessiondb.reports.prices.table import Table, load


def with_cost(counts: TokenCounts, transcript: Transcript) -> Transcript:
    """Return a transcript with the tokens of its messages, and what they and the whole session cost."""
    responses = counts.responses(transcript.session.id)
    if not responses:
        return transcript
    is_known = all(each.tokens.cost_microdollars is not None for each in responses)
    table = None if is_known else load()
    found: dict[int | None, list[Tokens]] = {}
    for each in responses:
        found.setdefault(each.message_id, []).append(_priced(each, table))
    spent = {id: tokens for id, parts in found.items() if id is not None and (tokens := in_sum(parts))}
    whole = in_sum([tokens for parts in found.values() for tokens in parts])
    cost = whole.cost_microdollars if whole else None
    session = replace(transcript.session, tokens=replace(transcript.session.tokens, cost_microdollars=cost))
    return replace(transcript, session=session, tokens=spent)


def _priced(response: Response, table: Table | None) -> Tokens:
    """Return tokens with their cost, None where nothing prices them."""
    tokens = response.tokens
    if tokens.cost_microdollars is not None or table is None:
        return tokens
    hour, longer = response.cache_write_1h or 0, response.cache_write_12h or 0
    taken, read = tokens.input or 0, tokens.cache_read or 0
    kept = max(tokens.cache_write or 0, (response.cache_write_5m or 0) + hour + longer)
    spent = Spent(taken, read, kept, hour, longer, tokens.output or 0, response.web_searches or 0)
    context = 0 if response.is_total else taken + read + (tokens.cache_write or 0)
    terms = Terms(
        response.model, response.day, context, response.service_tier, response.speed, response.inference_geo
    )
    found = rates(table, terms)
    cost = 0 if not any(spent) else None if found is None else found.cost(spent)
    return replace(tokens, cost_microdollars=None if cost is None else round(cost / PICODOLLARS))
