"""Text stays text, whatever it says."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from agentrl.markup import Markup, joined, tag


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text())
def test_any_text_is_read_back_as_text(text: str, attribute: str) -> None:
    reader = Reader()
    reader.feed(tag("p", text, title=attribute))
    reader.close()
    assert reader.tags == ["p"]
    if text.isprintable() and attribute.isprintable():
        assert reader.text == text
        assert reader.values == [attribute]


def test_characters_that_no_page_may_hold_are_replaced() -> None:
    assert tag("p", "a\x00\x1b\ud800\nb") == "<p>a\ufffd\ufffd\ufffd\nb</p>"


def test_elements_nest_and_nothing_is_left_out_but_none() -> None:
    made = tag("ul", [tag("li", 1), None, tag("li", ["a", tag("br")])], class_="x", data_n=0, id=None)
    assert made == '<ul class="x" data-n="0"><li>1</li><li>a<br></li></ul>'


def test_markup_is_not_escaped_twice() -> None:
    assert joined([Markup("<b>"), "<b>"]) == "<b>&lt;b&gt;"
