"""Everything that the command line says to a person has a Chinese form, and the catalogue holds nothing else.

Sentences are collected from the sources with `ast`: the arguments of `Note(...)` and `Check(...)`, messages
and hints of the exceptions in core/errors.py, `say(...)`, the reasons of rows that are dropped or changed,
and the values of the dicts that functions named `reasons` return; both branches of a choice, pieces joined
by +, and names of constants of the module are followed. Help texts are asked of the commands themselves.

Not collected: texts that reach those calls by a variable of a function, an argument or another function
(they stand in placeholders, and are kept in English where the catalogue does not know them), messages of
other libraries, and cells of tables. Faults that only a caller of the Python interface can make are left
out by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from textwright.cli.main import VERBS, _real, app
from textwright.core import errors
from textwright.report.messages import Pattern, catalogue, translate

SOURCES = Path(errors.__file__).parent.parent
ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} - {"MissingExtra"}
PLACE = re.compile(r"\{[a-z_][a-z_0-9]*\}")
# Said by pydantic and by the library of the command line, or put together from several pieces in our sources.
ELSEWHERE = {
    "unknown architecture {name}",
    "unknown method of explaining {name}",
    "unknown method of summarizing {name}",
    "unknown task {name}",
    "a valid number, unable to parse string as a number",
    "a valid integer, unable to parse string as an integer",
    "Missing argument {name}.",
    "Missing option {name}.",
    "No such option: {name}",
    "No such option: {name} (Possible options: {options})",
    "No such option: {name} Did you mean {other}?",
    "Option {name} requires an argument.",
    "Got unexpected extra argument ({name})",
    "Got unexpected extra arguments ({names})",
    "Invalid value for {name}: {why}",
    "{value} is not a valid float.",
    "{value} is not a valid integer.",
    "Best: {best}, not shown to be better than {alike} of the {others} others. All in {out}",
    "{name}: it suits a target of labels",
    "{name}: it suits a target of scores",
    "tokens per word",
    "tokens per character",
    "latin ({units} words)",
    "han ({units} characters)",
    "{script} ({units} words)",
    "{script} ({units} characters)",
    "Input should be {what}",
    "Field required",
    "greater than {low}",
    "greater than {low} or {other}",
    "greater than or equal to {low}",
    "greater than or equal to {low} or {other}",
    "less than {high}",
    "less than or equal to {high}",
    "a valid number",
    "a valid integer",
    "a valid string",
    "a valid boolean",
    "Options:",
    "Commands:",
    "Arguments:",
    "Usage: {rest}",
    "Show this message and exit.",
    "Example: {command}",
    "{text} (found {value})",
    "{time} left at most",
    "{path}: texts from the column {column} (--text COL to change)",
    "step {step}: a single row of {longest} tokens does not fit into memory ({failure})",
    "epoch {epoch}",
    "step {step}",
    "loss {loss}",
    "They answer {count} rows differently; {shown} of them:",
    "what would be done, and why",
    "what is wrong with the data",
    "What is wrong with these data?",
    "validation {headline} {score} [{low}, {high}], {cost}",
    "1 to {max_words} words and {min_chars} to {max_chars} characters",
    "{model}: about {seconds} s, by a short trial; about {memory} MB of memory for data, weights and "
    "optimizer, without activations; {parameters} parameters, {trainable} learn",
    "the file {name} is not the one that was written (its hash is {found}, not {wanted})",
    "Now with a file of your own (CSV, TSV, JSONL, JSON, Parquet, Excel, text, folders or mail; any "
    "encoding):",
}

# The same in both languages: names, commands, and patterns that are two values only.
SAME = {"Apple MPS", 'pip install "textwright[lora]"', "{}: the file {} {}"}


def skeleton(pattern: str) -> str:
    """The pattern without the names of its placeholders."""
    return PLACE.sub("{}", pattern).strip()


def written(node: ast.expr, names: dict[str, ast.expr]) -> list[str]:
    """The texts that an expression may be, what is not known as {}."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(p.value if isinstance(p, ast.Constant) else "{}" for p in parts)]  # type: ignore[misc]
        case ast.IfExp(body=first, orelse=second):
            return [*written(first, names), *written(second, names)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in written(left, names) for b in written(right, names)]
        case ast.Name(id=name) if name in names:
            return written(names[name], {})
    return ["{}"]


def arguments(call: ast.Call) -> list[ast.expr]:
    """Those arguments of a call that a person reads."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    hints = [key.value for key in call.keywords if key.arg in ("hint", "do", "found")]
    if name in ERRORS:
        return [*call.args[:1], *hints]
    if name in ("Note", "say", "dropped", "changed", "Baseline", "note", "warn", "not_applicable", "too_few"):
        return call.args[:1]
    if name == "Finding":  # of an audit: the title, and what harm it does
        return [
            *call.args[2:3],
            *(key.value for key in call.keywords if key.arg in ("title", "why", "limits")),
        ]
    if name == "Fix":
        return call.args[1:2]
    if name == "Check" and any(key.arg == "family" for key in call.keywords):
        return [key.value for key in call.keywords if key.arg == "says"]
    return [*call.args[2:], *hints] if name == "Check" else []


@cache
def trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCES.rglob("*.py")))


def said() -> Iterator[str]:
    """Every sentence of the sources that reaches a person."""
    for tree in trees():
        names = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            found = arguments(node) if isinstance(node, ast.Call) else []
            if isinstance(node, ast.FunctionDef) and node.name == "reasons":
                found = [v for part in ast.walk(node) if isinstance(part, ast.Dict) for v in part.values]
            for expression in found:
                yield from filter(readable, map(str.strip, written(expression, names)))


def readable(text: str) -> bool:
    """Whether there are words in it, beside what stands in placeholders."""
    words = re.findall(r"[A-Za-z]{2,}", text.replace("{}", ""))
    return len(words) > 1 and text not in SAME and not text.startswith("/")


def helps() -> Iterator[str]:
    """Every help text of every command, by paragraph."""
    root = typer.main.get_command(app)
    verbs: list[Any] = [root, *map(_real, VERBS)]
    commands = [inner for verb in verbs for inner in (verb, *getattr(verb, "commands", {}).values())]
    for command in commands:
        texts = [command.help or "", *(getattr(option, "help", None) or "" for option in command.params)]
        yield from (" ".join(part.split()) for text in texts for part in text.split("\n\n") if part)
    yield from VERBS.values()


def patterns() -> list[Pattern]:
    return [pattern for _, pattern in catalogue()]


def is_known(sentence: str) -> bool:
    """Whether a sentence with values in its places is put in Chinese, and none of its parts stays English."""
    lines = [line for line in sentence.replace("{}", "7").split("\n") if readable(line)]
    return all(map(is_chinese, (translate(line, "zh") for line in lines)))


def is_chinese(text: str) -> bool:
    """Whether it has Chinese words, and no three English ones in a row that are no command or name."""
    plain = re.sub(r"textwright [^；。]*|pip install.*|--\S+|`[^`]*`|'[^']*'|\([^)]*\)", "·", text)
    found = re.search("[一-鿿]", text) is not None
    return found and not re.search(r"[a-z]{2,} [a-z]+ [a-z]{2,}", plain)


def test_everything_that_is_said_has_a_translation() -> None:
    missing = sorted({sentence for sentence in said() if not is_known(sentence)})
    assert missing == []


def test_every_help_text_has_a_translation() -> None:
    assert sorted({text for text in helps() if not is_known(text)}) == []


def test_both_sides_have_the_same_places() -> None:
    different = [
        p.english for p in patterns() if sorted(PLACE.findall(p.english)) != sorted(PLACE.findall(p.chinese))
    ]
    assert different == []


def test_no_translation_is_stale() -> None:
    texts = [text for tree in trees() for text in everything(tree)]
    held = {skeleton(text) for text in texts} | set(helps())
    joined = "\n".join(held)
    stale = [
        p.english
        for p in patterns()
        if p.english not in ELSEWHERE
        and skeleton(p.english) not in held
        and not all(part.strip() in joined for part in p.literals)
    ]
    assert stale == []


def everything(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            yield from written(node, {})


def test_what_is_said_elsewhere_is_in_the_catalogue() -> None:
    assert {p.english for p in patterns()} >= ELSEWHERE


def test_no_chinese_holds_an_english_sentence() -> None:
    code = re.compile(r"textwright \S+.*|pip install.*|\{[^}]*\}|--\S+|[\w./-]*[._/=@][\w./=-]*|`[^`]*`")
    wrong = [
        p.chinese
        for p in patterns()
        if re.search(r"(?:\b[A-Za-z]{2,}\b[ ,;]+){4}[A-Za-z]{2,}", code.sub("·", p.chinese))
        or not re.search("[一-鿿]|·", code.sub("·", p.chinese))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("there is no column 'x'; found 'a', 'b'", "没有 'x' 列；找到的有 'a', 'b'"),
        ("error: a.csv: there is no such file", "错误：a.csv：没有这个文件"),
        ("a.csv, row 7, column 'stars': the score is 'NaN'", "a.csv，第 7 行，'stars' 列：分数为 'NaN'"),
        ("row 1,234: not valid JSON", "第 1,234 行：不是有效的 JSON"),
        ("bag: fitting on 900 rows, choosing on 100", "bag：在 900 行上训练，用 100 行选择"),
        ("3 rows dropped: no text", "3 行被丢弃：没有文本"),
        ("Did you mean 'bag'?", "是否想用 'bag'？"),
        (
            "text: column 'review', by its name (--text COL to change)",
            "文本：'review' 列，按列名判断（--text COL 可修改）",
        ),
        (
            "reading Excel files needs the extra 'files', which is not installed",
            "读取 Excel 文件需要附加组件 'files'，尚未安装",
        ),
        (
            "warning: nothing is left to test on: give --test FILE",
            "警告：没有可测试的数据：请给出 --test FILE",
        ),
        ("step 12: the loss is nan: this update is left out", "第 12 步：损失为 nan：跳过这次更新"),
        ("on locked test rows (95 % interval in brackets):", "在锁定的测试集上（方括号内为 95 % 区间）："),
        ("Example: textwright plan a.csv", "例：textwright plan a.csv"),
        ("m: the file 'weights' is missing", "m：缺少文件 'weights'"),
        ("  epoch 1.50  step 30  loss 0.1234", "  轮次 1.50   步 30    损失 0.1234"),
        (
            "error: rate: Input should be greater than 0 or 'auto' (found -1)",
            "错误：rate：应为大于 0 的数或 'auto'（找到 -1）",
        ),
        ("warning: as the poet says", "警告：as the poet says"),
        (
            "ok       memory             23.3 GB free",
            "ok       memory             23.3 GB 可用",
        ),
        (
            "word: words are parted by blanks; the longest 0.5 % of the texts are cut to 46 tokens at most; "
            "9 kinds of tokens; 0.1% of the tokens are lost by truncation, 0.2% are unknown",
            "word：词以空格分隔；最长的 0.5 % 文本截断到最多 46 个词元；"
            "9 种词元；0.1% 的词元因截断丢失，0.2% 为未知词元",
        ),
        ("a\nthere is no such file", "a\n没有这个文件"),
        (
            "cnn: compute.threads: 1: by the work of a step; this process may use 2",
            "cnn: compute.threads: 1：按每步的计算量；本进程可用 2 个",
        ),
        (
            "-> bag: accuracy 0.8833 [0.8000, 0.9500] on 60 locked test rows",
            "-> bag：accuracy 0.8833 [0.8000, 0.9500]，锁定的测试集共 60 行",
        ),
    ],
)
def test_real_messages(english: str, chinese: str) -> None:
    assert translate(english, "zh") == chinese
    assert translate(english, "en") == english


@pytest.mark.parametrize(
    "arguments", [["--lang", "zh", "plan", "no.csv"], ["plan", "no.csv", "--lang", "zh"]]
)
def test_the_command_speaks_chinese(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2 and done.stderr.startswith("错误：no.csv：没有这个文件\n")


def test_the_environment_names_the_language_and_the_flag_is_stronger() -> None:
    chinese = {"TEXTWRIGHT_LANG": "zh"}
    assert "没有这个文件" in CliRunner().invoke(app, ["plan", "no.csv"], env=chinese).stderr
    asked = CliRunner().invoke(app, ["--lang", "en", "plan", "no.csv"], env=chinese)
    assert asked.stderr.startswith("error: no.csv: there is no such file\n")
    assert CliRunner().invoke(app, ["plan", "no.csv"]).stderr == asked.stderr


@pytest.mark.parametrize("arguments", [["--lang", "fr", "plan", "a.csv"], ["plan", "a.csv", "--lang", "fr"]])
def test_another_language_is_refused(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert done.stderr.splitlines() == ["error: --lang fr: unknown language", "Known: en, zh."]


@pytest.mark.parametrize("verb", [[], ["train"], ["tokenizer", "train"]])
def test_help_is_in_chinese_when_asked(verb: list[str]) -> None:
    shown = CliRunner().invoke(app, [*verb, "--help"], env={"TEXTWRIGHT_LANG": "zh"}).stdout
    assert "用法：" in shown and "选项：" in shown and "Options:" not in shown
    assert "选项：" not in CliRunner().invoke(app, [*verb, "--help"]).stdout


@pytest.mark.parametrize("flag", [["--lang", "zh"], ["--lang=zh"]])
def test_help_is_in_the_language_asked_for_on_either_side_of_the_verb(flag: list[str]) -> None:
    for line in ([*flag, "train", "--help"], ["train", *flag, "--help"]):
        shown = CliRunner().invoke(app, line, env={"TEXTWRIGHT_LANG": "en"}).stdout
        assert "用法：" in shown and "Options:" not in shown


def test_pages_open_in_the_language_of_the_command(tmp_path: Path) -> None:
    data, out = SOURCES / "sample" / "reviews.zh.csv", tmp_path / "m"
    line = ["train", str(data), "--label", "label", "--model", "bag", "--out", str(out)]
    done = CliRunner().invoke(app, [*line, "--lang", "zh"])
    assert done.exit_code == 0, done.output
    assert 'id="lang-zh" checked' in (out / "report.html").read_text(encoding="utf-8")
    written = CliRunner().invoke(app, ["card", str(out)])
    assert written.stdout.startswith("4 files in ")
    assert 'id="lang-en" checked' in (out / "report.html").read_text(encoding="utf-8")
    written = CliRunner().invoke(app, ["card", str(out), "--lang", "zh"])
    assert "中写出 4 个文件" in written.stdout
    assert '<html lang="zh">' in (out / "report.html").read_text(encoding="utf-8")


FEW = ["--set", "epochs=1", "--minutes", "1"]
ENGLISH = re.compile(r"[a-z]{2,} [a-z]+ [a-z]{2,}")


@pytest.mark.parametrize(
    "verbs",
    [
        [["train", "{data}", "--label", "label", "--out", "{out}", "--model", "transformer", *FEW],
         ["evaluate", "{out}", "{data}"], ["card", "{out}"]],
        [["plan", "{data}", "--label", "label"], ["plan", "{data}", "--label", "score"]],
        [["compare", "{data}", "--label", "label", "--models", "bag,cnn", "--vary", "seed=0,1",
          "--out", "{out}", *FEW]],
        [["tokenizer", "train", "{data}", "--out", "{out}"], ["tokenizer", "report", "{out}", "{data}"]],
    ],
    ids=lambda verbs: verbs[0][0],
)  # fmt: skip
def test_no_line_of_a_real_run_stays_english(verbs: list[list[str]], tmp_path: Path) -> None:
    data = tmp_path / "reviews.csv"
    lines = (SOURCES / "sample" / "reviews.zh.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    data.write_text("".join(lines[:81]), encoding="utf-8")
    for verb in verbs:
        arguments = [part.format(data=data, out=tmp_path / "out") for part in verb]
        result = CliRunner().invoke(app, arguments, env={"TEXTWRIGHT_LANG": "zh"})
        assert result.exit_code == 0, result.output
        said = f"{result.stderr}\n{result.stdout}".replace("\r", "\n").splitlines()
        assert len(said) > 2
        assert [line for line in said if ENGLISH.search(line) and "textwright" not in line] == []
