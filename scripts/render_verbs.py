"""Render docs/how-to/verbs.md and its Chinese twin: every verb of the command line, from its function.

    python scripts/render_verbs.py [--check]

With --check nothing is written: it ends with 1 when a page is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from textwright.cli.main import VERBS
from textwright.report.messages import LANGUAGES, Language, translate

HOW_TO = Path(__file__).parent.parent / "docs" / "how-to"
TARGETS: dict[Language, Path] = {"en": HOW_TO / "verbs.md", "zh": HOW_TO / "zh" / "verbs.md"}
SHARED = ("json", "debug", "lang")

_AUDIT = (
    "about, task, language, n, labels, parts, files, settings, verdict, checks, findings, seconds, "
    "out, format, textwright_version"
)
# What --json gives, as section 6 of the design promises; a test compares it with what the verbs do.
KEYS = {
    "demo": ["parts, audits"],
    "train": ["task, model, out, seconds, parameters, bytes, candidates, scores, split, interrupted"],
    "pretrain": [
        "objective, model, out, seconds, tokens, tokens_per_second, parameters, scores, split, interrupted"
    ],
    "generate": ["texts"],
    "chat": ["turns, forgotten"],
    "fill": ["texts"],
    "inspect": [
        "out, name, model, objective, textwright_version, text, num_tokens, notes, bits, bits_per_token, "
        "bits_per_byte, num_likeliest, least_expected, tokens, places, attention, nearest"
    ],
    "plan": ["task, schema, rows, account, candidates, reasons"],
    "predict": ["n, out, unreadable"],
    "translate": ["n, out, cut, kept, unsure"],
    "export": [
        "format, out, max_difference, mean_difference, changed_answers, rows, bytes, seconds, passed",
    ],
    "summarize": ["method, n, out, unreadable, text, spans, unsupported"],
    "evaluate": [
        "n, seconds, scores, split, locked_rows, learned_rows, trained_on, cleaning, wrong, details",
    ],
    "compare": [
        "n, a, b, difference, p_value, test, mcnemar, verdict, num_differ, differ, locked_rows, notes",
        "task, out, seconds, candidates, best, split, headline, n, interrupted",
    ],
    "curve": ["task, model, out, seconds, headline, split, n, points, twice, interrupted"],
    "label": ["out, rows, n, seconds, by, left_out"],
    "audit data": [f"{_AUDIT}, cleaning"],
    "audit model": [
        f"{_AUDIT}, model, model_path, model_sha256, architecture, left_out, learned_rows, locked_rows, "
        "positive, scores, predictions_sha256"
    ],
    "audit list": ["checks"],
    "audit fix": ["audit, offers, patches, wanted, notes"],
    "audit undo": ["audit, patch, back, patches"],
    "audit review": ["audit, finding, rows, answers, file"],
    "audit diff": ["a, b, gone, new, kept, numbers, groups, verdict, out"],
    "audit gate": ["verdict, reasons, failed, undecided, accepted, policy"],
    "audit selftest": ["checks, skipped, passed, seconds"],
    "card": ["out, files, not_assessed"],
    "tokenizer train": ["kind, reason, out, vocabulary_size, max_length, texts, seconds, fingerprint"],
    "tokenizer report": [
        "kind, vocabulary_size, texts, tokens, bytes_per_token, scripts, unknown, truncation, length, "
        "longest_pieces, unused",
    ],
    "doctor": ["checks, passed"],
}
# Codes that a verb has beside those of all verbs.
CODES = {
    "audit gate": "gate",
    "audit selftest": "check",
    "doctor": "check",
    "export": "check",
    "train": "kept",
    "pretrain": "kept",
    "compare": "kept",
    "curve": "kept",
}

WORDS: dict[str, dict[Language, str]] = {
    "head": {
        "en": """# The verbs

Rendered from the code by `scripts/render_verbs.py`; do not edit by hand.

Each verb is `textwright VERB`, and `textwright VERB --help` says the same as this page. What has no flag is a
setting: [settings](../settings.md) lists them all.
""",
        "zh": """# 命令

由 `scripts/render_verbs.py` 从代码生成；请勿手工修改。

每个命令写作 `textwright 命令`，`textwright 命令 --help` 给出与本页相同的内容。没有对应选项的都是设置：
[全部设置](../../settings.md)（英文）。
""",
    },
    "shared": {
        "en": """
## What all verbs share

{table}
`--lang` also stands before the verb; `TEXTWRIGHT_LANG` holds for all of them. With `--json` the last line on
standard output is one JSON object, and everything else goes to standard error; a command that fails prints
no JSON, its exit code and two lines on standard error say why. A score is
`{{"value":, "low":, "high":, "n":, "better":}}` under the name of its metric.
[Section 6 of the design](../design.md#6-the-command-line-contract) says what the keys hold.

| exit code | says |
| --- | --- |
| 0 | done |
| 1 | a check failed; `audit gate`, `audit selftest`, `doctor` and `export` only |
| 2 | the request or the data can be mended: one line says what is wrong, one what to do |
| 3 | undecided; `audit gate` only |
| 70 | a bug of ours: please report it |
| 130, 143 | interrupted (Ctrl-C), terminated; the best so far is kept where there is one |
""",
        "zh": """
## 所有命令共有的

{table}
`--lang` 也可以写在命令之前；`TEXTWRIGHT_LANG` 对所有命令有效。给出 `--json` 时，
标准输出的最后一行是一个 JSON 对象，其余内容都写到标准错误；失败的命令不输出 JSON，
由退出码和标准错误的两行说明原因。
其中的分数写作 `{{"value":, "low":, "high":, "n":, "better":}}`，放在指标名之下。
各个键的含义见[设计文档第 6 节](../../design.md#6-the-command-line-contract)（英文）。

| 退出码 | 含义 |
| --- | --- |
| 0 | 完成 |
| 1 | 有检查失败；仅 `audit gate`、`audit selftest`、`doctor` 和 `export` |
| 2 | 请求或数据可以改正：一行说明哪里有问题，一行说明怎么办 |
| 3 | 无法判断；仅 `audit gate` |
| 70 | 我们的程序错误：请报告 |
| 130、143 | 被中断（Ctrl-C）、被终止；已有结果时保留目前最好的 |
""",
    },
    "columns": {
        "en": "\n| flag | takes | what it is |\n| --- | --- | --- |\n",
        "zh": "\n| 参数 | 取值 | 说明 |\n| --- | --- | --- |\n",
    },
    "again": {"en": ", may be given again", "zh": "，可多次给出"},
    "needed": {"en": "needed", "zh": "必须给出"},
    "default": {"en": "`{value}` when not given", "zh": "默认 `{value}`"},
    "between": {"en": ", ", "zh": "，"},
    "path": {"en": "file or folder", "zh": "文件或文件夹"},
    "str": {"en": "text", "zh": "文本"},
    "int": {"en": "whole number", "zh": "整数"},
    "float": {"en": "number", "zh": "数"},
    "example": {"en": "\nFor example:\n", "zh": "\n例如：\n"},
    "keys": {"en": "\nJSON keys: {keys}.\n", "zh": "\nJSON 键：{keys}。\n"},
    "or": {"en": "; or, of settings: ", "zh": "；比较设置时："},
    "predict": {
        "en": """
Each answer holds `label` and `probability` (with `--probabilities` also `probabilities`), `labels`, or
`score`. With `--explain` it holds `tokens` too, each with `text`, `start`, `end` and `weight`, and `cut`, the
number of tokens that the model never read; with several labels also `explained`, the label that they speak
for. A row that cannot be read has an `error`.
""",
        "zh": """
每个答案包含 `label` 和 `probability`（给出 `--probabilities` 时还有 `probabilities`），
或 `labels`，或 `score`。给出 `--explain` 时还有 `tokens`，
每个词元带 `text`、`start`、`end` 和 `weight`；以及 `cut`，即模型没有读到的词元数；
多标签时另有 `explained`，即这些词元所支持的标签。无法读取的行带有 `error`。
""",
    },
    "codes": {"en": "\nExit codes: {codes}.\n", "zh": "\n退出码：{codes}。\n"},
    "check": {"en": "0, 1 (a check failed), 2, 70, 130, 143", "zh": "0、1（有检查失败）、2、70、130、143"},
    "gate": {
        "en": "0, 1 (fail), 2, 3 (undecided), 70, 130, 143",
        "zh": "0、1（不通过）、2、3（无法判断）、70、130、143",
    },
    "kept": {
        "en": "0, 2, 70; 130 and 143 with the best so far kept, where there is one",
        "zh": "0、2、70；130 和 143 时，如果已有结果，会保留目前最好的",
    },
    "all": {"en": "0, 2, 70, 130, 143", "zh": "0、2、70、130、143"},
}


@dataclass(frozen=True)
class Flag:
    """An argument or option of a verb."""

    name: str
    declared: str
    info: ArgumentInfo | OptionInfo
    kind: Any
    default: Any

    @property
    def is_argument(self) -> bool:
        return isinstance(self.info, ArgumentInfo)

    @property
    def is_needed(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def is_many(self) -> bool:
        return get_origin(self.kind) is list

    def takes(self, language: Language) -> str:
        """What stands behind the flag, in words; nothing for a switch, and where the help says it all."""
        inner = get_args(self.kind)[0] if self.is_many else self.kind
        if inner is bool or (self.is_argument and inner is str):
            return ""
        kind = WORDS["path" if inner is Path else inner.__name__][language]
        return kind + (WORDS["again"][language] if self.is_many else "")

    def row(self, language: Language) -> str:
        parts = [self.takes(language), WORDS["needed"][language] if self.is_needed else ""]
        if self.default not in (inspect.Parameter.empty, None, False):
            parts.append(WORDS["default"][language].format(value=self.default))
        takes = WORDS["between"][language].join(filter(None, parts))
        what = translate(self.info.help or "", language).replace("|", "\\|")
        return f"| `{self.declared}` | {takes} | {what} |\n"


def flags_of(function: Callable[..., None]) -> list[Flag]:
    """Arguments and options, in the order in which the function has them."""
    hints = get_type_hints(function, include_extras=True)
    return [_flag(name, hints[name], p.default) for name, p in inspect.signature(function).parameters.items()]


def _flag(name: str, hint: Any, default: Any) -> Flag:
    kind, info = get_args(hint)[:2]
    if isinstance(kind, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    argument = getattr(info, "metavar", None) or name.upper()
    declared = argument if isinstance(info, ArgumentInfo) else f"--{name.strip('_').replace('_', '-')}"
    return Flag(name, (getattr(info, "param_decls", None) or [declared])[0], info, kind, default)


def verbs() -> Iterator[tuple[str, Callable[..., None]]]:
    """Each verb as it is called, and its function: `tokenizer` has two."""
    for verb in VERBS:
        commands = import_module(f"textwright.cli.{verb}").app.registered_commands
        for command in commands:
            inner = command.name or command.callback.__name__
            yield (f"{verb} {inner}" if len(commands) > 1 else verb), command.callback


def paragraphs(function: Callable[..., None]) -> tuple[list[str], list[str]]:
    """What its docstring says, and the examples it ends with."""
    parts = [" ".join(part.split()) for part in (inspect.getdoc(function) or "").split("\n\n")]
    said = [part for part in parts if not part.startswith("Example: ")]
    return said, [part.removeprefix("Example: ") for part in parts if part not in said]


def section(name: str, function: Callable[..., None], language: Language) -> str:
    """All of one verb."""
    said, examples = paragraphs(function)
    flags = [flag for flag in flags_of(function) if not _is_shared(flag)]
    codes = WORDS[CODES.get(name, "all")][language]
    parts = [f"\n## `{name}`\n", *(f"\n{translate(part, language)}\n" for part in said)]
    parts.append(f"\n```text\n{usage(name, flags)}\n```\n")
    if flags:
        parts += [WORDS["columns"][language], *(flag.row(language) for flag in flags)]
    parts += [
        WORDS["example"][language],
        "\n```text\n",
        *(f"{e}\n" for e in examples or [_call(name)]),
        "```\n",
    ]
    listed = [", ".join(f"`{key}`" for key in keys.split(", ")) for keys in KEYS[name]]
    parts.append(WORDS["keys"][language].format(keys=WORDS["or"][language].join(listed)))
    if name == "predict":
        parts.append(WORDS[name][language])
    return "".join([*parts, WORDS["codes"][language].format(codes=codes)])


def usage(name: str, flags: Sequence[Flag]) -> str:
    """One line: what is needed, and that there is more."""
    words = [_call(name)]
    for flag in (flag for flag in flags if flag.is_argument):
        word = flag.declared + ("..." if flag.is_many and not flag.info.metavar else "")
        words.append(word if flag.is_needed else f"[{word}]")
    options = [flag for flag in flags if not flag.is_argument]
    words += [f"{flag.declared} {flag.name.upper()}" for flag in options if flag.is_needed]
    words += ["[flags]"] if any(not flag.is_needed for flag in options) else []
    return " ".join(words)


def _call(name: str) -> str:
    return f"textwright {name}"


def _is_shared(flag: Flag) -> bool:
    """`card` has a --lang of its own."""
    return flag.name in SHARED and flag.info.help == _shared()[flag.name].info.help


def _shared() -> dict[str, Flag]:
    train = next(function for name, function in verbs() if name == "train")
    return {flag.name: flag for flag in flags_of(train) if flag.name in SHARED}


def rendered(language: Language) -> str:
    table = "".join([WORDS["columns"][language].lstrip(), *(f.row(language) for f in _shared().values())])
    return "".join(
        [
            WORDS["head"][language],
            WORDS["shared"][language].format(table=table),
            *(section(name, function, language) for name, function in verbs()),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a page is out of date")
    checks = parser.parse_args(arguments).check
    for language in LANGUAGES:
        target = TARGETS[language]
        if not checks:
            target.write_text(rendered(language), encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != rendered(language):
            print(f"{target} is out of date: run python scripts/render_verbs.py", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
