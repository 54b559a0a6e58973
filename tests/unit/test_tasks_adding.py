"""More from few pairs, in a made-up language of twelve words that are told one by one: texts translated back,
answers of a teacher, two passes, the mean of the last states, and an end by patience.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from textwright import api
from textwright.core.clock import Clock
from textwright.core.errors import BundleError, CheckpointError, ConfigError, DataError
from textwright.core.events import Event, silent
from textwright.core.records import Note, StepEvent
from textwright.core.seeds import generator
from textwright.learn.loop import Fit
from textwright.tasks import checkpoints
from textwright.tasks.pretraining.adding import Adding
from textwright.tasks.pretraining.answers import answered
from textwright.tasks.pretraining.corpus import Learned, prepared
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.pretraining.run import _learn_beside
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.model import Rewriter
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.pairs.monolingual import HELD_OUT, KNOWN
from textwright.text.pairs.tokens import sides_of
from textwright.text.tokenizers.framed import marks_of

LATIN, HAN = (
    ["ka", "lo", "mi", "tu", "re", "so", "fa", "ni", "pe", "du", "ba", "go"],
    "天地人山水火木金土日月星",
)
# Learns the twelve words in two seconds.
QUICK = {"model.width": 32, "model.layers": 1, "model.dropout": 0.0, "learn.batch": 16}
QUICK |= {"tokenizer.vocabulary_size": 300, "compute.precision": "fp32"}
BRIEF = {**QUICK, "model.width": 16, "budget.tokens": 2_500}


def said(numbers: list[int], shift: int = 0) -> tuple[str, str]:
    return " ".join(LATIN[n] for n in numbers), "".join(HAN[(n + shift) % 12] for n in numbers)


def sentences(name: str, number: int) -> list[list[int]]:
    rng = generator(0, name)
    found = {tuple(rng.integers(0, 12, int(n)).tolist()) for n in rng.integers(1, 5, number)}
    return [list(numbers) for numbers in sorted(found)]


def write_pairs(path: Path, numbers: list[list[int]], shift: int = 0) -> Path:
    rows = ["\t".join(said(each, shift)) for each in numbers]
    path.write_text("\n".join(["source\ttarget", *rows]) + "\n", encoding="utf-8")
    return path


def recipe(settings: dict[str, object], model: str = "lstm", task: str = "translate") -> PretrainRecipe:
    assignments = [f"{key}={value}" for key, value in settings.items()]
    return recipe_of_pairs(task, assignments, {"model.name": model}, {})


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.tsv", sentences("pairs", 350))


@pytest.fixture(scope="module")
def texts(pairs: Path) -> Path:
    """Every target of the pairs, those that will be held out among them, and others."""
    known = [line.split("\t")[1] for line in pairs.read_text(encoding="utf-8").splitlines()[1:]]
    others = [said(numbers)[1] for numbers in sentences("others", 150)]
    path = pairs.with_name("zh.txt")
    path.write_text("\n".join([*known, *others]) + "\n", encoding="utf-8")
    return path


def learned(asked: PretrainRecipe, pairs: Path, work: Path, say: list[str]) -> Learned:
    """The tokens that a run would learn from."""

    def hear(event: Event) -> None:
        if isinstance(event, Note):
            say.append(event.text)

    add = Adding(asked, work, Clock.starting(), hear, silent, partial(_learn_beside, 1))
    return prepared(Documents.of([pairs]), asked, work / "tokens", "translate", None, add)


def texts_in(part: Shards, found: Learned) -> list[tuple[bool, str, str]]:
    """All pairs of a part: whether it is marked, and both sides."""
    tokenizer = found.corpus.tokenizer
    mark = marks_of(tokenizer).get("back", -1)
    sides = sides_of(part.take(np.array([0]), len(part))[0], tokenizer.frame.suffix[-1])
    decode = tokenizer.decode
    return [
        (
            source[0] == mark,
            decode([t for t in source[:-1].tolist() if t != mark]),
            decode(target[:-1].tolist()),
        )
        for source, target in zip(*sides, strict=True)
    ]


def test_texts_are_translated_back_rightly_and_what_is_held_out_stays_away(
    pairs: Path, texts: Path, tmp_path: Path
) -> None:
    asked = recipe({**QUICK, "budget.tokens": 60_000, "monolingual": texts})
    notes: list[str] = []
    found = learned(asked, pairs, tmp_path, notes)
    train, held_out = (texts_in(part, found) for part in (found.corpus.train, found.corpus.validation))
    back = [(source, target) for is_back, source, target in train if is_back]
    is_right = [source == said([HAN.index(mark) for mark in target])[0] for source, target in back]
    assert len(back) > 60 and np.mean(is_right) > 0.6, "what is made of a text is what it says"
    assert not any(is_back for is_back, _, _ in held_out) and held_out
    hidden = {target for _, _, target in held_out}
    assert not hidden & {target for _, _, target in train}
    counts = {step["reason"]: step["rows"] for step in found.cleaning}
    leaks = [text for text in texts.read_text(encoding="utf-8").splitlines() if text in hidden]
    assert counts[HELD_OUT] == len(leaks) >= len(hidden) and counts[KNOWN] > 200
    about = found.corpus.train.about
    kept = about["added"]["back"]
    assert kept["kept"] == len(back) == about["kinds"]["back"] and kept["reverse"]["chrf"] > 50
    assert kept["read"] > kept["fresh"] >= kept["made"] >= kept["kept"]
    assert any("for 35 % of the budget" in text for text in notes)
    follower = PretrainRecipe.parse(asked.model_dump(mode="json", exclude_unset=True))
    again = prepared(Documents.of([pairs]), follower, tmp_path / "tokens", "translate", None)
    assert again.fingerprint == found.fingerprint and again.corpus.train.about == about, "it is found again"


def test_ctrl_c_while_the_other_direction_is_learned_can_be_gone_on_from(
    pairs: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    steps: list[int] = []

    def press(event: Event) -> None:
        if isinstance(event, StepEvent):
            steps.append(event.step)
            if event.step == 5 and len(steps) == 5:
                raise KeyboardInterrupt

    asked = recipe({**BRIEF, "monolingual": texts})
    with pytest.raises(KeyboardInterrupt):
        api.train_pairs(pairs, tmp_path / "model", asked, sink=press)
    assert not (tmp_path / "model").exists() and (tmp_path / ".model.work" / "stage-back").is_dir()
    other = recipe({**BRIEF, "monolingual": texts, "pairs.back.beams": 2})
    with pytest.raises(CheckpointError, match=r"pairs\.back\.beams was 4, is 2"):
        api.train_pairs(pairs, tmp_path / "model", other, resume=True)
    notes: list[str] = []

    def hear(event: Event) -> None:
        press(event)
        if isinstance(event, Note):
            notes.append(event.text)

    made = api.train_pairs(pairs, tmp_path / "model", asked, sink=hear, resume=True)
    assert steps[5] == 5 and not made.interrupted, "the other direction goes on after its fourth step"
    assert not any("training starts anew" in text for text in notes)


def test_the_whole_command_says_what_it_made_and_never_tells_a_mark(
    pairs: Path, texts: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    asked = recipe({**BRIEF, "monolingual": f"{texts},{texts}", "pairs.back.share": 0.4})
    made = api.train_pairs(pairs, tmp_path / "model", asked, sink=events.append)
    plan = json.loads((made.out / "plan.json").read_text(encoding="utf-8"))
    assert plan["added"]["pairs"]["given"] > 200 and plan["added"]["back"]["seconds"]["learning"] > 0
    assert 1_400 < plan["tokens"] < 2_600, "what is left of the budget, and the step that is begun"
    assert "of 2,500" in plan["reasons"]["learn.epochs"]
    assert "were translated back" in (made.out / "report.html").read_text(encoding="utf-8")
    reasons = (made.out / "cleaning.jsonl").read_text(encoding="utf-8")
    assert "is a held-out target" in reasons and "back-translated: " in reasons
    model = Rewriter.load(made.out)
    assert marks_of(model.tokenizer)["back"] in model.engine.never  # type: ignore[attr-defined]
    assert json.loads((made.out / "data.json").read_text(encoding="utf-8"))["kinds"] == model.tokenizer.size
    assert not (tmp_path / ".model.work").exists()


@pytest.fixture(scope="module")
def teacher(pairs: Path) -> Path:
    """One that has learned another code, so that its answers can be told from the given targets."""
    data = write_pairs(pairs.with_name("shifted.tsv"), sentences("pairs", 350), shift=1)
    asked = recipe({**QUICK, "budget.tokens": 20_000})
    return api.train_pairs(data, pairs.with_name("teacher"), asked).out


@pytest.mark.parametrize("taught", ["beside", "instead"])
def test_answers_of_a_teacher_are_learned(taught: str, pairs: Path, teacher: Path, tmp_path: Path) -> None:
    asked = recipe({**QUICK, "teacher": teacher, "pairs.taught": taught})
    found = learned(asked, pairs, tmp_path, [])
    train, held_out = (texts_in(part, found) for part in (found.corpus.train, found.corpus.validation))
    kinds, about = found.corpus.train.about["kinds"], found.corpus.train.about["added"]["taught"]
    answers = train[kinds["given"] :]
    assert len(answers) == kinds["taught"] == about["kept"] > 200
    assert np.mean([target == shifted(source, 1) for _, source, target in answers]) > 0.8
    assert all(target == shifted(source, 0) for _, source, target in [*train[: kinds["given"]], *held_out])
    sources = {source for _, source, _ in answers}
    both = sources & {source for _, source, _ in train[: kinds["given"]]}
    assert len(both) == (len(sources) if taught == "beside" else 0)


def test_answers_end_with_the_clock_and_are_not_made_again(teacher: Path, tmp_path: Path) -> None:
    model = Rewriter.load(teacher)
    texts = [said(numbers)[0] for numbers in sentences("others", 300)]
    first, again = (
        answered(model, texts, tmp_path, model.settings, Clock.starting(limit), silent)
        for limit in (0.0, None)
    )
    assert again == first and len(first.places) <= first.num_asked == 64 < len(texts)
    by_hand = model.rewrite([texts[place] for place in first.places])
    assert first.answers == [one.text for one in by_hand]
    every = answered(model, texts, tmp_path / "all", model.settings, Clock.starting(), silent)
    assert every.num_asked == len(texts) and sorted(every.places) == sorted({*every.places})
    assert len(every.places) + every.num_cut == len(texts)


def shifted(source: str, shift: int) -> str:
    return said([LATIN.index(word) for word in source.split()], shift)[1]


def test_a_teacher_may_be_an_exported_one(pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    plain = {**BRIEF, "model.heads": 2, "model.inner": 32}
    made = api.train_pairs(pairs, tmp_path / "model", recipe(plain, "m2m100"))
    quick = api.export(made.out, tmp_path / "quick", "ctranslate2", {"quantization": "float32"}).out
    rules = {f"pairs.clean.{name}": "false" for name in ("scripts", "lengths", "duplicates", "identical")}
    asked = recipe({**plain, **rules, "teacher": quick}, "m2m100")
    found = learned(asked, pairs, tmp_path, [])
    about = found.corpus.train.about
    assert about["added"]["taught"]["made"] == about["kinds"]["given"]
    answers = texts_in(found.corpus.train, found)[about["kinds"]["given"] :]
    wanted = {text.text for text in Rewriter.load(made.out).rewrite([source for _, source, _ in answers])}
    assert {target for _, _, target in answers} <= wanted | {""}


@pytest.mark.parametrize(
    ("settings", "task", "message"),
    [
        ({"monolingual": "{texts}"}, "summarize", "only translations are made back"),
        ({"monolingual": "{folder}/missing.txt"}, "translate", "missing.txt"),
        ({"monolingual": "{folder}/empty.txt"}, "translate", "empty.txt"),
        ({"monolingual": "{folder}/english.txt"}, "translate", r"another language \(en\).*\(zh\)"),
        ({"pairs.back.beams": 2}, "translate", "no effect without pairs.monolingual"),
        ({"pairs.taught": "instead"}, "translate", "no effect without pairs.teacher"),
        ({"teacher": "{folder}"}, "translate", "no Textwright model|textwright.json"),
        ({"teacher": "{teacher}"}, "summarize", "model for translate, and summarize"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_learned(
    settings: dict[str, str], task: str, message: str, pairs: Path, texts: Path, teacher: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    (tmp_path / "english.txt").write_text("The day is long and it is hot.\n" * 30, encoding="utf-8")
    places = {"texts": texts, "folder": tmp_path, "teacher": teacher}
    given = {key: str(value).format(**places) for key, value in settings.items()}
    columns = {"data.source": "source", "data.target": "target"}
    with pytest.raises((ConfigError, DataError, BundleError), match=message):
        api.train_pairs(pairs, tmp_path / "model", recipe({**BRIEF, **columns, **given}, task=task))
    assert not (tmp_path / "model").exists()


def test_a_model_to_go_on_with_gets_the_mark(pairs: Path, texts: Path, tmp_path: Path) -> None:
    plain = {**BRIEF, "model.heads": 2, "model.inner": 32, "budget.tokens": 1_500}
    first = api.train_pairs(pairs, tmp_path / "first", recipe(plain, "m2m100"))
    settings = {"budget.tokens": 1_500, "monolingual": texts, "learn.batch": 16}
    assignments = [f"{key}={value}" for key, value in settings.items()]
    asked = recipe_of_pairs("translate", assignments, {"model.checkpoint": str(first.out)}, {})
    made = api.train_pairs(pairs, tmp_path / "model", asked)
    before, after = (Rewriter.load(each.out).tokenizer for each in (first, made))
    assert marks_of(after) == {"back": before.size} and after.size == before.size + 1


def test_other_objectives_and_teachers_of_another_direction_are_refused(
    pairs: Path, teacher: Path, tmp_path: Path
) -> None:
    raw = PretrainRecipe.parse({"pairs": {"teacher": str(teacher)}})
    with pytest.raises(ConfigError, match="does not go with the objective causal"):
        api.pretrain([pairs], tmp_path / "model", raw)
    languages = {"languages": ["en", "fr"]}
    model = Rewriter.load(teacher)
    model.schema.update(languages)
    add = Adding(recipe(BRIEF), tmp_path, Clock.starting(), silent, silent, partial(_learn_beside, 1))
    from textwright.text.pairs.reading import Pair

    given = [Pair("The dog is in the house and it is old.", "狗在房子里。", n) for n in range(9)]
    with pytest.raises(ConfigError, match="from en to fr, and the pairs are from en to zh"):
        add._refuse_other_languages(model, given, teacher)


def test_two_passes_the_last_states_and_patience_go_on_with_the_same_bits(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    asked = recipe(
        {**BRIEF, "model.dropout": 0.2, "loss.r_drop": 2.5, "average.name": "last", "average.count": 3}
        | {"patience": 50}
    )
    reached: list[int] = []

    class Stop(Exception):
        """What stands for a kill."""

    def stop(event: Event) -> None:
        if isinstance(event, StepEvent):
            reached.append(event.step)
            if event.step == 9 and len(reached) == 9:
                raise Stop

    whole = api.train_pairs(pairs, tmp_path / "whole", asked)
    with pytest.raises(Stop):
        api.train_pairs(pairs, tmp_path / "parts", asked, sink=stop)
    parts = api.train_pairs(pairs, tmp_path / "parts", asked, sink=stop, resume=True)
    files = [(made.out / "model.safetensors").read_bytes() for made in (whole, parts)]
    assert files[0] == files[1] and reached[9] == 9, "it went on, and did not begin anew"
    plan = json.loads((whole.out / "plan.json").read_text(encoding="utf-8"))
    assert (
        plan["learn"]["average"]["name"] == "last" and "costs about" in plan["reasons"]["learn.loss.r_drop"]
    )


def test_two_passes_without_dropout_are_refused(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without dropout the two passes"):
        api.train_pairs(pairs, tmp_path / "model", recipe({**BRIEF, "loss.r_drop": 1}))


def test_a_fit_ends_when_chrf_has_stood_still_for_so_long(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[Fit] = []
    before = Fit.run
    monkeypatch.setattr(Fit, "run", lambda fit: (fits.append(fit), before(fit))[1])
    events: list[Event] = []
    asked = {**BRIEF, "budget.tokens": 20_000, "optimizer.rate": 1e-9, "patience": 3}
    made = api.train_pairs(pairs, tmp_path / "model", recipe(asked), sink=events.append)
    steps = [event for event in events if isinstance(event, StepEvent)]
    checks = [event.scores["chrf"] for event in steps if event.scores]
    assert len(checks) == 4 and made.scores["chrf"].n > 0, "the first is a gain, and three are none"
    assert fits[0].state.checks_without_gain == 3 and steps[-1].tokens < 10_000
