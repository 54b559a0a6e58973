"""A model from sequence to sequence that learns from raw text: learned, asked, gone on with, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from textwright import api
from textwright.core.errors import CheckpointError, ConfigError, DataError
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.recipe import Recipe
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.retelling import answers

TINY = {"width": 32, "layers": 1, "heads": 2, "inner": 64, "positions": 32}
ANIMALS, PLACES = ("cat", "dog", "cow", "hen", "fox"), ("mat", "hill", "roof", "road", "bed")


def recipe(**more: Any) -> PretrainRecipe:
    asked: dict[str, Any] = {
        "model": {"name": "m2m100", **TINY},
        "tokenizer": {"kind": "bpe", "vocabulary_size": 320},
        "budget": {"tokens": 40_000},
        "learn": {"batch": 8, "optimizer": {"name": "adamw", "rate": 0.01}},
    }
    return PretrainRecipe.parse({**asked, **more})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [
        f"the {a} sat on the {p} and saw 春 a {b}.\n"
        for a in ANIMALS
        for b in ANIMALS
        for p in PLACES
        for _ in range(3)
    ]
    path = tmp_path_factory.mktemp("corpus") / "text.csv"
    path.write_text("text\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def learned(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, api.Pretrained]:
    out = tmp_path_factory.mktemp("models") / "spans"
    return out, api.pretrain([corpus], out, recipe())


def test_it_learns_to_tell_what_was_taken_out(learned: tuple[Path, api.Pretrained], corpus: Path) -> None:
    out, made = learned
    assert made.objective == "denoise" and made.model == "m2m100"
    assert made.scores["perplexity"].value < 30 and made.scores["accuracy"].value > 0.3
    (out.parent / "short.txt").write_text("the cat sat on the mat and saw 春")
    assert api.evaluate(out, out.parent / "short.txt").scores["perplexity"].value > 1
    (out.parent / "short.txt").write_text("cat")
    with pytest.raises(DataError, match="3 tokens are too few to measure on"):
        api.evaluate(out, out.parent / "short.txt")
    again = api.evaluate(out, corpus)
    assert again.scores["perplexity"].value == pytest.approx(made.scores["perplexity"].value, rel=0.5)
    assert "taken out in spans" in (out / "report.html").read_text(encoding="utf-8")
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "AutoModelForSeq2SeqLM" in card and "train reviews.csv --from" not in card


def test_gaps_of_any_length_are_filled(learned: tuple[Path, api.Pretrained]) -> None:
    out, _ = learned
    found = api.fill(out, ["the cat [MASK] the mat and saw 春 a <mask>."], most=3)[0]
    assert len(found.gaps) == 2 and all(1 <= len(gap) <= 3 for gap in found.gaps)
    assert "[MASK]" not in found.text and "<mask>" not in found.text
    assert found.text.startswith("the cat" + found.gaps[0][0][0])
    assert "  " not in found.text, "the blank before a gap is of what is missing"
    lines = api.fill(out, ["the cat sat.\n\n[MASK] dog"])[0].text
    assert lines.startswith("the cat sat.\n\n"), "only a blank is of what is missing"
    assert api.fill(out, ["[MASK]"])[0].text
    for gap in found.gaps:
        assert all(text for text, _ in gap), "never nothing"
        assert [share for _, share in gap] == sorted((share for _, share in gap), reverse=True)
        assert 0 < sum(share for _, share in gap) <= 1.0001


def test_a_page_shows_what_fills_the_gaps(learned: tuple[Path, api.Pretrained], tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    out, _ = learned
    text = "the [MASK] sat on the <mask> and saw 春 a cow."
    record = api.inspect(out, text, tmp_path / "gaps.html").record
    ours = LanguageModel.load(out)
    mask, pieces = ours.tokenizer.pieces[ours.vocabulary.mask_id or 0], ours.tokenizer.pieces
    told = [token["token"] for token in record["tokens"]]
    assert told.count(mask) == 2 and told[0] == mask and told[-1] == pieces[ours.vocabulary.end_id]
    assert record["text"].count(mask) == 2 and not record["text"].endswith(told[-1])
    for token in record["tokens"][:-1]:
        shown = record["text"][token["start"] : token["end"]]
        assert shown and (shown == mask) == (token["token"] == mask)
    read = [pieces.index(name) for name in record["attention"]["seen"]]
    known = [ours.vocabulary.end_id, *map(pieces.index, told[:-1])]
    with torch.no_grad():
        model = AutoModelForSeq2SeqLM.from_pretrained(out)
        logits = model(input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([known])).logits[0]
    for place, (token, shares) in enumerate(zip(record["tokens"], logits.softmax(-1), strict=True)):
        assert token["probability"] == pytest.approx(float(shares[pieces.index(told[place])]), rel=1e-3)
    (best, share), *_ = answers(ours, read)
    assert [pieces[token] for token in best] == told
    assert 2 ** -record["bits"] == pytest.approx(share, rel=1e-3), "its tokens make up the whole answer"
    heads = torch.tensor(record["attention"]["layers"][0]["heads"])
    assert heads.shape == (2, len(told), len(read)) and torch.allclose(
        heads.sum(-1), torch.ones(()), atol=1e-2
    )
    page = (tmp_path / "gaps.html").read_text(encoding="utf-8")
    assert "fills the gaps of a text" in page and "怎样填补文本中的空缺" in page


def test_the_folder_opens_in_the_library_with_equal_logits(learned: tuple[Path, api.Pretrained]) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    out, _ = learned
    model, tokenizer = (x.from_pretrained(out) for x in (AutoModelForSeq2SeqLM, AutoTokenizer))
    ours = LanguageModel.load(out)
    ids = tokenizer("the cat <mask> 春", return_tensors="pt").input_ids
    before, behind = (ours.tokenizer.whole([part])[0].tolist() for part in ("the cat", " 春"))
    assert ids[0].tolist() == [*before, ours.vocabulary.mask_id, *behind, 2]
    assert (model.config.pad_token_id, model.config.decoder_start_token_id) == (1, 2)
    assert tokenizer.convert_ids_to_tokens([0, 2]) == ["<s>", "</s>"]
    told = torch.tensor([[2, ours.vocabulary.mask_id, 9]])
    with torch.no_grad():
        theirs = model(input_ids=ids, decoder_input_ids=told).logits
        assert torch.allclose(ours.network(ids, ids > 0, told).logits, theirs, atol=1e-4)


def test_it_is_gone_on_with(learned: tuple[Path, api.Pretrained], corpus: Path, tmp_path: Path) -> None:
    out, before = learned
    asked = recipe(
        model={"name": "auto", "checkpoint": str(out)}, tokenizer="auto", budget={"tokens": 20_000}
    )
    made = api.pretrain([corpus], tmp_path / "more", asked)
    assert made.model == "m2m100"
    assert "  " not in api.fill(tmp_path / "more", ["the cat [MASK] the mat."])[0].text
    with pytest.raises(ConfigError, match=r"model\.dropout=0\.1: of a checkpoint it stays"):
        api.pretrain([corpus], tmp_path / "x", asked.replaced({"model.dropout": 0.1}))
    assert made.scores["perplexity"].value < 1.3 * before.scores["perplexity"].value


def test_what_it_is_not_for_is_refused(
    learned: tuple[Path, api.Pretrained], corpus: Path, tmp_path: Path
) -> None:
    out, _ = learned
    with pytest.raises(ConfigError, match="does not write"):
        api.generate(out, ["the"])
    with pytest.raises(DataError, match="no gap in the text 'the cat'"):
        api.inspect(out, "the cat", tmp_path / "x.html")
    with pytest.raises(CheckpointError, match="not an encoder of texts"):
        asked = {
            "model": {"name": "pretrained", "checkpoint": str(out)},
            "data": {"text": "text", "label": "kind"},
        }
        rows = tmp_path / "rows.csv"
        rows.write_text("text,kind\n" + "a cat,x\na dog,y\n" * 30)
        api.train(rows, tmp_path / "y", Recipe.parse(asked))
    with pytest.raises(ConfigError, match=r"tokenizer\.drop_unknown: a language"):
        api.pretrain([corpus], tmp_path / "z", recipe(tokenizer={"kind": "word", "drop_unknown": True}))
    with pytest.raises(ConfigError, match=r"spans\.share does not go with the objective causal"):
        api.pretrain([corpus], tmp_path / "z", recipe(model={"name": "gpt2"}, spans={"share": 0.2}))
    with pytest.raises(ConfigError, match=r"mask\.first does not go with the objective denoise"):
        api.pretrain([corpus], tmp_path / "z", recipe(mask={"first": 0.2}))
