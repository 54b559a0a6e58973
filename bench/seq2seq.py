"""Our translations and summaries beside the peer's: BLEU and chrF, or ROUGE, of dev after some minutes.

    python bench/seq2seq.py --sets multi30k.en-de --systems ours:m2m100,peer:m2m100 --minutes 90 --seed 0
    python bench/seq2seq.py --sets dialogsum --systems method:lead,method:textrank,ours:extractor --minutes 5

Ours is `textwright train TRAIN --minutes M` as a person calls it: its minutes are those of the whole process.
The peer's budget is for its steps alone: tokenizer, trial, evaluation come on top. Both are scored here, by
the same code, from their answers to the same rows with beam 4. `--folder` scores a model of ours that is
there already, with the minutes that its plan.json tells. Of the answers the counts for each row are kept, no
text: some sets may not be passed on. `--compare` draws two kept systems against each other.

`enzh` learns from five sets at once, and each of their dev sets is scored. Where rows of dev share a side
with pairs that were learned from, or nearly, `num_known` counts them, and `..._clean` are of the others.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from _record import PREDICTIONS, append, data_folder, head, new_run, run_child
from classify import CellError, last_json
from textwright.choose.pairs.entrants import opened_model
from textwright.core.files import read_json
from textwright.measure.paired_corpus import paired_corpus
from textwright.measure.rouge import RougeMeter
from textwright.measure.translation import TranslationMeter, bleu_of_sums, chrf_of_sums
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.rewriting.scoring import meter_of
from textwright.tasks.summarizing.baselines import Baseline, baselines_of
from textwright.text.pairs.alike import leaks
from textwright.text.pairs.languages import language_of
from textwright.text.pairs.reading import NAMES, Asked, Pair, read_pairs
from textwright.text.rowlog import RowLog

SUMMARIES = frozenset({"dialogsum", "email_subjects", "tv_news_zh"})
# Sets that are learned from together, and scored one by one.
UNIONS = {"enzh": ("tatoeba_enzh", "news_enzh", "subtitles_enzh", "wiki_enzh", "pydocs_enzh")}
ENDINGS = (".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz")
_LONGEST_LABEL = 60
# Sets whose papers count lower-cased Moses tokens, by the end of the name.
TOKENISED = {"multi30k.en-de": "de", "multi30k.en-fr": "fr"}


def pairs_file(data: Path, name: str, part: str) -> Path:
    """`multi30k.en-de` is `multi30k/train.en-de.tsv.gz`."""
    folder, _, direction = name.partition(".")
    stem = part + (f".{direction}" if direction else "")
    for ending in ENDINGS:
        if (data / folder / f"{stem}{ending}").exists():
            return data / folder / f"{stem}{ending}"
    raise CellError(f"skipped: {name}: there is no {stem} with {', '.join(ENDINGS)}")


def task_of(name: str) -> str:
    return "summarize" if name.partition(".")[0] in SUMMARIES else "translate"


def parts_of(name: str) -> tuple[str, ...]:
    return UNIONS.get(name, (name,))


def train_file(data: Path, name: str, folder: Path) -> Path:
    """What is learned from: of several sets one file of all their rows, under one header."""
    files = [pairs_file(data, part, "train") for part in parts_of(name)]
    if len(files) == 1:
        return files[0]
    joined = folder / f"{name}.tsv"
    with joined.open("w", encoding="utf-8", newline="") as out:
        for number, file in enumerate(files):
            opened = gzip.open if file.suffix == ".gz" else open
            with opened(file, "rt", encoding="utf-8", newline="") as lines:
                out.writelines(line for row, line in enumerate(lines) if row or not number)
    return joined


def pairs_of(data: Path, name: str, part: str) -> list[Pair]:
    return read_pairs([pairs_file(data, name, part)], Asked(), RowLog(), names=NAMES[task_of(name)])


def ours(name: str, data: Path, args: argparse.Namespace, system: str, folder: Path) -> dict[str, Any]:
    """The folder of a model that was trained now, or is there, and its answers."""
    model = args.folder or folder / "model"
    more: dict[str, Any] = {}
    if args.folder is None:
        settings = [part for text in args.set or [] for part in ("--set", text)]
        begun = [Path(sys.executable).parent / "textwright", "train", train_file(data, name, folder)]
        begun += ["--task", task_of(name), "--model", system.removeprefix("ours:"), *settings]
        begun += ["--minutes", str(args.minutes), "--seed", str(args.seed), "--out", model, "--json"]
        child = run_child(begun)
        last_json(child)
        more = {"total_s": round(child.seconds, 1), "peak_mb": round(child.peak_mb, 1)}
    plan = read_json(model / "plan.json")
    more.setdefault("total_s", round(plan["cost"]["seconds"], 1))
    if "epochs" in plan:  # an extractor is no network, and has none
        more |= {"epochs": plan["epochs"], "tokens": plan["tokens"], "threads": plan["compute"]["threads"]}
    return {**more, "parameters": read_json(model / "textwright.json")["parameters"], "model": str(model)}


def peer(name: str, data: Path, args: argparse.Namespace, system: str, folder: Path) -> dict[str, Any]:
    """The same minutes, at the rate that --rate says: bench with three, the best on dev counts."""
    python, scripts = os.environ.get("TEXTWRIGHT_PEERS_PYTHON"), os.environ.get("TEXTWRIGHT_PEERS")
    if not python or not scripts or not Path(scripts, "seq2seq.py").exists():
        raise CellError("skipped: TEXTWRIGHT_PEERS, TEXTWRIGHT_PEERS_PYTHON name no peers (bench/README.md)")
    flags: list[Any] = ["--minutes", args.minutes, "--lr", args.rate, "--dropout", args.dropout]
    flags += ["--arch", system.removeprefix("peer:"), "--layers", args.layers, "--width", args.width]
    flags += ["--ffn", args.ffn, "--vocab", args.vocabulary, "--batch", args.batch, "--seed", args.seed]
    flags += ["--save", folder / "model", *(["--summarise"] if task_of(name) == "summarize" else [])]
    files = [train_file(data, name, folder), pairs_file(data, parts_of(name)[0], "dev")]
    os.environ["OMP_WAIT_POLICY"] = ""  # its best setting on a quiet machine
    try:
        child = run_child([python, Path(scripts).resolve() / "seq2seq.py", *files, *map(str, flags)])
    finally:
        del os.environ["OMP_WAIT_POLICY"]
    found = last_json(child)
    kept = ("parameters", "seconds", "steps", "planned_steps", "epochs", "lr", "dropout")
    return {**{key: found[key] for key in kept}, "its_own": _its_own(found), "model": str(folder / "model")}


def method(name: str, data: Path, args: argparse.Namespace, system: str, folder: Path) -> dict[str, Any]:
    """A way to pick sentences that learns nothing but how many: `train` tells that, as for all of ours."""
    pairs = pairs_of(data, name, "train")
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    [found] = baselines_of(*sides, [system.removeprefix("method:")], args.seed)
    path = folder / "method.json"
    path.write_text(json.dumps(found.to_json()), encoding="utf-8")
    return {"sentences": found.room.sentences, "words": found.room.words, "model": str(path)}


def _its_own(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("bleu", "chrf", "rouge1", "rouge2", "rougeL") if key in found}


def answers(model: Path, system: str, sources: Sequence[str], room: int) -> list[str]:
    """By beam 4 where words are written: of ours as `evaluate` answers, of the peer as its script does."""
    if system.startswith("method"):
        summarizer = Baseline.from_json(read_json(model)).summarizer
        return [found.text for found in summarizer.summarize_all(sources)]
    if system.startswith("ours"):
        return opened_model(model).answer(sources)
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    network, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(model), AutoTokenizer.from_pretrained(model)
    network.eval()
    ids = tokenizer(list(sources), truncation=True, max_length=room).input_ids
    order, made = sorted(range(len(ids)), key=lambda i: len(ids[i])), [""] * len(ids)
    for start in range(0, len(order), 32):
        part = order[start : start + 32]
        batch = tokenizer.pad({"input_ids": [ids[i] for i in part]}, return_tensors="pt")
        with torch.no_grad():
            found = network.generate(**batch, num_beams=4, max_new_tokens=128)
        for i, text in zip(part, tokenizer.batch_decode(found, skip_special_tokens=True), strict=True):
            made[i] = text.strip()
    return made


def tokenised(made: Sequence[str], wanted: Sequence[str], language: str) -> float | None:
    """BLEU of lower-cased Moses tokens, as papers on Multi30k count it; None without sacremoses."""
    try:
        from sacremoses import MosesTokenizer
    except ImportError:
        return None
    moses, meter = MosesTokenizer(lang=language), TranslationMeter(language, tokenize="none")

    def cut(texts: Sequence[str]) -> list[str]:
        return [moses.tokenize(text.lower(), return_str=True, escape=False) for text in texts]

    meter.update(cut(made), [[text] for text in cut(wanted)])
    return meter.scores(replicates=1)["bleu"].value


def scored(name: str, made: list[str], data: Path) -> tuple[dict[str, Any], Any]:
    """The scores of answers to dev, and the meter that counted them."""
    task, rows = task_of(name), pairs_of(data, name, "dev")
    targets = [row.target for row in rows]
    meter = meter_of(task, language_of(targets))
    meter.update(made, [[text] for text in targets], [row.source for row in rows])
    result: dict[str, Any] = {}
    for key, score in meter.scores().items():
        result |= {key: round(score.value, 2), f"{key}_low": round(score.low, 2)}
        result[f"{key}_high"] = round(score.high, 2)
    details = meter.details()
    result["counted_by"] = details["signatures"]["bleu"] if task == "translate" else details["label"]
    if name in TOKENISED and (plain := tokenised(made, targets, TOKENISED[name])) is not None:
        result["bleu_tokenised_lc"] = round(plain, 2)
    return result, meter


def cleanly(name: str, learned: str, made: list[str], data: Path) -> dict[str, Any]:
    """The scores without the rows that the pairs learned from give away."""
    rows = pairs_of(data, name, "dev")
    known = set(
        leaks(rows, [pair for part in parts_of(learned) for pair in pairs_of(data, part, "train")]).tolist()
    )
    if not known:
        return {"num_known": 0}
    kept = [i for i in range(len(rows)) if i not in known]
    targets = [rows[i].target for i in kept]
    meter = meter_of(task_of(name), language_of(targets))
    meter.update([made[i] for i in kept], [[text] for text in targets], [rows[i].source for i in kept])
    return {"num_known": len(known)} | {f"{k}_clean": round(v.value, 2) for k, v in meter.scores().items()}


def counts_path(name: str, system: str, minutes: float, seed: int) -> Path:
    label = system.replace(":", "-").replace("@", "-")
    if len(label) > _LONGEST_LABEL:  # many settings: some systems take no file names this long
        label = f"{label.partition('+')[0]}+{hashlib.sha256(label.encode()).hexdigest()[:8]}"
    return PREDICTIONS / f"{name.replace(' ', '-')}.{task_of(name)}.{label}.{minutes:g}min.{seed}.json.gz"


def kept_answers(path: Path, made: Sequence[str]) -> None:
    """Outside of the repository, where TEXTWRIGHT_ANSWERS names a folder: for eyes, and to compare."""
    if folder := os.environ.get("TEXTWRIGHT_ANSWERS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(list(made), ensure_ascii=False)
        Path(folder, path.name).write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


KINDS = {"ours": ours, "peer": peer, "method": method}


def run_cell(name: str, system: str, args: argparse.Namespace, data: Path, run: str) -> dict[str, Any]:
    flags = f"--sets {name} --systems {system} --minutes {args.minutes:g} --seed {args.seed}"
    flags += "".join(f" --set {text}" for text in args.set or [])
    flags += f" --folder {args.folder.name}" if args.folder else ""
    if system.startswith("peer"):
        flags += (
            f" --rate {args.rate:g} --dropout {args.dropout:g} --layers {args.layers} --width {args.width}"
        )
        flags += f" --ffn {args.ffn} --vocabulary {args.vocabulary} --batch {args.batch}"
    beginning = head("seq2seq", f"python bench/seq2seq.py {flags}", run)
    label = f"{system}@{args.rate:g}" if system.startswith("peer") else system
    label += "".join(f"+{text}" for text in args.set or [])
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        kind = system.partition(":")[0]
        if kind not in KINDS:
            raise CellError(f"{system}: a system begins with {', '.join(f'{name}:' for name in KINDS)}")
        made = KINDS[kind](name, data, args, system, Path(folder))
        model = Path(made.pop("model"))
        for part in parts_of(name):
            task, rows = task_of(part), pairs_of(data, part, "dev")
            room = 512 if task == "summarize" else 128
            told = answers(model, system, [row.source for row in rows], room)
            result, meter = scored(part, told, data)
            result |= cleanly(part, name, told, data)
            where = part if part == name else f"{part} of {name}"
            _keep(counts_path(where, label, args.minutes, args.seed), meter, told)
            place = {"seed": args.seed, "set": where, "task": f"{task} {args.minutes:g}min", "system": label}
            append({**beginning, **place, "result": {**result, **made}})
            found |= {f"{part}.{key}": value for key, value in result.items()} if part != name else result
    return {**found, **made}


def _keep(path: Path, meter: Any, told: Sequence[str]) -> None:
    """The counts of each row here, the answers elsewhere."""
    counts = meter.per_row if isinstance(meter, RougeMeter) else meter.counts
    record = {key: np.asarray(value).tolist() for key, value in counts.items()}
    path.write_bytes(gzip.compress(json.dumps(record).encode("utf-8"), mtime=0))
    kept_answers(path, told)


def _mean(num_rows: int, sums: Any) -> Any:
    return sums[:, 0] / num_rows


def compared(name: str, systems: str, minutes: str, seeds: str) -> dict[str, Any]:
    """The second system less the first on the same rows, from their kept counts."""
    sides = []
    for system, length, seed in zip(systems.split(","), minutes.split(","), seeds.split(","), strict=True):
        path = counts_path(name, system, float(length), int(seed))
        if not path.exists():
            raise CellError(f"{path.name} is missing: run its cell first")
        sides.append(json.loads(gzip.decompress(path.read_bytes())))
    found: dict[str, Any] = {}
    for key in sides[0]:
        a, b = (np.asarray(side[key], np.float64).reshape(len(side[key]), -1) for side in sides)
        score = {"bleu": bleu_of_sums, "chrf": chrf_of_sums}.get(key, partial(_mean, len(a)))
        gap = paired_corpus(a, b, score)
        difference = gap["difference"]
        ends = f"[{difference['low']:.2f}, {difference['high']:.2f}]"
        found[key] = f"{difference['value']:+.2f} {ends} p {gap['p_value']:.4f}"
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", required=True, help="by commas: tatoeba_enzh, multi30k.en-de, dialogsum")
    parser.add_argument("--systems", required=True, help="by commas: ours:MODEL, peer:m2m100, method:lead")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", help="a setting of ours, as of textwright train")
    parser.add_argument("--folder", type=Path, help="a model of ours that was trained already")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("MINUTES", "SEEDS"),
        help="of two systems whose counts are kept: 90,90 0,0",
    )
    parser.add_argument("--rate", type=float, default=5e-4, help="of the peer, and the other flags too")
    parser.add_argument("--dropout", type=float, default=0.1)
    for flag, usual in (("layers", 4), ("width", 128), ("ffn", 256), ("vocabulary", 4100), ("batch", 128)):
        parser.add_argument(f"--{flag}", type=int, default=usual)
    args = parser.parse_args(argv)
    if args.compare:
        for name in args.sets.split(","):
            print(name, compared(name, args.systems, *args.compare), flush=True)
        return 0
    choose_waiting()  # before torch is imported
    data = data_folder()
    if data is None:
        return 0
    run, code = new_run(), 0
    for name in args.sets.split(","):
        for system in args.systems.split(","):
            try:
                made = run_cell(name, system, args, data, run)
            except CellError as error:
                print(f"{name:20} {system:16} {error}", file=sys.stderr, flush=True)
                code = code if str(error).startswith("skipped") else 1
                continue
            shown = "  ".join(f"{key} {value}" for key, value in made.items())
            print(f"{name:20} {system:16} seed {args.seed}  {shown}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
