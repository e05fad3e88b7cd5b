"""Make logs as coding agents leave them, the same for the same seed.

Nine sessions in ten are Claude Code's, the tenth nanobot's. Tool output is most of the bytes and heavy-tailed; an API
response is written as one line a block, each repeating its usage; the structured copy of a tool's answer doubles it;
three sessions in a hundred are Chinese; one in two hundred ends in a torn line.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

_SYLLABLES = (
    "ka",
    "re",
    "mi",
    "to",
    "lu",
    "sen",
    "dor",
    "vi",
    "pla",
    "gro",
    "ne",
    "sa",
    "tur",
    "el",
    "fi",
    "bra",
    "ul",
)
_NOUNS = (
    "parser",
    "index",
    "cache",
    "token",
    "branch",
    "schema",
    "worker",
    "queue",
    "filter",
    "column",
    "buffer",
)
_HAN = "数据库测试修改服务端口部署配置昨晚问题解决分支合并缓存索引查询消息会话记忆文件错误日志"
_BEGIN = datetime(2025, 1, 1, tzinfo=timezone.utc)


def make(folder: Path, megabytes: float, seed: int = 1) -> int:
    """Write logs of about so many megabytes below a folder; return how many bytes they are."""
    words = vocabulary(random.Random(seed))
    size = number = 0
    while size < megabytes * 1e6:
        session = _Session(random.Random(f"{seed} {number}"), words, number)
        path = folder / session.path
        path.parent.mkdir(parents=True, exist_ok=True)
        data = session.text().encode()
        path.write_bytes(data)
        size += len(data)
        number += 1
    return size


def vocabulary(chance: random.Random) -> list[str]:
    """Return 40,000 made-up words, the frequent ones first."""
    made = ("".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(40_000))
    return list(dict.fromkeys([*_NOUNS, *made]))


class _Session:
    def __init__(self, chance: random.Random, words: list[str], number: int) -> None:
        self._chance = chance
        self._words = words
        self._moment = _BEGIN + timedelta(minutes=37 * number)
        self._is_chinese = chance.random() < 0.03
        self._is_nanobot = number % 10 == 3
        self._is_torn = number % 200 == 77
        self._id = f"{chance.getrandbits(32):08x}-0000-4000-8000-{number:012x}"
        self._key = f"telegram:{number}"
        self._parent: str | None = None
        self.path = (
            Path("nanobot/sessions") / f"{self._key.replace(':', '_')}.jsonl"
            if self._is_nanobot
            else Path("claude/projects") / f"-home-dev-project-{number % 40}" / f"{self._id}.jsonl"
        )

    def text(self) -> str:
        turns = max(1, min(100, int(self._chance.lognormvariate(0.3, 1.0))))
        lines = list(self._nanobot(turns) if self._is_nanobot else self._claude(turns))
        body = "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines) + "\n"
        return body + body[-400:-200].replace("\n", " ") if self._is_torn else body

    def _claude(self, turns: int) -> Iterator[dict[str, Any]]:
        for _ in range(turns):
            yield self._line("user", {"role": "user", "content": self._prose(200)})
            for _ in range(1 + int(self._chance.expovariate(0.35))):
                yield from self._response()

    def _response(self) -> Iterator[dict[str, Any]]:
        call, output = self._name("toolu"), self._output()
        usage = {
            "input_tokens": self._chance.randrange(2, 40),
            "cache_creation_input_tokens": self._chance.randrange(100, 4000),
            "cache_read_input_tokens": self._chance.randrange(8000, 150_000),
            "output_tokens": self._chance.randrange(20, 900),
        }
        blocks = [
            {"type": "thinking", "thinking": self._prose(350), "signature": self._name("sig") * 12},
            {"type": "text", "text": self._prose(300)},
            {"type": "tool_use", "id": call, "name": "Read", "input": {"file_path": self._file()}},
        ]
        about = {"id": self._name("msg"), "type": "message", "role": "assistant", "model": "claude-opus-4-5"}
        for block in blocks[self._chance.randrange(3) :]:
            message = {**about, "content": [block], "stop_reason": None, "usage": usage}
            yield self._line("assistant", message) | {"requestId": f"req_{about['id']}"}
        answer = {"type": "tool_result", "tool_use_id": call, "content": output, "is_error": False}
        structured = {"type": "text", "file": {"filePath": self._file(), "content": output}}
        yield self._line("user", {"role": "user", "content": [answer]}) | {"toolUseResult": structured}

    def _nanobot(self, turns: int) -> Iterator[dict[str, Any]]:
        yield {
            "_type": "metadata",
            "key": self._key,
            "created_at": self._now()[:-1],
            "metadata": {},
            "last_consolidated": 0,
        }
        for _ in range(turns):
            yield {"role": "user", "content": self._prose(150), "timestamp": self._now()[:-1]}
            yield {"role": "assistant", "content": self._prose(500), "timestamp": self._now()[:-1]}

    def _line(self, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        uuid = f"{self._chance.getrandbits(32):08x}-1111-4000-8000-{self._chance.getrandbits(48):012x}"
        line = {
            "parentUuid": self._parent,
            "isSidechain": False,
            "cwd": "/home/dev/project",
            "sessionId": self._id,
            "version": "2.0.1",
            "gitBranch": "main",
            "type": kind,
            "message": message,
            "uuid": uuid,
            "timestamp": self._now(),
        }
        self._parent = uuid
        return line

    def _output(self) -> str:
        size = min(100_000, int(1500 * math.exp(self._chance.gauss(0, 1.5))))
        lines = (
            f"{n:6}→    {self._word()}_{self._word()} = {self._word()}.get({self._word()})"
            for n in range(size // 60 + 1)
        )
        return "\n".join(lines)

    def _prose(self, size: int) -> str:
        length = max(3, int(size * self._chance.lognormvariate(-0.3, 0.9)) // 6)
        if self._is_chinese:
            return "".join(self._chance.choices(_HAN, k=2 * length)) + " " + self._word() + "。"
        return " ".join(self._word() for _ in range(length)).capitalize() + "."

    def _word(self) -> str:
        # Zipf-like: the few words at the front make up most of a text.
        return self._words[int(len(self._words) ** self._chance.random()) - 1]

    def _file(self) -> str:
        return f"/home/dev/src/{self._word()}/{self._word()}.py"

    def _name(self, prefix: str) -> str:
        return f"{prefix}_01{self._chance.getrandbits(88):022x}"

    def _now(self) -> str:
        self._moment += timedelta(seconds=self._chance.randrange(1, 20))
        return self._moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
