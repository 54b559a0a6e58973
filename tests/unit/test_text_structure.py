"""Documents survive translation: whatever the document and whatever the answers, only words change."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.text.sentences import LINE_BREAK
from textwright.text.structure import rebuilt, rebuilt_and_kept, segments, verify

BREAKS = ["\n", "\r\n", "\r", "\n\n", "\n\n\n", "\r\r\n", "\u2028", "\u2029", "\f", "\x0b", "\x85", "\x1c"]
_WORDS = """
The cat sat. Dr. Wu left! 3.5 e.g. “好吗？” 他走了。 再见！ 👩‍👩‍👧 🇨🇳 5 | # - * > ` ``` ~~~
<!-- --> <b> </p> <pre> </pre> $$ http://a.io/b.c?d=1 me@x.org --- ... === [x] 1. a) \\ \\| |--|--| key: `a|b`
{{x}} &amp; السلام שלום é\u0301 ß ﬁ ŉ \ufeff \u200f \u202b \u200b \x01 \x7f ， ； ………… No. 5 I...
"""
WORDS = _WORDS.split()
INDENTS = [
    "", "", "", "  ", "    ", "\t", "\t ", "> ", ">> ", "- ", "  * ", "+ ", "1. ", "23) ", "# ", "###### ",
    "- [ ] ", "* [x] ", "| ", "\u200f", "\ufeff", "\u3000", "\xa0", "[^1]: ", "[a]: ", "<p>", "> - ",
]  # fmt: skip
TAILS = ["", "", "", " ", "  ", "\t", " |", " ##", "\\", "\u200e", "</p>", "<br>", "\u3000", "\x02"]
WHOLE = [
    "", "   ", "\t", "```", "```py", "~~~~", "> ```", "- ```", "---", "...", "$$", "<!--", "-->", "<pre>",
    "</pre>", "| a | b |", "|---|:-:|", "a | b", "--|--", "x = 'a.b'  # Not. Prose.",
    "<!-- one. --> Two. <!-- three -->", "https://example.org/a_b.html", "12:30 3,000.5", "😀 👍🏽", "***",
    "<div class='x'>", "title: Tea",
]  # fmt: skip


def line(draw: random.Random) -> str:
    if draw.random() < 0.35:
        return draw.choice(WHOLE)
    words = [draw.choice(WORDS) for _ in range(draw.randrange(12))]
    return draw.choice(INDENTS) + draw.choice([" ", " ", "", "\t"]).join(words) + draw.choice(TAILS)


UNITS = ["a", "好", "word ", "，字", "e\u0301", "👩‍👧", "🇨🇳", "\u0301", "I.e. ", "..", "(. ", '."']
TINY = ["", " ", "\n", "\r", "\t\r\n \n", "\u2028", "\ufeff", "\ufeff\n", "\r\r\r", "。", "a"]
FRONTS = [
    "---\ntitle: a b\n---\n",
    "---\nHello you.\n---\n",
    "---\na: b\nHello.\n...\r\n",
    "---\na: b\n",
    "\ufeff",
]


def document(draw: random.Random) -> str:
    """One made-up, mangled document."""
    kind = draw.randrange(24)
    if kind < 3:
        unit = draw.choice(UNITS)
        return (unit * (50_000 // len(unit) + 1))[:50_000]
    if kind == 3:
        return draw.choice(TINY)
    used = draw.sample(BREAKS, draw.randint(1, 4))
    parts = [part for _ in range(draw.randrange(40)) for part in (line(draw), draw.choice(used))]
    head = draw.choice(FRONTS) if kind < 6 else ""
    return head + "".join(parts[: len(parts) - draw.randrange(2)])


DOCUMENTS = [document(random.Random(seed)) for seed in range(200)]
SWAPS = [
    "```",
    "~~~ x",
    "<!--",
    "a -->",
    "--> <!--",
    "<pre> x",
    "</pre>",
    "$$",
    "---",
    "...",
    "# x",
    "- x",
    "> x",
]
SWAPS += [
    "- ```",
    "x | y",
    "|",
    "\\",
    "|---|---|",
    "1. x",
    "a: b",
    "[x] ",
    "\ufeff",
    "好。",
    "x\r\n\r\ny",
    "\n- x",
    "<p>",
]


def translators() -> dict[str, Callable[[str], str]]:
    draw = random.Random(7)
    return {
        "identity": lambda text: text,
        "upper": str.upper,
        "broken": lambda text: "\n" + text.replace(" ", "\r\n") + "\u2028\n\nmore\x0b\r",
        "empty": lambda text: "",
        "blank": lambda text: " \u200b\n\t",
        "hostile": lambda text: draw.choice(SWAPS),
        "half hostile": lambda text: draw.choice(
            [text, text + " " + draw.choice(SWAPS), draw.choice(SWAPS) + text]
        ),
    }


@pytest.mark.parametrize("name", translators())
def test_200_mangled_documents_keep_their_structure(name: str) -> None:
    translate = translators()[name]
    for number, text in enumerate(DOCUMENTS):
        spans = segments(text, most=120)
        done = rebuilt(text, spans, [translate(span.of(text)) for span in spans])
        assert verify(text, done) is None, (number, verify(text, done))
        assert LINE_BREAK.findall(done) == LINE_BREAK.findall(text)
        if name in ("identity", "empty", "blank"):
            assert done == text


def test_most_of_the_mangled_documents_have_words_and_all_kinds_of_breaks() -> None:
    assert sum(bool(segments(text, most=120)) for text in DOCUMENTS) > 150
    assert {found for text in DOCUMENTS for found in LINE_BREAK.findall(text)} >= {
        b for b in BREAKS if len(b) == 1
    }
    assert sum("\r\n" in text for text in DOCUMENTS) > 20 and max(map(len, DOCUMENTS)) == 50_000


def test_a_translation_reaches_every_word_it_should() -> None:
    """Else a `rebuilt` that keeps every source would pass all of the above."""
    for text in DOCUMENTS:
        spans = segments(text, most=120)
        done = rebuilt(text, spans, [f"x{number}x" for number in range(len(spans))])
        assert [f"x{number}x" in done for number in range(len(spans))] == [True] * len(spans)


PIECES = st.lists(st.sampled_from([*WORDS, *WHOLE, *INDENTS, *TAILS, *BREAKS, " ", " "]), max_size=25).map(
    "".join
)
ANSWERS = st.one_of(st.sampled_from(SWAPS), PIECES)


@settings(max_examples=300)
@given(PIECES, st.integers(1, 30), st.data())
def test_only_words_change(text: str, most: int, data: st.DataObject) -> None:
    spans = segments(text, most=most)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(a.start < a.end and not LINE_BREAK.search(a.of(text)) for a in spans)
    assert rebuilt(text, spans, [span.of(text) for span in spans]) == text
    answers = [data.draw(ANSWERS) for _ in spans]
    done = rebuilt(text, spans, answers)
    assert verify(text, done) is None


@given(st.text(max_size=80), st.integers(1, 20))
def test_any_text_at_all_is_put_together_again(text: str, most: int) -> None:
    spans = segments(text, most=most)
    assert rebuilt(text, spans, [span.of(text) for span in spans]) == text
    done = rebuilt(text, spans, ["\n".join(span.of(text)) for span in spans])
    assert verify(text, done) is None


@settings(max_examples=200)
@given(st.one_of(PIECES, st.sampled_from(DOCUMENTS[:60])), st.data())
def test_those_that_stay_as_they_were_are_told(text: str, data: st.DataObject) -> None:
    """With their source for an answer the document is the same, and nothing is told any more."""
    spans = segments(text, most=60)
    words = [f"x{number}x" for number in range(len(spans))]
    answers = [
        data.draw(st.sampled_from([word, "", f"``` {word}", f"--> {word}", f"{word}: y"])) for word in words
    ]
    done, kept = rebuilt_and_kept(text, spans, answers)
    assert kept == sorted(set(kept))
    own = [span.of(text) if n in kept else answers[n] for n, span in enumerate(spans)]
    assert rebuilt_and_kept(text, spans, own) == (done, [])
    assert [word in done for word in words] == [n not in kept for n in range(len(spans))]


@pytest.mark.parametrize(
    ("text", "answers", "kept"),
    [
        ("Hi. You!\n", ["Hi.", "你！"], []),
        ("Hi. You!\n", ["", "你！"], [0]),
        ("Hi. You!\n", ["你好。", "```"], []),
        ("Hi. You!\n", ["```", "You!"], [0]),
        ("Hi. You!\n", ["```", "你！"], [0, 1]),
        ("---\nHello you.\nNo.\n---\nTea.", ["a: b", "c: d", "茶。"], [0, 1]),
    ],
)
def test_what_stays_as_it_was(text: str, answers: list[str], kept: list[int]) -> None:
    assert rebuilt_and_kept(text, segments(text, most=99), answers)[1] == kept


def words(text: str, most: int = 200) -> list[str]:
    return [span.of(text) for span in segments(text, most=most)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\ufeff# Tea ##\r\n\r\n  - [ ] Boil.\t\r\n", ["Tea", "Boil."]),
        ("> 1. One.\n> > * Two.\n+ Three.", ["One.", "Two.", "Three."]),
        ("    indented, not code\n\n\tso is this", ["indented, not code", "so is this"]),
        ("```py\nHello.\n```\nYou.\n~~~\nleft open\n```\nThem.", ["You."]),
        ("- ```\n  code here\n  ```\n- words", ["words"]),
        ("> ~~~\n> code\nwords", ["words"]),
        ("`````\n```\ncode\n```\n`````\nwords", ["words"]),
        ("``` is a fence ``` here", ["``` is a fence ``` here"]),
        ("---\ntitle: Tea\ntags:\n  - a\n---\nWords.", ["Words."]),
        ("---\nNo yaml here.\n---\nWords.", ["No yaml here.", "Words."]),
        ("---\nleft: open\nWords.", ["left: open", "Words."]),
        ("One <!-- two\nthree --> four.\n<!-- open", ["One", "four.", "<!-- open"]),
        ("<pre>\nkept\n</pre>\nsaid <pre> here\n</pre>", ["said <pre> here"]),
        ("$$\nE = mc\n$$\nIt costs $$", ["It costs $$"]),
        ("<div class='a'>\n<p>Hi, <b>you</b>.</p>\n<br/>\n</div>", ["Hi, <b>you</b>."]),
        ("| A | B |\n|:--|--:|\n| c \\| d | `x` |\n| 5 | 好。走。 |", ["A", "B", "c \\| d", "好。", "走。"]),
        ("a | b\n--|--\nc | d\n\ne | f", ["a", "b", "c", "d", "e | f"]),
        ("http://a.org/b me@x.org\n3.5 % 1e5 0xff\n👍🏽 ***\n&amp; {{ name }}\n`code`", []),
        ("see http://a.org/b now", ["see http://a.org/b now"]),
        ("[1]: http://a.org/b 'A title'\n[^1]: A note.", ["A note."]),
        ("\u200fשלום.\u200f\n\u202bمرحبا\u202c", ["שלום.", "مرحبا"]),
        ("hard break\\\nnext  \nlast<br>", ["hard break", "next", "last"]),
        ("C# and #tag #\n# Why C#", ["C# and #tag #", "Why C#"]),
    ],
)  # fmt: skip
def test_what_is_said_in_words(text: str, wanted: list[str]) -> None:
    assert words(text) == wanted
    upper = rebuilt(text, segments(text, most=200), list(map(str.upper, wanted)))
    assert verify(text, upper) is None and words(upper) == list(map(str.upper, wanted))


def test_answers_do_not_bring_lines_marks_or_cells() -> None:
    def put(text: str, *answers: str) -> str:
        return rebuilt(text, segments(text, most=99), answers)

    assert put("Hi.\n", "  a \r\n\n b\u2028c\n") == "a b c\n"
    assert put("Hi.\r", "\u200f- # a") == "a\r"
    assert put("Hi.\n", "1. a") == "1. a\n"
    assert put("| a | b |", "x|y", "z") == "| x\\|y | z |"
    assert put("|a|b|", "x\\", "z") == "|a|b|", "a cell that swallows the next pipe"
    assert put("One.\nTwo.", "```", "Zwei.") == "One.\nZwei."
    assert put("A --> B\nC --> D", "A → B", "c --> d") == "A → B\nc --> d"
    assert put("---\nHello you.\n---\nYou.", "note: x", "Du.") == "---\nHello you.\n---\nDu."


def test_blanks_between_sentences_are_those_of_the_language_they_became() -> None:
    def put(text: str, *answers: str, most: int = 99) -> str:
        return rebuilt(text, segments(text, most=most), answers)

    assert put("你好。“再见！”走了", "Hello.", '"Bye!"', "Gone") == 'Hello. "Bye!" Gone'
    assert put("你好。再见。", "Hello.", "*Bye* now.") == "Hello. *Bye* now."
    assert put("- Hello.  Bye. So?", "你好。", "再见。", "好吗？") == "- 你好。再见。好吗？"
    assert put('He said "no." Bye.', '他说"不。"', "再见。") == '他说"不。"再见。'
    assert put("| Hi. Bye. | Go. |", "你好。", "再见。", "走。") == "| 你好。再见。 | 走。 |"
    # One that was left as it was, blanks that Chinese had itself, a tab, what is no sentence beside it.
    assert put("Hello. Bye.", "你好。", "Bye.") == "你好。 Bye."
    assert put("你好。 再见。", "你好！", "再见！") == "你好！ 再见！"
    assert put("Hello.\tBye.", "你好。", "再见。") == "你好。\t再见。"
    assert put("Hello. <!-- a --> Bye.", "你好。", "再见。") == "你好。 <!-- a --> 再见。"
    assert put("你好，再见，很好。", "hello,", "bye,", "good.", most=3) == "hello, bye, good."
    assert put("aaaabbbb", "cc", "dd", most=4) == "ccdd"


def test_spans_that_do_not_fit_are_refused() -> None:
    spans = segments("One. Two.\nThree.", most=50)
    with pytest.raises(ValueError, match="3 segments came with 1 answers"):
        rebuilt("One. Two.\nThree.", spans, [""])
    with pytest.raises(ValueError, match="begins before the last one ends"):
        rebuilt("One. Two.\nThree.", [spans[1], spans[0]], ["a", "b"])
    with pytest.raises(ValueError, match="no line holds the characters 10 to 16"):
        rebuilt("One.", spans[2:], ["a"])
    with pytest.raises(ValueError, match="0 characters"):
        segments("One.", most=0)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ("# A\r\n\n- b\n```\nc\n```\n", "line 1: its line break is of another kind"),
        ("# A\n\n- b\n```\nc\n```", "5 line breaks"),
        ("# A\n\n-  b\n```\nc\n```\n", "line 3"),
        ("# A\n\n- b \n```\nc\n```\n", "line 3"),
        ("# A\n\n* b\n```\nc\n```\n", "line 3"),
        ("## A\n\n- b\n```\nc\n```\n", "line 1"),
        ("# A\nx\n- b\n```\nc\n```\n", "line 2"),
        ("# A\n\n- \n```\nc\n```\n", "line 3"),
        ("# A\n\n- b\n```\nd\n```\n", "code"),
        ("# A\n\n- b\n~~~\nc\n~~~\n", "code"),
        ("# <!-- A\n\n- b -->\n```\nc\n```\n", "code"),
    ],
)
def test_differences_are_found_and_named(other: str, what: str) -> None:
    found = verify("# A\n\n- b\n```\nc\n```\n", other)
    assert found is not None and what in found
    assert verify("# A\n\n- b\n```\nc\n```\n", "# 甲。乙。\n\n- B c!\n```\nc\n```\n") is None


GROWING = [
    "a", "a ", "好", "。", "(. ", "「a！」", "e\u0301", "👩‍👧", "🇨🇳", "<", "<p ", "<!--", "`", "|", "> ", "http://",
    ". ", '."a', " \t", "---\n", "x\n", "/。", "a@", "$$\n", "\\", "#", " #", "((1. a", "<pre>", "a<br>",
    "Hello, you. It is 3.5 e.g. here!\n", "他说：“好吗？”我说好。\n\n", "| a | b |\n", "- [ ] ```x\n",
]  # fmt: skip


@pytest.mark.parametrize("unit", GROWING)
def test_time_grows_with_the_text_and_not_with_its_square(unit: str) -> None:
    """Twelve times the text takes less than forty times as long; its square would be 144."""

    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        start = time.process_time()
        spans = segments(text, most=400)
        verify(text, rebuilt(text, spans, [span.of(text).upper() for span in spans]))
        return time.process_time() - start

    short = min(seconds(4_000), seconds(4_000))
    assert seconds(48_000) < 40 * max(short, 0.002)
