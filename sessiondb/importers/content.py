from sessiondb.content import (  # noqa: F401
    arguments_text,
    clean,
    clean_text,
    json_text,
    payload,
    text_and_parts,
    text_or_none,
    whole,
    without_payloads,
)
