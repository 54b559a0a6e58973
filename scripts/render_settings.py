"""Render docs/settings.md: every setting of a recipe and of each architecture, from their classes.

    python scripts/render_settings.py [--check]

With --check nothing is written: it ends with 1 when the page is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textwright.core.settings import Settings
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.models.registry import ARCHITECTURES
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.recipe import Recipe
from textwright.tasks.summarizing.settings import ExtractorSettings
from textwright.tasks.writing.sampling import WritingSettings
from textwright.text.tokenizers import KINDS, TokenizerSettings

TARGET = Path(__file__).parent.parent / "docs" / "settings.md"
HEAD = """# Settings

Rendered from the code by `scripts/render_settings.py`; do not edit by hand.

`--set NAME=VALUE` sets one of these, as often as needed; a recipe file holds the same names. `learn.`,
`compute.` and `model.` may be left out: `--set optimizer.name=sgd` is `--set learn.optimizer.name=sgd`;
so may `pairs.` where pairs are learned. With
`compare --vary NAME=A,B` several values are tried. What `auto` became, and why, is in the plan.
"""
TABLE = "\n| name | values | default | what it is |\n| --- | --- | --- | --- |\n"
_TYPES = {"integer": "whole number", "number": "number", "boolean": "true, false", "string": "text"}
_LIMITS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)


def values_of(schema: dict[str, Any], groups: dict[str, Any]) -> str:
    """What a field takes, in words."""
    if "$ref" in schema:
        return values_of(groups[schema["$ref"].rsplit("/", 1)[1]], groups)
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind.get("type") != "null"]
        return ", ".join(dict.fromkeys(values_of(kind, groups) for kind in kinds))
    if "enum" in schema or "const" in schema:
        return ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"list of: {values_of(items, groups)}"
    limits = " and ".join(f"{word} {schema[key]:g}" for key, word in _LIMITS if key in schema)
    return f"{_TYPES.get(schema.get('type', ''), 'group')} {limits}".strip()


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, list | tuple):
        return str(list(default))
    return f"{default:g}" if isinstance(default, float) else str(default)


def rows(settings: type[Settings], prefix: str = "") -> Iterator[str]:
    schema = settings.model_json_schema()
    for name, field in settings.model_fields.items():
        if isinstance(field.default, Settings):
            yield from rows(type(field.default), f"{prefix}{name}.")
            continue
        if name in ("tokenizer", "model"):  # have tables of their own
            continue
        values = values_of(schema["properties"][name], schema.get("$defs", {}))
        default = "" if field.is_required() or field.default is None else shown(field.default)
        yield f"| `{prefix}{name}` | {values} | {default} | {field.description or ''} |\n"


def rendered() -> str:
    parts = [
        HEAD,
        "\n## Of every training\n",
        TABLE,
        *rows(Recipe),
        "\n## Of the tokenizer\n\nKinds: ",
        ", ".join(KINDS.names()),
        ". `pretrained` brings its own; only `max_length` and `truncate` can be set there.\n",
        TABLE,
        *rows(TokenizerSettings, "tokenizer."),
    ]
    for name in ARCHITECTURES:
        architecture = ARCHITECTURES.get(name)
        parts += [
            f"\n## Of `{name}`\n\n{architecture.summary[0].upper()}{architecture.summary[1:]}.\n",
            TABLE,
        ]
        parts += rows(architecture.settings, "model.")
    parts += [
        "\n## Of `pretrain`\n\nHow a language is learned; `learn.` and `compute.` are as above.\n",
        TABLE,
        *(row for row in rows(PretrainRecipe) if not row.startswith(("| `learn.", "| `compute."))),
        "\n## Of every language model\n\n",
        *(f"- `{name}`: {LANGUAGE_MODELS.get(name).summary}.\n" for name in LANGUAGE_MODELS),
        TABLE,
        *rows(LanguageSettings, "model."),
        "\n## Of `extractor`\n\nOf `train --task summarize --model extractor`, which picks sentences.\n",
        TABLE,
        *rows(ExtractorSettings, "model."),
        "\n## Of `generate`\n",
        TABLE,
        *rows(WritingSettings),
    ]
    return "".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is out of date")
    if not parser.parse_args(arguments).check:
        TARGET.write_text(rendered(), encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != rendered():
        print(f"{TARGET} is out of date: run python scripts/render_settings.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
