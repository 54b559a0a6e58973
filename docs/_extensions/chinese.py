"""Chinese pages: their lines, the words around them, the other language, a search that finds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search import SearchEnglish
from sphinx.transforms import SphinxTransform

_CHINESE = re.compile(r"[\u2014-\u2026\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_HAN = re.compile(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+")

_CAPTION = '<p class="caption"'
_AFTER_THE_THEME = 800

# What the theme says around a page.
WORDS = {
    "Back to top": "回到顶部",
    "Home": "首页",
    "Next": "下一页",
    "On this page": "本页内容",
    "Previous": "上一页",
    "Search": "搜索",
}


def is_chinese(page: str) -> bool:
    """Whether a page, named without its ending, is a Chinese one.

    >>> [is_chinese(page) for page in ("index", "index.zh", "how-to/zh/recipes")]
    [False, True, True]
    """
    return page.endswith(".zh") or "/zh/" in page


def twin_of(page: str) -> str:
    """The name that the same page has in the other language, where it is there.

    >>> [twin_of(page) for page in ("index", "index.zh", "how-to/recipes", "how-to/zh/recipes", "learn/en/a")]
    ['index.zh', 'index', 'how-to/zh/recipes', 'how-to/recipes', 'learn/zh/a']
    """
    if page in ("index", "index.zh"):
        return "index" if page == "index.zh" else "index.zh"
    if is_chinese(page):
        return page.replace("/zh/", "/en/" if page.startswith("learn/") else "/")
    folder, _, name = page.rpartition("/")
    return f"{folder.removesuffix('/en')}/zh/{name}"


def pairs(word: str) -> list[str]:
    """A word as the search keeps it: Chinese in pairs of characters, as nothing parts its words.

    >>> pairs("LSTM模型文件夹")
    ['LSTM', '模型', '型文', '文件', '件夹']
    """
    found = []
    for run in _HAN.findall(word):
        is_long = len(run) > 2 and "\u4e00" <= run[0] <= "\u9fff"
        found += [run[at : at + 2] for at in range(len(run) - 1)] if is_long else [run]
    return found


class SearchBoth(SearchEnglish):
    """English, and Chinese beside it. What is asked is cut up in the browser as the pages are here."""

    lang = "en-zh"
    js_splitter_code = r"""
function splitQuery(query) {
  const words = query.split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu);
  return words.flatMap((word) => word.match(/[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+/g) ?? []).flatMap((run) =>
    run.length > 2 && /[\u4e00-\u9fff]/.test(run[0])
      ? Array.from({ length: run.length - 1 }, (_, at) => run.slice(at, at + 2))
      : [run]
  );
}
"""

    def split(self, input: str) -> list[str]:
        return [part for word in super().split(input) for part in pairs(word)]


class Joined(SphinxTransform):
    """The end of a line is a blank in English, and nothing between two Chinese characters."""

    default_priority = 100

    def apply(self, **options: Any) -> None:
        for text in list(self.document.findall(nodes.Text)):
            place = text.parent.index(text)
            if text == "\n" and _is_between_chinese(text.parent.children, place):
                text.parent.remove(text)


def _is_between_chinese(line: Sequence[nodes.Node], place: int) -> bool:
    before = line[place - 1].astext()[-1:] if place else ""
    after = line[place + 1].astext()[:1] if place + 1 < len(line) else ""
    return bool(_CHINESE.match(before) and _CHINESE.match(after))


def chinese_first(tree: str) -> str:
    """The list of all pages with its last part, the Chinese one, at the top.

    >>> chinese_first('<div><p class="caption">A</p><ul>a</ul><p class="caption">B</p><ul>b</ul></div>')
    '<div><p class="caption">B</p><ul>b</ul><p class="caption">A</p><ul>a</ul></div>'
    """
    head, *parts = tree.split(_CAPTION)
    own, end = parts.pop().rsplit("</ul>", 1)
    return _CAPTION.join([head, f"{own}</ul>", *parts]) + end


def speak(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """The language of a page for browsers and screen readers, in what stands around it, and its twin."""
    twin = twin_of(page)
    context["twin"] = twin if twin in app.env.found_docs else None
    context["is_chinese"] = is_chinese(page)
    if context["is_chinese"]:
        context["language"] = "zh"
        context["master_doc"] = "index.zh"
        context["gettext"] = context["_"] = lambda said: WORDS.get(said, said)
        context["furo_navigation_tree"] = chinese_first(context["furo_navigation_tree"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(SearchBoth)
    app.add_transform(Joined)
    app.connect("html-page-context", speak, priority=_AFTER_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
