"""The file: nothing that an episode says is in it as it was said; only our own style and script work."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import agentrl
from agentrl.view.command import view_runs
from agentrl.view.page import page
from agentrl.view.shelf import packed
from tests.agentrl.view.examples import hostile_run, plain_run


def test_data_stands_in_the_file_as_base64_alone(tmp_path: Path) -> None:
    text = view_runs([hostile_run(tmp_path / "run")]).read_text(encoding="utf-8")
    found = re.findall(r'<script type="text/plain" id="([\w-]+)">([^<]*)</script>', text)
    assert [name for name, _ in found] == ["index", "chunk-0-0"]
    assert all(re.fullmatch(r"[A-Za-z0-9+/=]+", data) for _, data in found)
    assert text.count("<script") == 3, "and our own"
    title = re.findall(r"<title>[^<]*</title>", text)[0]
    assert "window.broken" in title and "window.broken" not in text.replace(title, "")
    index = json.loads(gzip.decompress(base64.b64decode(dict(found)["index"])))
    assert len(index["runs"]) == 1 and index["served"] is False


def test_the_rule_names_the_very_style_and_script_and_nothing_else(tmp_path: Path) -> None:
    text = b"".join(page([packed(plain_run(tmp_path / "run"), None, 0)])).decode()
    [rule] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    for kind, pattern in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        [own] = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in rule
    assert rule.startswith("default-src 'none'") and "unsafe" not in rule and "connect-src" not in rule
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", text), "nothing is loaded"


def test_the_script_makes_no_markup_of_texts() -> None:
    script = (Path(agentrl.__file__).parent / "view" / "view.js").read_text()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script
    )


def test_a_served_page_holds_no_chunk(tmp_path: Path) -> None:
    text = b"".join(page([packed(plain_run(tmp_path / "run"), None, 0)], served=True)).decode()
    assert 'id="chunk-' not in text and "connect-src 'self'" in text


def test_equal_runs_give_equal_pages(tmp_path: Path) -> None:
    run = plain_run(tmp_path / "run")
    one = view_runs([run], out=tmp_path / "one.html").read_bytes()
    assert one == view_runs([run], out=tmp_path / "two.html").read_bytes()
