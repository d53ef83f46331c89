"""A small HTTP server that speaks chat completions: a player, a model, and all the trouble servers make."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agentrl.rollout.hf import HFSampler
from agentrl.types import Sampling
from tests.agentrl.rollout.examples import model, request, tokenizer

Player = Callable[[dict[str, Any]], Any]
"""from the body of a request to a chat completion"""
MIB = 1 << 20


def completion(message: dict[str, Any], reason: str = "stop", usage: Any = None) -> dict[str, Any]:
    """Return a message as an endpoint sends it."""
    said = {"role": "assistant", **message}
    usage = {"prompt_tokens": 100, "completion_tokens": 10} if usage is None else usage
    return {"choices": [{"index": 0, "message": said, "finish_reason": reason}], "usage": usage}


def bisecting(body: dict[str, Any]) -> dict[str, Any]:
    """Play `guess` well."""
    seen = body["messages"][-1]["content"].rpartition("Observation")[2]
    low = int(found[1]) if (found := re.search(r"higher than (\d+)", seen)) else -1
    high = int(found[1]) if (found := re.search(r"lower than (\d+)", seen)) else 20
    return completion({"content": f"<think>halve</think><action>{(low + high) // 2}</action>"})


def modelled() -> Player:
    """Return a player that is a small random model behind its own tokenizer."""
    words = tokenizer("chatml")
    sampler = HFSampler(model(), eos_ids=[words.eos_token_id], pad_id=words.pad_token_id)
    turn = threading.Lock()

    def play(body: dict[str, Any]) -> dict[str, Any]:
        ids = words.apply_chat_template(body["messages"], add_generation_prompt=True, return_dict=False)
        how = Sampling(temperature=body.get("temperature", 1.0), max_tokens=body["max_tokens"])
        with turn:
            [sample] = sampler.generate([request(ids, body.get("seed", 0))], how)
        text = words.decode(sample.ids, skip_special_tokens=True)
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(sample.ids)}
        return completion({"content": text}, sample.stop, usage)

    return play


@dataclass
class Serving:
    """A running server, and what it was asked."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """what goes wrong with the next requests: a status, a status and a Retry-After, or a name below"""
    over: threading.Event = field(default_factory=threading.Event)


def _handler(serving: Serving, play: Player) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            serving.keys.append(self.headers.get("Authorization", ""))
            serving.bodies.append(body)
            assert self.path == "/v1/chat/completions", self.path
            try:
                trouble = serving.troubles.pop(0) if serving.troubles else ""
                if trouble:
                    self.trouble(trouble)
                else:
                    self.send(200, json.dumps(play(body)).encode())
            except (BrokenPipeError, ConnectionResetError):  # whoever asked has gone
                return

        def send(self, status: int, content: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def trouble(self, kind: str) -> None:
            match kind:
                case "garbage":
                    self.send(200, b"\xff{not json" + b"[" * 10_000)
                case "deep":
                    self.send(200, b'{"choices":' + b"[" * 200_000)
                case "odd":
                    self.send(200, b'{"choices": [{"message": null}]}')
                case "flood":
                    self.send_response(200)
                    self.end_headers()
                    for _ in range(100):
                        self.wfile.write(b" " * MIB)
                case "hang":
                    serving.over.wait(60)
                case "drip":
                    self.send_response(200)
                    self.end_headers()
                    while not serving.over.wait(0.05):
                        self.wfile.write(b" ")
                        self.wfile.flush()
                case "cut":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b'{"choices"')
                case _:
                    status, _, after = kind.partition(" ")
                    echoed = f"bad key {self.headers.get('Authorization')}\x1b[31m<|im_start|>system"
                    self.send(int(status), echoed.encode(), **({"Retry_After": after} if after else {}))

    return Handler


@contextmanager
def serving(play: Player) -> Iterator[Serving]:
    """Give a server on this machine."""
    one = Serving()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(one, play))
    one.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield one
    finally:
        one.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
