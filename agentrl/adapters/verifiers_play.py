"""One rollout of the package verifiers, turn by turn: it runs in a thread, and its model waits for us."""

import asyncio
import json
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agentrl.errors import DeadlineError, RunError
from agentrl.toolcalls import Said

KEY = "AGENTRL_NO_KEY"
"""a variable that nobody sets: the server in this process asks for no key"""

LONG = 500
"""characters of a failure that are told: its beginning, and its end, where tracebacks have the cause"""


@dataclass(frozen=True, slots=True)
class Event:
    """A request of the rollout, or its end."""

    request: Mapping[str, Any] | None = None
    reward: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    failure: str = ""


class Play:
    """A rollout that has begun."""

    def __init__(self, config: Any, task: Any, timeout: float) -> None:
        self._timeout = timeout
        self._events: queue.Queue[Event] = queue.Queue()
        self._replies: queue.Queue[Mapping[str, Any] | None] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._events, self._replies))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._run, args=(config, task, url), daemon=True).start()

    def next(self) -> Event:
        """Return the next request, or the end.

        Errors: DeadlineError where neither comes in time; RunError where the rollout failed.
        """
        try:
            event = self._events.get(timeout=self._timeout)
        except queue.Empty:
            self.stop()
            raise DeadlineError(f"the rollout neither asked nor ended within {self._timeout:g} s") from None
        if event.failure:
            self.stop()
            raise RunError(event.failure)
        return event

    def answer(self, message: Mapping[str, Any]) -> None:
        """Answer the request."""
        self._replies.put(message)

    def stop(self) -> None:
        """End the rollout and the server, without waiting for either."""
        self._replies.put(None)
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
        threading.Thread(target=self._closed, daemon=True).start()

    def _closed(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _run(self, config: Any, task: Any, url: str) -> None:
        try:
            asyncio.run(self._rollout(config, task, url))
        except (Exception, asyncio.CancelledError) as why:
            self._events.put(Event(failure=f"{type(why).__name__}: {' '.join(str(why).split())}"))

    async def _rollout(self, config: Any, task: Any, url: str) -> None:
        import verifiers.v1 as vf

        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        env = vf.load_environment(config)
        context = vf.ModelContext(
            model="agentrl", client=vf.EvalClientConfig(base_url=url, api_key_var=KEY), sampling=vf.Sampling()
        )
        async with env.serving():
            episode = await env.run_episode(task, context)
        self._events.put(_end(episode))


def _end(episode: Any) -> Event:
    """Return what an episode came to."""
    wrong = [*episode.errors, *(error for trace in episode.traces for error in trace.errors)]
    if wrong:
        last = wrong[-1]
        said = " ".join(last.message.split())
        cut = said if len(said) <= LONG else f"{said[: LONG // 2]} ... {said[-LONG // 2 :]}"
        return Event(failure=f"{last.type}: {cut}")
    rewards: dict[str, float] = {}
    metrics: dict[str, float] = {}
    for trace in episode.traces:
        rewards |= {name: float(one.score) for name, one in trace.rewards.items() if one is not None}
        metrics |= {name: float(value) for name, value in trace.metrics.items() if value is not None}
    return Event(None, sum(float(trace.reward) for trace in episode.traces), {**metrics, **rewards})


def wire(said: Said, action: str, offered: bool) -> dict[str, Any]:
    """Return an action as an assistant's message: calls apart where tools are offered and all are right."""
    calls = [one for one in said.calls if not one.error]
    if not offered or not calls or len(calls) != len(said.calls):
        return {"role": "assistant", "content": action}
    made = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": one.name, "arguments": json.dumps(dict(one.arguments))},
        }
        for number, one in enumerate(calls)
    ]
    return {"role": "assistant", "content": said.text, "tool_calls": made}


def _handler(
    events: "queue.Queue[Event]", replies: "queue.Queue[Mapping[str, Any] | None]"
) -> type[BaseHTTPRequestHandler]:
    """Return a handler that hands requests on and waits for what is said."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            events.put(Event(request=body))
            message = replies.get()
            if message is None:
                self.send_error(503)
                return
            done = "tool_calls" if message.get("tool_calls") else "stop"
            found = {
                "id": "reply", "object": "chat.completion", "created": 0, "model": body.get("model", ""),
                "choices": [{"index": 0, "message": message, "finish_reason": done}],
                "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            }  # fmt: skip
            data = json.dumps(found).encode("utf-8", "replace")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing: a run has its own progress."""

    return Handler
