"""Write conversations as ChatGPT exports them."""

from __future__ import annotations

from typing import Any

ID = "6f0f2c1e-8f0b-4e52-9c8b-0b7a3e1f5d11"
START = 1772323200.5  # 2026-03-01T00:00:00.500Z
HIDDEN = {"is_visually_hidden_from_conversation": True}


def node(name: str, parent: str | None, message: Any) -> dict[str, Any]:
    return {"id": name, "parent": parent, "children": [], "message": message}


def message(name: str, role: str, content: Any, second: float | None = None, **more: Any) -> dict[str, Any]:
    """Return a message; text stands for the usual content."""
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    return {
        "id": name,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": None if second is None else START + second,
        "content": content,
        "status": "finished_successfully",
        "weight": 1.0,
        "recipient": "all",
        "metadata": {},
        **more,
    }
