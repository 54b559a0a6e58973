"""How much quicker CTranslate2 answers than `generate` of transformers: the same weights, tokens a second.

    python bench/decoding.py --model FOLDER --texts dev.tsv.gz

Beam 4, batches of 32 in the order of their lengths, all processors; the two take turns, and the ratio of
their medians has a 95 % interval over the turns (bootstrap). With `--size small` the weights are drawn at
random, of another size, and each answer has 25 tokens.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from _record import append, head, new_run
from textwright.bundle.manifest import PAIRS
from textwright.export.ctranslate2 import write_model
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.seq2seq import Seq2SeqSettings
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.rewriting.engines.base import Engine
from textwright.tasks.rewriting.engines.ctranslate2 import CTranslate2Engine
from textwright.tasks.rewriting.model import ended
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel
from textwright.text.pairs.reading import Asked, read_pairs
from textwright.text.rowlog import RowLog

_BATCH, _TURNS = 32, 7


def speed(engine: Engine, model: LanguageModel, texts: Sequence[str], settings: DecodeSettings) -> float:
    """Tokens a second."""
    sources = ended(model.tokenizer, texts, model.frame, model.length)
    order = np.argsort(sources.lengths, kind="stable")
    started, told = time.perf_counter(), 0
    for start in range(0, len(order), _BATCH):
        found = engine.decode(sources.take(order[start : start + _BATCH]), settings)
        told += sum(len(answers[0].ids) + 1 for answers in found)
    return told / (time.perf_counter() - started)


def library_speed(model: LanguageModel, texts: Sequence[str], settings: DecodeSettings) -> float:
    """The same of the library's own `generate`, with nothing of ours around it."""
    sources = ended(model.tokenizer, texts, model.frame, model.length)
    order = np.argsort(sources.lengths, kind="stable")
    lengths = {"max_new_tokens": settings.max_tokens or 64, "min_new_tokens": settings.min_tokens or None}
    started, told = time.perf_counter(), 0
    for start in range(0, len(order), _BATCH):
        ids, mask = sources.take(order[start : start + _BATCH]).padded(model.vocabulary.pad_id)
        with torch.no_grad():
            found = model.model.generate(
                input_ids=torch.from_numpy(ids.astype(np.int64)),
                attention_mask=torch.from_numpy(mask.astype(np.int64)),
                num_beams=settings.beams,
                **lengths,
            )
        told += int((found[:, 1:] != model.vocabulary.pad_id).sum())
    return told / (time.perf_counter() - started)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a folder of textwright train")
    parser.add_argument("--texts", type=Path, required=True, help="a file of pairs")
    parser.add_argument("--rows", type=int, default=320)
    parser.add_argument("--size", help="random weights of this size, in the place of those of the folder")
    parser.add_argument("--quantization", default="int8")
    args = parser.parse_args(argv)
    torch.set_num_threads(usable_cpus())
    model = LanguageModel.load(args.model, PAIRS)
    settings = DecodeSettings(beams=4)
    if args.size:
        torch.manual_seed(0)
        sizes = Seq2SeqSettings(size=args.size).sized()
        model.network = LANGUAGE_MODELS.get("m2m100").build(sizes, model.vocabulary).eval()
        settings = DecodeSettings(beams=4, min_tokens=25, max_tokens=25)
    pairs = read_pairs([args.texts], Asked(), RowLog())
    texts = [pair.source for pair in pairs[: args.rows]]
    with tempfile.TemporaryDirectory() as folder:
        write_model(model, Path(folder), args.quantization)
        quick = CTranslate2Engine.open(Path(folder), model.frame, model.never, model.length)
        both = (partial(library_speed, model), partial(speed, quick, model))
        for measured in both:
            measured(texts[:_BATCH], settings)
        turns = np.array([[measured(texts, settings) for measured in both] for _ in range(_TURNS)])
    rng = np.random.default_rng(0)
    drawn = turns[rng.integers(0, _TURNS, (2000, _TURNS))]
    ratios = np.median(drawn[:, :, 1], 1) / np.median(drawn[:, :, 0], 1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    medians = np.median(turns, 0)
    size = sum(p.numel() for p in model.model.parameters())
    result = {
        "transformers_tokens_per_second": round(float(medians[0])),
        "ctranslate2_tokens_per_second": round(float(medians[1])),
        "ratio": round(float(medians[1] / medians[0]), 2),
        "ratio_low": round(float(low), 2),
        "ratio_high": round(float(high), 2),
        "parameters": size,
    }
    flags = f"--model {args.model.name} --texts {args.texts.name} --rows {args.rows}"
    flags += f" --size {args.size}" if args.size else ""
    where = {"seed": 0, "set": args.texts.parent.name, "task": "beam 4, batch 32"}
    name = f"{args.quantization} {args.size or 'trained'}"
    append(
        {
            **head("decoding", f"python bench/decoding.py {flags}", new_run()),
            **where,
            "system": name,
            "result": result,
        }
    )
    print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
