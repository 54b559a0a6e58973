"""A language is learned from files, kept in a folder, measured by the stated protocol, and resumed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from made_clocks import Still
from textwright import api
from textwright.bundle.folder import load_manifest, save_bundle
from textwright.core.errors import BundleError, CheckpointError, ConfigError, DataError, ModelError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.core.settings import read_yaml
from textwright.learn.state import FitState
from textwright.tasks import checkpoints
from textwright.tasks.pretraining import plan
from textwright.tasks.pretraining.asked import make_recipe
from textwright.tasks.pretraining.corpus import prepared
from textwright.tasks.pretraining.evaluating import evaluate_language
from textwright.tasks.pretraining.fitting import _by_steps
from textwright.tasks.pretraining.plan import decide, objective_of
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.pretraining.run import pretrain
from textwright.tasks.writing.model import LanguageModel
from textwright.text.documents.reading import Documents

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "dog", "who"]
WORDS += ["ran", "far", "away", "over", "hills"]
TINY = {"width": 32, "layers": 1, "heads": 1, "inner": 64, "positions": 32}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences of a language with little in it, in English and Chinese."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(700):
        chosen = [WORDS[int(k)] for k in rng.integers(0, len(WORDS), 9)]
        lines.append(" ".join(chosen) + ".\n" + ("春眠不觉晓，处处闻啼鸟。\n\n" if i % 9 == 0 else ""))
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def recipe(**more: Any) -> PretrainRecipe:
    asked: dict[str, Any] = {
        "model": {"name": "nanochat", **TINY},
        "tokenizer": {"kind": "bpe", "vocabulary_size": 320},
        "budget": {"tokens": 40_000},
        "learn": {"batch": 8},
    }
    return PretrainRecipe.parse({**asked, **more})


@pytest.fixture(scope="module")
def causal(
    corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, api.Pretrained, list[Event]]:
    events: list[Event] = []
    out = tmp_path_factory.mktemp("models") / "causal"
    return out, api.pretrain([corpus], out, recipe(), sink=events.append), events


@pytest.fixture(scope="module")
def masked(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, api.Pretrained]:
    out = tmp_path_factory.mktemp("models") / "masked"
    asked = recipe(model={"name": "roberta", **TINY}, budget={"tokens": 60_000})
    return out, api.pretrain([corpus], out, asked)


def test_a_language_is_learned_and_kept(causal: tuple[Path, api.Pretrained, list[Event]]) -> None:
    out, made, events = causal
    assert made.objective == "causal" and made.model == "nanochat" and made.split == "validation"
    assert 40_000 <= made.tokens < 41_000 and made.parameters > 10_000
    score = made.scores["bits_per_byte"]
    assert score.low < score.value < score.high < 2.0, "five bits for a random byte of so few"
    manifest = load_manifest(out)
    assert manifest.task == "language" and manifest.scores["bits_per_byte"] == score.to_json()
    losses = [event.loss for event in events if isinstance(event, StepEvent)]
    assert losses[0] > 5 and losses[-1] < 2.6
    assert any(isinstance(e, Note) and "of text," in e.text for e in events)
    written = [json.loads(line) for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum("loss" in record for record in written) == len(losses)
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert plan["steps"] == len(losses) and plan["model"]["width"] == 32
    kept = read_yaml(out / "recipe.yaml")
    assert objective_of(PretrainRecipe.parse(kept), None) == "causal", "what is kept can be asked for again"
    assert not [path for path in out.parent.iterdir() if ".work" in path.name]


def test_what_is_written_begins_where_a_line_begins(
    causal: tuple[Path, api.Pretrained, list[Event]],
) -> None:
    """A full stop and the end of its line are one token, behind which a line begins."""
    out, *_ = causal
    model = LanguageModel.load(out)
    assert model.opening == ".\n" and len(model.tokenizer.whole([model.opening])[0]) == 1
    written = [json.loads(line)["text"] for line in (out / "samples.jsonl").read_text("utf-8").splitlines()]
    assert written and all(text[0] in "tcsomadwrfhl春" for text in written)


def test_a_number_of_pieces_alone_does_not_change_their_kind(corpus: Path, tmp_path: Path) -> None:
    asked = recipe(tokenizer={"vocabulary_size": 300}, budget={"tokens": 500})
    api.pretrain([corpus], tmp_path / "m", asked)
    tokenizer = LanguageModel.load(tmp_path / "m").tokenizer
    assert tokenizer.settings.kind == "bpe" and tokenizer.size <= 302


def test_bits_per_byte_are_those_of_the_protocol(
    causal: tuple[Path, api.Pretrained, list[Event]], tmp_path: Path
) -> None:
    """Windows that do not overlap, each from the last token of the one before, every byte told once."""
    out, *_ = causal
    text = "the cat ran over hills.\n春眠不觉晓。 a dog saw that mat, ☃ and 7 cats\n" * 9
    (tmp_path / "dev.txt").write_text(text, encoding="utf-8")
    found = evaluate_language(out, tmp_path / "dev.txt")
    loaded = LanguageModel.load(out)
    ids = torch.tensor([loaded.vocabulary.start_id, *map(int, loaded.tokenizer.whole([text])[0])])
    nats = 0.0
    for start in range(0, len(ids) - 1, loaded.length):
        window = ids[start : start + loaded.length + 1]
        with torch.no_grad():
            logits = loaded.model(input_ids=window[None, :-1]).logits[0]
        nats += float(F.cross_entropy(logits, window[1:], reduction="sum"))
    size = len(text.encode("utf-8"))
    assert found.details["bytes"] == size and found.details["tokens"] == len(ids) - 1
    assert found.scores["bits_per_byte"].value == pytest.approx(nats / math.log(2) / size, rel=1e-5)
    assert found.scores["perplexity"].value == pytest.approx(math.exp(nats / (len(ids) - 1)), rel=1e-5)


def test_documents_of_a_table_are_told_each_from_its_own_beginning(
    causal: tuple[Path, api.Pretrained, list[Event]], tmp_path: Path
) -> None:
    out, *_ = causal
    texts = [f"the cat saw {word} and {word} ran" for word in WORDS * 2]
    (tmp_path / "dev.csv").write_text("text\n" + "\n".join(texts) + "\n", encoding="utf-8")
    whole = evaluate_language(out, tmp_path / "dev.csv")
    assert whole.n == len(texts) and whole.details["bytes"] == sum(map(len, texts))
    (tmp_path / "other.csv").write_text("text\n" + "\n".join(reversed(texts)) + "\n", encoding="utf-8")
    other = evaluate_language(out, tmp_path / "other.csv")
    assert other.details["bits"] == pytest.approx(whole.details["bits"], rel=1e-6), "the order says nothing"


def test_a_masked_model_is_learned_and_measured(masked: tuple[Path, api.Pretrained], corpus: Path) -> None:
    out, made = masked
    assert made.objective == "masked" and made.scores["perplexity"].value < 60
    found = api.evaluate(out, corpus)
    assert found.scores["perplexity"].better == "lower" and found.n > 100
    assert abs(found.scores["accuracy"].value - made.scores["accuracy"].value) < 0.2
    assert api.fill(out, ["the cat [MASK] on a mat."])[0].gaps[0][0][1] > 0.02


def test_killed_and_resumed_it_ends_with_the_same_bits(
    causal: tuple[Path, api.Pretrained, list[Event]],
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    whole, *_ = causal

    def die(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 77:
            raise MemoryError

    with pytest.raises(MemoryError):
        api.pretrain([corpus], tmp_path / "model", recipe(), sink=die)
    steps: list[int] = []

    def see(event: Event) -> None:
        if isinstance(event, StepEvent):
            steps.append(event.step)

    api.pretrain([corpus], tmp_path / "model", recipe(), sink=see, resume=True)
    assert 60 < steps[0] <= 78
    for name in ("model.safetensors", "tokenizer.json", "scores.json"):
        assert (tmp_path / "model" / name).read_bytes() == (whole / name).read_bytes(), name
    with pytest.raises(MemoryError):
        api.pretrain([corpus], tmp_path / "other", recipe(), sink=die)
    with pytest.raises(CheckpointError, match=r"learn\.batch was 8, is 4"):
        api.pretrain([corpus], tmp_path / "other", recipe(learn={"batch": 4}), resume=True)


def test_an_interrupted_one_keeps_what_it_learned(corpus: Path, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 20:
            raise KeyboardInterrupt

    made = api.pretrain([corpus], tmp_path / "model", recipe(), sink=stop)
    assert made.interrupted and made.out == tmp_path / "model" and made.scores["bits_per_byte"].value < 5
    assert LanguageModel.load(made.out).length == 32


def test_a_budget_in_minutes_is_kept(corpus: Path, tmp_path: Path) -> None:
    """Six seconds, of which each step takes a twentieth."""
    asked = recipe(budget={"minutes": 0.1}, learn={"batch": 8, "schedule": {"name": "hold", "decay": 0.7}})
    clock, rates = Still(0.0), list[float]()

    def see(event: Event) -> None:
        if isinstance(event, StepEvent):
            rates.append(event.rate)
            clock.now[0] += 0.05

    made = pretrain([corpus], tmp_path / "model", asked, sink=see, clock=clock)
    assert 3.8 < made.seconds <= 6 and len(rates) >= 75, "what it takes to judge and to save is left"
    assert rates[-1] < 0.02 * max(rates), "the schedule has followed the clock to its end"


@pytest.mark.parametrize(("epochs", "most"), [(0.25, 16), (0.25, 256), (40.0, 256)])
def test_judging_takes_its_share_of_a_fit_of_few_steps_too(epochs: float, most: int) -> None:
    """A forward pass is a third of a step: three tenths of the rows learned from take a tenth of the time."""
    fit: Any = SimpleNamespace(rows=range(1_000), rows_per_step=8, epochs=epochs)
    is_due = _by_steps(fit, most)
    times = sum(is_due(FitState(step=step)) for step in range(1, int(epochs * 125) + 1))
    assert times * most <= 0.3 * epochs * 1_000 and times <= 20


def test_without_a_length_it_learns_for_some_minutes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textwright.tasks.pretraining.run.MINUTES_WITHOUT_LENGTH", 0.08)
    clock, notes = Still(0.0), list[str]()

    def see(event: Event) -> None:
        notes.append(getattr(event, "text", ""))
        clock.now[0] += 0.05 * isinstance(event, StepEvent)

    made = pretrain([corpus], tmp_path / "model", recipe(budget={}), sink=see, clock=clock)
    assert made.seconds <= 4.8 and notes[0].endswith("given: learns for 0.08 minutes")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"model": {"name": "bert"}, "objective": "causal"},
            "bert learns by masked, and causal was asked for",
        ),
        (
            {"model": {"name": "roberta"}, "objective": "hybrid"},
            r"roberta learns by masked, and hybrid was asked for\nFor hybrid take gpt2, nanochat, qwen3\.",
        ),
        (
            {"model": {"name": "lstm"}, "objective": "hybrid"},
            r"lstm learns by causal, and hybrid was asked for\nFor hybrid take gpt2, nanochat, qwen3\.",
        ),
        ({"mask": {"first": 0.2}}, "mask.first does not go with the objective causal"),
        (
            {"model": {"name": "bert"}, "mask": {"causal": 0.2}},
            "mask.causal does not go with the objective masked",
        ),
        (
            {"objective": "hybrid", "mask": {"last": 0.2, "static": True}},
            "mask.static does not go with the objective hybrid",
        ),
        ({"objective": "hybrid", "mask": {"causal": 1.0}}, "mask.causal"),
        ({"model": {"name": "gpt3"}}, "unknown language model 'gpt3'"),
        ({"model": {"name": "gpt2", "wdth": 3}}, "unknown setting 'model.wdth'"),
        ({"model": {"name": "gpt2", "positions": 90_000}}, "model.positions=90000: the text has"),
    ],
)
def test_what_does_not_go_together_is_refused(
    corpus: Path, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        api.pretrain([corpus], tmp_path / "model", PretrainRecipe.parse(asked))
    assert [*tmp_path.iterdir()] == []


def test_a_vocabulary_that_the_text_cannot_give_is_said(corpus: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    asked = recipe(tokenizer={"kind": "bpe", "vocabulary_size": 30_000}, budget={"tokens": 600})
    api.pretrain([corpus], tmp_path / "model", asked, sink=lambda e: notes.append(getattr(e, "text", "")))
    assert any("30,000 kinds of tokens were asked for; this text gives" in note for note in notes)


def test_too_little_text_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.\n")
    with pytest.raises(DataError, match=r"7 bytes of text are too little .*\n.*at least 2,000"):
        api.pretrain([tmp_path / "a.txt"], tmp_path / "model")


def test_binary_files_of_a_folder_are_counted_and_left_out(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_bytes(corpus.read_bytes())
    (folder / "b.bin").write_bytes(bytes(range(256)) * 40)
    notes: list[str] = []
    asked = recipe(budget={"tokens": 600})
    api.pretrain([folder], tmp_path / "model", asked, sink=lambda e: notes.append(getattr(e, "text", "")))
    assert "1 files hold no text and were left out" in notes


def test_a_language_model_and_one_that_answers_are_not_taken_for_each_other(
    causal: tuple[Path, api.Pretrained, list[Event]],
) -> None:
    out, *_ = causal
    with pytest.raises(BundleError, match="is a language model, which writes"):
        api.load(out)
    assert api.generate(out, ["the"], {"temperature": 0, "max_tokens": 5})[0].num_tokens <= 5
    whole = api.generate(out, ["the"], {"seed": 3, "max_tokens": 9})[0].text
    assert "".join(api.stream(out, "the", {"seed": 3, "max_tokens": 9})) == whole
    with pytest.raises(ConfigError, match="Did you mean 'temperature'"):
        api.generate(out, ["the"], {"temprature": 0})


def test_a_folder_that_asks_for_code_from_elsewhere_is_refused(
    causal: tuple[Path, api.Pretrained, list[Event]], tmp_path: Path
) -> None:
    out, *_ = causal

    def fill(folder: Path) -> None:
        for file in out.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / "textwright.json").unlink()
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["auto_map"] = {"AutoModelForCausalLM": "elsewhere.Model"}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    save_bundle(tmp_path / "model", load_manifest(out), fill)
    with pytest.raises(CheckpointError, match="asks to run code of its own"):
        LanguageModel.load(tmp_path / "model")


def test_short_names_of_settings_mean_their_groups() -> None:
    made = make_recipe(
        ["optimizer.name=adamw", "width=64", "batch=3", "threads=1"],
        {"tokenizer.kind": "characters", "budget.minutes": 2},
    )
    assert made.learn.optimizer.name == "adamw" and made.model_settings == {"width": 64}
    assert made.learn.batch == 3 and made.compute.threads == 1 and made.budget.minutes == 2
    assert made.tokenizer != "auto" and made.tokenizer.kind == "characters"
    with pytest.raises(ConfigError, match=r"unknown setting 'optimzer\.name'"):
        make_recipe(["optimzer.name=adamw"])


@pytest.mark.parametrize("name", ["gpt2", "qwen3", "bert", "roberta"])
def test_a_checkpoint_of_the_library_is_gone_on_with(name: str, corpus: Path, tmp_path: Path) -> None:
    """A folder that only the Hugging Face library wrote: loaded, adapted, and saved for the library again."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

    kind = AutoModelForCausalLM if name in ("gpt2", "qwen3") else AutoModelForMaskedLM
    theirs(name, corpus, tmp_path / "theirs")
    asked = recipe(model={"name": "auto", "checkpoint": str(tmp_path / "theirs")}, tokenizer="auto")
    made = api.pretrain([corpus], tmp_path / "ours", asked)
    before = kind.from_pretrained(tmp_path / "theirs")
    after, tokenizer = (x.from_pretrained(tmp_path / "ours") for x in (kind, AutoTokenizer))
    assert made.model == name and type(after) is type(before)
    text = "the cat sat on a mat. 春眠不觉晓"
    old = AutoTokenizer.from_pretrained(tmp_path / "theirs")
    assert tokenizer.encode(text) == old.encode(text)
    ids = torch.tensor([tokenizer.encode(text)])
    with torch.no_grad():
        moved = (after(input_ids=ids).logits - before(input_ids=ids).logits).abs().mean()
    assert float(moved) > 1e-3
    key = "bits_per_byte" if name in ("gpt2", "qwen3") else "perplexity"
    limit = {"bits_per_byte": 5.0, "perplexity": 200.0}
    assert made.scores[key].value < limit[key], "it has learned something"
    with pytest.raises(ConfigError, match="the checkpoint is a"):
        api.pretrain([corpus], tmp_path / "x", recipe(model={**asked.model, "name": "nanochat"}))
    with pytest.raises(ConfigError, match="the checkpoint brings its own"):
        api.pretrain([corpus], tmp_path / "x", asked.replaced({"tokenizer": {"kind": "bpe"}}))


def theirs(name: str, corpus: Path, folder: Path) -> None:
    """A tiny random model and a tokenizer of its family, by the libraries alone."""
    import tokenizers
    import transformers
    from tokenizers import models, pre_tokenizers, processors, trainers

    special = (
        ["<pad>", "<s>", "</s>", "<mask>"] if name == "roberta" else ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    )
    special = special if name in ("bert", "roberta") else ["<|endoftext|>"]
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train(
        [str(corpus)], trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    )
    roles = {"eos_token": special[0], "bos_token": special[0]}
    if len(special) > 1:
        roles = dict(zip(("pad_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
        pair = [(special[1], 1), (special[2], 2)]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{special[1]} $A {special[2]}", special_tokens=pair
        )
    transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **roles).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = {
        "gpt2": lambda: transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=48),
        "qwen3": lambda: transformers.Qwen3Config(**sizes, head_dim=16, num_key_value_heads=1),
        "bert": lambda: transformers.BertConfig(**sizes, max_position_embeddings=48),
        "roberta": lambda: transformers.RobertaConfig(**sizes, max_position_embeddings=50, pad_token_id=0),
    }[name]()
    config.vocab_size = 340
    config.max_position_embeddings = 50 if name == "roberta" else 48
    torch.manual_seed(0)
    kind = (
        transformers.AutoModelForCausalLM if name in ("gpt2", "qwen3") else transformers.AutoModelForMaskedLM
    )
    kind.from_config(config).save_pretrained(folder)


@pytest.mark.parametrize("name", ["nanochat", "roberta"])
def test_two_processes_make_the_steps_of_one(
    name: str, corpus: Path, tmp_path: Path, all_processors: None
) -> None:
    asked = recipe(model={"name": name, **TINY}, budget={"tokens": 6000}, compute={"precision": "fp32"})
    losses: dict[int, list[float]] = {}
    for processes in (1, 2):
        found: list[Event] = []
        out = tmp_path / f"model-{processes}"
        made = api.pretrain([corpus], out, asked, sink=found.append, processes=processes)
        losses[processes] = [event.loss for event in found if isinstance(event, StepEvent)]
        assert made.tokens == sum(32 * 8 for _ in losses[processes])
    assert len(losses[1]) > 20
    assert losses[2] == pytest.approx(losses[1], rel=2e-3), "within rounding, which adds up"
    assert losses[2][:5] == pytest.approx(losses[1][:5], rel=1e-5)


def test_processes_of_torchrun_make_the_steps_of_one(
    corpus: Path, tmp_path: Path, all_processors: None
) -> None:
    asked = recipe(budget={"tokens": 3000}, compute={"precision": "fp32"})
    losses: list[list[float]] = []
    found: list[Event] = []
    api.pretrain([corpus], tmp_path / "one", asked, sink=found.append)
    losses.append([event.loss for event in found if isinstance(event, StepEvent)])
    sizes = [f"model.{key}={value}" for key, value in TINY.items()]
    sizes += ["tokenizer.vocabulary_size=320", "learn.batch=8", "compute.precision=fp32"]
    settings = [part for size in sizes for part in ("--set", size)]
    verb = ["-m", "textwright", "pretrain", corpus, "--out", tmp_path / "two", "--tokens", 3000, *settings]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2]
    done = subprocess.run([*map(str, torchrun), *map(str, verb)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "two" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    losses.append([record["loss"] for record in map(json.loads, lines) if "loss" in record])
    assert len(losses[0]) > 10 and losses[1] == pytest.approx(losses[0], rel=2e-3)
    assert done.stdout.count("report:") == 1, "only the first one speaks"


def test_processes_beside_those_of_torchrun_are_refused(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": 0, "WORLD_SIZE": 2, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(ModelError, match="torchrun has started"):
        api.pretrain([corpus], tmp_path / "model", recipe(), processes=2)
    assert api.follow() is False
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ModelError, match="is not the first"):
        api.pretrain([corpus], tmp_path / "model", recipe())


def test_more_processes_than_processors_are_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--processes 999"):
        api.pretrain([corpus], tmp_path / "model", recipe(), processes=999)


def test_the_size_goes_by_the_text_and_by_the_time(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = PretrainRecipe()
    learned = prepared(Documents.of([corpus]), asked, tmp_path, "causal", None)
    assert decide(asked, learned).settings.size == "tiny", "so little text"
    monkeypatch.setattr(plan, "_LEAST_BYTES", {"tiny": 0, "small": 10_000, "base": 20_000})
    for seconds, size in ((60, "tiny"), (20_000, "small"), (1e7, "base")):
        found = decide(asked, learned, seconds=seconds)
        assert found.settings.size == size
        assert ("too few tokens" in found.reasons["model.size"]) == (size != "base")
    assert decide(asked, learned, tokens=1e5).settings.size == "tiny"
    named = asked.replaced({"model.size": "small"})
    assert decide(named, learned, seconds=1).settings.size == "small", "what is asked for is taken"


def test_a_part_of_the_usual_recipe_may_be_asked_for(corpus: Path, tmp_path: Path) -> None:
    asked = PretrainRecipe.parse({"learn": {"schedule": {"decay": 0.2}, "optimizer": {"name": "adamw"}}})
    learned = prepared(Documents.of([corpus]), asked, tmp_path, "causal", None)
    learn, usual = decide(asked, learned).learn, decide(PretrainRecipe(), learned).learn
    assert (learn.schedule.name, learn.schedule.warmup, learn.schedule.decay) == ("hold", 0.02, 0.2)
    assert learn.optimizer.rate == 0.5 * float(usual.optimizer.rate) and usual.schedule.decay == 0.7
