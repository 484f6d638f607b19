"""A server on loopback that speaks OpenAI's chat completions, and says what its script says."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Turn:
    """One answer of the script."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds before the answer."""

    n_lost: int = 0
    """Bytes at the end that do not come, since the server is gone."""

    output: str | None = None
    """JSON to answer in the way that is asked for, in place of the body ..."""

    tokens: tuple[int, int] = (100, 20)
    """... and what it costs, in and out."""

    def bytes_for(self, asked: dict[str, Any]) -> bytes:
        body = self.body if self.output is None else _answer(self.output, asked, self.tokens)
        return body if isinstance(body, bytes) else json.dumps(body).encode()


@dataclass
class ModelServer:
    """What a test sees of the server; the last turn of the script is repeated."""

    script: list[Turn]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def next_turn(self) -> Turn:
        return self.script[min(len(self.asked), len(self.script)) - 1]


def says(output: Any, tokens: tuple[int, int] = (100, 20)) -> Turn:
    """Answer as it is asked for: by a tool call, or as JSON."""
    return Turn(output=output if isinstance(output, str) else json.dumps(output), tokens=tokens)


def _answer(output: str, asked: dict[str, Any], tokens: tuple[int, int]) -> dict[str, Any]:
    if "tools" not in asked:
        return _completion({"role": "assistant", "content": output}, "stop", tokens)
    function = {"name": asked["tools"][0]["function"]["name"], "arguments": output}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return _completion(message, "tool_calls", tokens)


def chats(text: str, reason: str = "stop", **more: str) -> Turn:
    """Answer in these words, such as in prose, which nobody asked for."""
    message = {"role": "assistant", "content": text, **more}
    return Turn(body=_completion(message, reason, (50, 5)))


def _completion(message: dict[str, Any], reason: str, tokens: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
        },
    }


@contextmanager
def serving(*script: Turn) -> Iterator[ModelServer]:
    """Serve a script on a free port of loopback."""
    state = ModelServer(list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            state.asked.append(json.loads(self.rfile.read(length)))
            state.keys.append(
                self.headers.get("Authorization") or self.headers.get("X-Api-Key") or ""
            )
            turn = state.next_turn()
            time.sleep(turn.wait)
            body = turn.bytes_for(state.asked[-1])
            try:
                self.send_response(turn.status)
                for name, value in {"Content-Type": "application/json", **turn.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) - turn.n_lost])
            except OSError:
                pass  # the client has not waited

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
