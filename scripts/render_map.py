"""Draws the map of the house, docs/pictures/map.{en,zh}.svg, from the floors that check_structure.py holds.

    python scripts/render_map.py

The numbers follow a file of yours: who reads it first, and what comes after. Rooms without code are dashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from check_structure import FLOORS

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = PROJECT / "docs" / "pictures"

# Room: the step of the way of a file, and what the room does, in English and Chinese.
ROOMS = {
    "cli": ("", "commands, and what a terminal shows", "命令，以及终端上显示的内容"),
    "api": ("", "verbs for Python", "供 Python 使用"),
    "language": ("", "language models", "语言模型"),
    "rewriting": ("", "translation", "翻译"),
    "estimator": ("", "for scikit-learn", "供 scikit-learn 使用"),
    "serve": ("", "the same over HTTP", "通过 HTTP 提供服务"),
    "choose": ("5", "which model is best on validation", "在验证集上选出最好的模型"),
    "audit": ("", "bias and faults, of data and model", "检查数据与模型的偏差和缺陷"),
    "export": ("", "CTranslate2; later ONNX, Keras", "CTranslate2；计划 ONNX、Keras"),
    "tasks": ("2", "labels, scores: rows become examples", "标签与评分：数据行变成样本"),
    "bundle": ("7", "the folder that keeps the model", "保存模型的文件夹"),
    "learn": ("4", "the one training loop", "唯一的训练循环"),
    "measure": ("6", "scores with intervals, locked rows", "在锁定数据上测得分与区间"),
    "report": ("8", "the report and the model cards", "报告与模型卡"),
    "models": ("3", "n-grams, CNN, LSTM, Transformer", "n 元组、CNN、LSTM、Transformer"),
    "text": ("1", "reads, cleans, splits, tokenizes", "读取、清洗、划分、分词"),
    "runtime": ("", "processors, precision, threads", "处理器、精度、线程"),
    "core": ("", "errors, settings, records, clock, files", "错误、设置、记录、时钟、文件"),
}
WORDS = {
    "en": (
        "The rooms of Textwright",
        "a room imports only from the floors below; 1 to 8: the way of your file",
    ),
    "zh": ("Textwright 的各个模块", "每个模块只能使用下面各层的模块；1 到 8：您的文件所走的路"),
}
PLANNED = {"en": "planned", "zh": "计划中"}
_STYLE = """
:root{color-scheme:light dark}
text{fill:#1d2228;font:13px system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
.name{font-weight:700;font-size:16px}.title{font-size:18px;font-weight:700}.soft{fill:#565e68}
.step{fill:#fff;font-weight:700;text-anchor:middle}.dot{fill:#0067a3}
.page{fill:#fdfcf9}.room{fill:#fff;stroke:#0067a3;stroke-width:1.5}.plan{stroke:#8a8f96;stroke-dasharray:5 4}
@media (prefers-color-scheme:dark){
text{fill:#e8e6e1}.soft{fill:#a9b0b9}.dot{fill:#1f6fa8}
.page{fill:#15181c}.room{fill:#1c2026;stroke:#6bb8ee}.plan{stroke:#767d86}
}
"""
_WIDTH, _HEIGHT, _GAP, _TOP, _LEFT = 860, 58, 12, 64, 18


def has_code(room: str) -> bool:
    """Whether the room is more than a name."""
    home = PROJECT / "src" / "textwright" / room
    return home.with_suffix(".py").is_file() or any(home.glob("[a-z]*.py"))


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest floor first."""
    numbers = sorted({FLOORS[room] for room in ROOMS}, reverse=True)
    return [[room for room in ROOMS if FLOORS[room] == number] for number in numbers]


def draw(language: str) -> str:
    """The map as SVG."""
    rows = floors()
    height = _TOP + len(rows) * (_HEIGHT + _GAP) + 8
    title, line = WORDS[language]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" lang="{language}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}" rx="8"/>',
        f'<text class="title" x="{_LEFT}" y="30">{escape(title)}</text>',
        f'<text class="soft" x="{_LEFT}" y="50">{escape(line)}</text>',
    ]
    for i, row in enumerate(rows):
        parts += _floor(row, _TOP + i * (_HEIGHT + _GAP), language)
    return "\n".join([*parts, "</svg>\n"])


def _floor(row: list[str], y: float, language: str) -> Iterator[str]:
    """The rooms of a floor share its width."""
    width = (_WIDTH - 2 * _LEFT - _GAP * (len(row) - 1)) / len(row)
    for i, room in enumerate(row):
        yield from _room(room, _LEFT + i * (width + _GAP), y, width, language)


def _room(room: str, x: float, y: float, width: float, language: str) -> Iterator[str]:
    step, *says = ROOMS[room]
    kind = "room" if has_code(room) else "room plan"
    yield f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{_HEIGHT}" rx="8"/>'
    later = "" if has_code(room) else f' <tspan class="soft">({PLANNED[language]})</tspan>'
    yield f'<text class="name" x="{x + 14:g}" y="{y + 24:g}">{room}{later}</text>'
    yield f'<text class="soft" x="{x + 14:g}" y="{y + 45:g}">{escape(says[language == "zh"])}</text>'
    if step:
        yield f'<circle class="dot" cx="{x + width - 20:g}" cy="{y + 19:g}" r="11"/>'
        yield f'<text class="step" x="{x + width - 20:g}" y="{y + 24:g}">{step}</text>'


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for language in WORDS:
        (PICTURES / f"map.{language}.svg").write_text(draw(language), encoding="utf-8")


if __name__ == "__main__":
    main()
