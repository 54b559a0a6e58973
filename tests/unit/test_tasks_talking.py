"""A model is taught to answer from rows of prompt and response, kept, measured, and talked with."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from typer.testing import CliRunner

from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.cli.main import app
from textwright.core.errors import BundleError, CheckpointError, ConfigError, DataError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.tasks import checkpoints
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.talking import Chat

TINY = {"width": 48, "layers": 2, "heads": 1, "inner": 96, "positions": 48}
COLOURS = {
    "grass": "green",
    "snow": "white",
    "blood": "red",
    "coal": "black",
    "草": "绿色",
    "雪": "白色",
    "血": "红色",
    "煤": "黑色",
}
ASKED = ["what colour is {}?", "name the colour of {}", "{} 是什么颜色", "请说出{}的颜色。"]
GREEDY = {"temperature": 0, "precision": "fp32"}


def recipe(**more: Any) -> PretrainRecipe:
    asked: dict[str, Any] = {
        "objective": "instruct",
        "model": {"name": "nanochat", **TINY},
        "tokenizer": {"kind": "bpe", "vocabulary_size": 320},
        "learn": {"batch": 8, "epochs": 25, "optimizer": {"rate": 0.01}},
        "compute": {"threads": 1},
    }
    return PretrainRecipe.parse({**asked, **more})


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The colour of things in two languages: each answer follows from what the thing is."""
    path = tmp_path_factory.mktemp("rows") / "colours.csv"
    lines = [f"{asked.format(thing)},{colour}" for asked, (thing, colour) in product(ASKED, COLOURS.items())]
    path.write_text("prompt,response\n" + "\n".join([*lines, ",nothing", "who?,"]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def taught(rows: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, api.Pretrained, list[Event]]:
    events: list[Event] = []
    out = tmp_path_factory.mktemp("models") / "taught"
    return out, api.pretrain([rows], out, recipe(), sink=events.append), events


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model that writes on, to be taught."""
    folder = tmp_path_factory.mktemp("language")
    rng, words = np.random.default_rng(0), [*COLOURS, *COLOURS.values(), "is", "and", "like"]
    lines = [" ".join(rng.choice(words, 9)) + ".\n" for _ in range(200)]
    (folder / "text.txt").write_text("".join(lines), encoding="utf-8")
    asked = recipe(objective="causal", budget={"tokens": 3000}, learn={"batch": 8}, data={})
    return api.pretrain([folder / "text.txt"], folder / "model", asked).out


def test_it_answers_what_it_was_taught(taught: tuple[Path, api.Pretrained, list[Event]]) -> None:
    out, made, events = taught
    assert made.objective == "instruct" and made.model == "nanochat"
    talk, right = api.chat(out, GREEDY), 0
    for asked, (thing, colour) in product(ASKED, COLOURS.items()):
        talk.begin_anew()
        right += "".join(talk.say(asked.format(thing))) == colour
    assert right >= 30, "of 32, two of which were held out"
    assert talk.turns[-1] == {"role": "assistant", "content": "黑色"} and len(talk.turns) == 2
    notes = [event.text for event in events if isinstance(event, Note)]
    assert any(note.startswith("30 conversations to learn") and note.endswith("2 held out") for note in notes)
    listed = [json.loads(line) for line in (out / "cleaning.jsonl").read_text("utf-8").splitlines()]
    assert [(r["reason"], r["row"]) for r in listed] == [("no prompt", 34), ("no response", 35)]
    losses = [event.loss for event in events if isinstance(event, StepEvent)]
    assert losses[0] > 4 and losses[-1] < 0.3


def test_generate_answers_a_prompt_in_the_same_frame(
    taught: tuple[Path, api.Pretrained, list[Event]],
) -> None:
    out, *_ = taught
    prompts = ["what colour is snow?", "请说出草的颜色。"]
    found = api.generate(out, prompts, GREEDY)
    assert [text.text for text in found] == ["".join(api.chat(out, GREEDY).say(p)) for p in prompts]
    assert found[0].text == "white" and found[0].ended == "end"
    assert "".join(api.stream(out, prompts[1], GREEDY)) == "绿色"
    assert api.generate(out, prompts[:1], {**GREEDY, "beams": 3})[0].text == "white"
    samples = [json.loads(line) for line in (out / "samples.jsonl").read_text("utf-8").splitlines()]
    assert len(samples) == 2 and all(sample["prompt"] for sample in samples)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert samples[0]["prompt"] in page and "a byte of a response" in page and "回答的字节" in page
    result = CliRunner().invoke(app, ["generate", str(out), "--prompt", prompts[0], "--temperature", "0"])
    assert result.stdout == f"{prompts[0]}\nwhite\n"


def test_scores_are_of_responses_alone(
    taught: tuple[Path, api.Pretrained, list[Event]], tmp_path: Path
) -> None:
    """By hand: each response with its end, from its prompt; intervals are over rows."""
    out, made, _ = taught
    score = made.scores["bits_per_byte"]
    assert score.n == 2 and load_manifest(out).scores["bits_per_byte"] == score.to_json()
    talks = [("what colour is coal?", "very black"), ("草 是什么颜色", "绿"), ("name it", "the colour red")]
    (tmp_path / "dev.csv").write_text(
        "prompt,response\n" + "\n".join(map(",".join, talks)) + "\n,lost\n", encoding="utf-8"
    )
    found = api.evaluate(out, tmp_path / "dev.csv")
    loaded = LanguageModel.load(out)
    assert loaded.turns is not None
    nats, told = 0.0, 0
    for prompt, response in talks:
        asked, answer = (loaded.tokenizer.whole([text])[0] for text in (prompt, response))
        ids = torch.from_numpy(loaded.turns.joined([(asked, answer)]))
        with torch.no_grad():
            logits = loaded.model(input_ids=ids[None]).logits[0]
        size = len(answer) + 1
        nats += float(F.cross_entropy(logits[-size - 1 : -1], ids[-size:], reduction="sum"))
        told += size
    num_bytes = sum(len(response.encode()) for _, response in talks)
    assert found.n == 3 and found.details["bytes"] == num_bytes and found.details["tokens"] == told
    assert found.scores["bits_per_byte"].value == pytest.approx(nats / np.log(2) / num_bytes, rel=1e-4)
    assert found.scores["perplexity"].value == pytest.approx(np.exp(nats / told), rel=1e-4)
    assert found.cleaning == [{"action": "dropped", "reason": "no prompt", "rows": 1}]


def test_killed_and_resumed_it_ends_with_the_same_bits(
    taught: tuple[Path, api.Pretrained, list[Event]],
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    whole, *_ = taught

    def die(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 37:
            raise MemoryError

    with pytest.raises(MemoryError):
        api.pretrain([rows], tmp_path / "model", recipe(), sink=die)
    steps: list[int] = []

    def see(event: Event) -> None:
        if isinstance(event, StepEvent):
            steps.append(event.step)

    api.pretrain([rows], tmp_path / "model", recipe(), sink=see, resume=True)
    assert 30 < steps[0] <= 38
    for name in ("model.safetensors", "tokenizer.json", "scores.json", "chat_template.jinja"):
        assert (tmp_path / "model" / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_model_that_writes_is_taught(language: Path, rows: Path, tmp_path: Path) -> None:
    """It gets the tokens of the frame, keeps its own, and can be taught once more; tokens are a length."""
    before = LanguageModel.load(language)
    assert before.turns is None
    asked: dict[str, Any] = {"objective": "instruct", "compute": {"threads": 1, "precision": "fp32"}}
    asked["model"] = {"name": "auto", "checkpoint": str(language)}
    made = api.pretrain(
        [rows], tmp_path / "one", PretrainRecipe.parse({**asked, "budget": {"tokens": 1000}, "seed": 3})
    )
    after = LanguageModel.load(tmp_path / "one")
    assert 900 < made.tokens < 1600 and after.tokenizer.size == before.tokenizer.size + 2
    assert after.model.get_input_embeddings().weight.shape[0] == after.tokenizer.size
    text = "grass is green 草"
    assert after.tokenizer.whole([text])[0].tolist() == before.tokenizer.whole([text])[0].tolist()
    asked["model"] = {"name": "auto", "checkpoint": str(tmp_path / "one")}
    notes: list[str] = []
    api.pretrain(
        [rows],
        tmp_path / "two",
        PretrainRecipe.parse(asked),
        sink=lambda event: notes.append(getattr(event, "text", "")),
    )
    assert LanguageModel.load(tmp_path / "two").tokenizer.size == after.tokenizer.size
    assert notes[0] == "no --minutes, --tokens or --epochs given: goes over the rows 3 times"
    again = recipe(
        objective="causal", model=asked["model"], tokenizer="auto", budget={"tokens": 200}, learn={}
    )
    source = language.parent / "text.txt"
    assert LanguageModel.load(api.pretrain([source], tmp_path / "three", again).out).turns is None


def test_new_tokens_begin_as_the_mean_of_all(language: Path) -> None:
    from textwright.tasks.pretraining.starting import start_of

    start = start_of(PretrainRecipe.parse({"objective": "instruct", "model": {"checkpoint": str(language)}}))
    assert start is not None and start.num_added == 2
    one, two = start.network(), LanguageModel.load(language).network
    for layer in ("get_input_embeddings", "get_output_embeddings"):
        new, old = (getattr(network.model, layer)().weight for network in (one, two))
        assert torch.equal(new[:-2], old) and torch.allclose(new[-2:], old.mean(0).expand(2, -1))


def test_the_history_stays_within_the_window(taught: tuple[Path, api.Pretrained, list[Event]]) -> None:
    out, *_ = taught
    talk = api.chat(out, {**GREEDY, "max_tokens": 8})
    forgotten = []
    for _ in range(6):
        assert "".join(talk.say("what colour is snow?")) is not None
        forgotten.append(talk.num_forgotten)
    assert forgotten[0] == 0 and forgotten[-1] > 0 and not talk.is_cut
    assert len(talk.turns) == 12, "what is forgotten is still told"
    list(talk.say("grass " * 200))
    assert talk.is_cut and talk.num_forgotten == 6
    talk.begin_anew()
    assert talk.turns == [] and not talk.is_cut


def test_an_answer_is_made_of_all_that_fits(
    taught: tuple[Path, api.Pretrained, list[Event]],
) -> None:
    """The second answer is that of the whole conversation in its frame."""
    out, *_ = taught
    talk = api.chat(out, {**GREEDY, "max_tokens": 10})
    first = "".join(talk.say("what colour is snow?"))
    second = "".join(talk.say("name the colour of coal"))
    loaded = talk.model
    assert loaded.turns is not None
    pair = tuple(loaded.tokenizer.whole(["what colour is snow?", first]))
    last = loaded.tokenizer.whole(["name the colour of coal"])[0]
    ids = loaded.turns.joined([pair, (last, last[:0])])[:-1]  # type: ignore[list-item]
    given = torch.from_numpy(ids)[None]
    found = loaded.model.generate(
        given,
        attention_mask=torch.ones_like(given),
        max_new_tokens=10,
        do_sample=False,
        suppress_tokens=[*loaded.turns.ids, loaded.vocabulary.pad_id],
        pad_token_id=0,
    )[0, len(ids) :].tolist()
    assert second == loaded.tokenizer.decode([i for i in found if i != loaded.vocabulary.end_id])


def test_what_is_not_waited_for_is_kept_so_far(taught: tuple[Path, api.Pretrained, list[Event]]) -> None:
    out, *_ = taught
    talk = api.chat(out, {**GREEDY, "max_tokens": 20})
    parts = talk.say("what colour is grass?")
    said = next(parts)
    parts.close()
    assert talk.turns == [
        {"role": "user", "content": "what colour is grass?"},
        {"role": "assistant", "content": said},
    ]
    talk.say("never asked for")
    assert len(talk.turns) == 2
    with pytest.raises(ConfigError, match="nothing was said"):
        talk.say(" \n")
    with pytest.raises(ConfigError, match="beams do not write word by word"):
        api.chat(out, {"beams": 2})


def test_a_seed_gives_the_same_talk_and_each_turn_its_own_draws(
    taught: tuple[Path, api.Pretrained, list[Event]],
) -> None:
    model = LanguageModel.load(taught[0])

    def talk(seed: int) -> list[str]:
        chat = Chat(model, WritingSettings(temperature=3.0, min_p=0.0, seed=seed, max_tokens=6))
        return ["".join(chat.say("tell")) for _ in range(2)]

    assert talk(1) == talk(1) != talk(2)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"model": {"name": "roberta"}},
            "roberta learns by masked, and instruct was asked for\nFor instruct take gpt2",
        ),
        ({"data": {"text": "prompt"}}, "data.text does not go with the objective instruct"),
        (
            {"objective": "causal", "data": {"prompt": "prompt"}},
            "data.prompt does not go with the objective causal",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    rows: Path, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        api.pretrain([rows], tmp_path / "model", PretrainRecipe.parse({"objective": "instruct", **asked}))
    assert [*tmp_path.iterdir()] == []


def test_models_of_another_kind_are_refused(language: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"was not taught to answer\nTeach it: textwright pretrain ROWS --from"
    ):
        api.chat(language)
    masked = {"objective": "masked", "model": {"name": "bert", **TINY}, "budget": {"tokens": 400}}
    gaps = api.pretrain([language.parent / "text.txt"], tmp_path / "gaps", PretrainRecipe.parse(masked)).out
    with pytest.raises(ConfigError, match="a bert fills gaps; it does not answer"):
        api.chat(gaps)
    start = {"objective": "instruct", "model": {"name": "auto", "checkpoint": str(gaps)}}
    with pytest.raises(ConfigError, match="bert learns by masked, and instruct was asked for"):
        api.pretrain([rows], tmp_path / "x", PretrainRecipe.parse(start))
    labelled = tmp_path / "labelled.csv"
    labelled.write_text("text,label\n" + "".join(f"good {n},a\nbad {n},b\n" for n in range(30)), "utf-8")
    bag = api.train(labelled, tmp_path / "bag", api.Recipe.parse({"model": {"name": "bag"}})).out
    with pytest.raises(BundleError, match="is a model for classify, not a language model"):
        api.chat(bag)
    start["model"] = {"name": "auto", "checkpoint": str(bag)}
    with pytest.raises(CheckpointError):
        api.pretrain([rows], tmp_path / "x", PretrainRecipe.parse(start))
    with pytest.raises(DataError, match="no column is called as a prompt is"):
        api.pretrain([labelled], tmp_path / "x", recipe())


def told(out: Path, text: str, *flags: str) -> Any:
    return CliRunner().invoke(app, ["chat", str(out), "--temperature", "0", *flags], input=text)


def test_lines_of_a_pipe_are_answered(taught: tuple[Path, api.Pretrained, list[Event]]) -> None:
    out, *_ = taught
    lines = "what colour is grass?\n\n/new\n请说出雪的颜色。\n"
    result = told(out, lines)
    assert result.exit_code == 0, result.output
    assert result.stdout == "green\n\n白色\n" and "all that was said is forgotten" in result.stderr
    assert told(out, "/quit\nwhat colour is grass?\n").stdout == "" == told(out, "").stdout
    result = told(out, lines, "--json")
    record = json.loads(result.stdout)
    assert record["forgotten"] == 0 and record["turns"][-1] == {
        "conversation": 2,
        "role": "assistant",
        "content": "白色",
    }
    assert [turn["conversation"] for turn in record["turns"]] == [1, 1, 2, 2] and "green" in result.stderr


def test_what_is_forgotten_is_said_once(taught: tuple[Path, api.Pretrained, list[Event]]) -> None:
    out, *_ = taught
    result = told(out, "what colour is snow?\n" * 7, "--max-tokens", "8", "--lang", "zh")
    assert result.exit_code == 0 and result.stderr.count("忘记") == 1


def test_ctrl_c_ends_an_answer_and_not_the_talk(
    taught: tuple[Path, api.Pretrained, list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, *_ = taught
    from textwright.tasks.writing import talking

    real, asked = talking.streamed, []

    def interrupted(*args: Any) -> Any:
        asked.append(args)
        for part in real(*args):
            yield part
            if len(asked) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(talking, "streamed", interrupted)
    result = told(out, "what colour is grass?\nwhat colour is snow?\n", "--json")
    assert result.exit_code == 0
    turns = json.loads(result.stdout)["turns"]
    assert len(turns) == 4 and "green".startswith(turns[1]["content"]) and turns[1]["content"]


def test_the_command_line_teaches_and_refuses(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    flags = ["--objective", "instruct", "--out", str(out), "--tokens", "300", "--set", "size=tiny"]
    flags += ["--set", "threads=1", "--set", "positions=32"]
    named = [*flags, "--set", "data.prompt=response", "--set", "data.response=prompt"]
    result = CliRunner().invoke(app, ["pretrain", str(rows), *named, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[-1])["objective"] == "instruct"
    schema = load_manifest(out).data_schema
    assert schema["prompt"] == "response" and schema["response"] == "prompt"
    assert api.evaluate(out, rows).n == 32, "by the columns that it was taught from"
    result = CliRunner().invoke(app, ["chat", str(rows)])
    assert result.exit_code == 2 and "Traceback" not in result.output
