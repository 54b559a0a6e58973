"""Rows to label next: which are candidates, that they are unsure and unlike, and that the file feeds back."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright import api
from textwright.choose.rows import labelling, spread, unlabelled
from textwright.choose.rows.labelling import COLUMNS, pick_rows, safe_cell
from textwright.choose.rows.spread import pick_spread, text_vectors, without_near_copies
from textwright.core.errors import ConfigError, DataError
from textwright.report.messages import SPOKEN
from textwright.tasks.predictor import Predictor
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Asked, read_corpus

SAMPLES = Path(api.__file__).parent / "sample"
BAG = {"model": {"name": "bag"}, "budget": {"minutes": 1}}


def sample(name: str) -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(path: Path, columns: str, rows: list[Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows([row if isinstance(row, tuple) else (row,) for row in rows])
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 120 reviews in `m`, in `zh` one of Chinese reviews; `new.csv` has 100 other reviews."""
    place = tmp_path_factory.mktemp("label")
    rows = sample("reviews.en.csv")
    written(place / "a.csv", "text,label", [(row["text"], row["label"]) for row in rows[:120]])
    written(place / "new.csv", "text", [row["text"] for row in rows[150:250]])
    api.train(place / "a.csv", place / "m", Recipe.parse(BAG))
    chinese = sample("reviews.zh.csv")
    written(place / "zh.csv", "text,label", [(row["text"], row["label"]) for row in chinese[:120]])
    written(place / "新.csv", "文本", [row["text"] for row in chinese[120:200]])
    api.train(place / "zh.csv", place / "zh", Recipe.parse(BAG))
    return place


@pytest.fixture(scope="module")
def model(folder: Path) -> Predictor:
    return api.load(folder / "m")


def test_the_file_has_its_columns_and_the_label_is_empty(
    model: Predictor, folder: Path, tmp_path: Path
) -> None:
    found = pick_rows(model, folder / "new.csv", tmp_path / "to.csv", rows=15)
    rows = read(tmp_path / "to.csv")
    assert tuple(rows[0]) == COLUMNS and len(rows) == found.rows == 15 and found.n == 100
    assert all(row["label"] == "" and row["guess"] in ("positive", "negative") for row in rows)
    texts = [row["text"] for row in read(folder / "new.csv")]
    for row in rows:
        assert texts[int(row["row"]) - 2] == row["text"]  # the header is row 1
        assert 0.5 <= float(row["probability"]) <= 1 and row["why"].startswith("the next likely label is '")
    assert len({row["row"] for row in rows}) == 15


def test_the_guess_is_what_predict_says(model: Predictor, folder: Path, tmp_path: Path) -> None:
    pick_rows(model, folder / "new.csv", tmp_path / "to.csv", rows=5)
    for row in read(tmp_path / "to.csv"):
        (answer,) = model.predict([row["text"]])
        assert row["guess"] == answer["label"]
        assert float(row["probability"]) == pytest.approx(answer["probability"], abs=1e-4)


def test_the_picked_are_less_sure_than_the_rest(
    model: Predictor, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "_FEWEST", 0)
    pick_rows(model, folder / "new.csv", tmp_path / "to.csv", rows=10)
    sure = np.sort(
        [answer["probability"] for answer in model.predict([r["text"] for r in read(folder / "new.csv")])]
    )
    picked = [float(row["probability"]) for row in read(tmp_path / "to.csv")]
    assert max(picked) <= sure[50] + 1e-4  # only the most unsure half were candidates
    assert np.mean(picked) < np.mean(sure)


def test_the_seed_decides_and_nothing_else(model: Predictor, folder: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        pick_rows(model, folder / "new.csv", tmp_path / f"{name}.csv", rows=10, seed=seed)
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b != c


def test_what_is_no_candidate_is_left_out_and_counted(model: Predictor, folder: Path, tmp_path: Path) -> None:
    known = [row["text"] for row in read(folder / "a.csv")]
    fresh = [row["text"] for row in read(folder / "new.csv")][:20]
    rows = [
        *((text, "") for text in known),
        *((text, "") for text in fresh),
        (f"  {fresh[0].upper()}!! ", ""),  # a copy, as the project compares texts
        (fresh[1], ""),
        ("quite another text, seen by nobody", "positive"),
        ("   ", ""),
    ]
    data = written(tmp_path / "pool.csv", "text,label", rows)
    with data.open("a", encoding="utf-8") as file:
        file.write("too,many,cells\n")
    found = pick_rows(model, data, tmp_path / "to.csv", rows=500)
    locked = len(json.loads((folder / "m" / "looks.json").read_text(encoding="utf-8"))["locked"])
    assert found.left_out["learned"] + found.left_out["locked"] == 120 - found.left_out["duplicates"] + 2
    assert found.left_out["locked"] > 0 and found.left_out["locked"] <= locked
    assert found.left_out["labelled"] == 1 and found.left_out["unreadable"] == 1
    assert found.left_out["empty"] in (0, 1)  # a row of blanks may be no row at all
    assert {row["text"] for row in read(tmp_path / "to.csv")} == set(fresh)
    looks = json.loads((folder / "m" / "looks.json").read_text(encoding="utf-8"))["looks"]
    assert len(looks) == 1  # nothing was measured on locked rows, so no look is counted


def test_near_copies_are_not_picked_together(model: Predictor, tmp_path: Path) -> None:
    base = [row["text"] for row in sample("reviews.en.csv")[150:190]]
    copies = [f"{base[0]} ({i})" for i in range(60)]
    data = written(tmp_path / "pool.csv", "text", [*copies, *base])
    pick_rows(model, data, tmp_path / "to.csv", rows=15)
    picked = [row["text"] for row in read(tmp_path / "to.csv")]
    assert sum(text.startswith(base[0]) for text in picked) <= 1


def test_a_long_file_streams_with_few_candidates_in_memory(
    model: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "_FEWEST", 50)
    rng = random.Random(0)
    words = "room staff food awful lovely cold warm never again pleasant broken".split()  # noqa: SIM905
    rows = [f"{' '.join(rng.choices(words, k=6))} {i}" for i in range(10_000)]
    data = written(tmp_path / "pool.csv", "text", [*rows, *rows[:500]])
    most = 0
    add = unlabelled.Pool.add

    def watched(self: Any, found: list[Any]) -> None:
        nonlocal most
        add(self, found)
        most = max(most, len(self._kept))

    monkeypatch.setattr(unlabelled.Pool, "add", watched)
    found = pick_rows(model, data, tmp_path / "to.csv", rows=10)
    assert found.n == 10_500 and found.left_out["duplicates"] == 500 and most <= 2 * 200 + 4096


def test_keys_are_known_again_whatever_the_order() -> None:
    seen, rng, known = unlabelled.Seen(), np.random.default_rng(0), set()
    for _ in range(40):
        keys = rng.integers(0, 500, 30).astype(np.uint64)
        expected = []
        for key in keys.tolist():
            expected.append(key not in known)
            known.add(key)
        assert seen.is_new(keys).tolist() == expected


# Feeding back.


def fill(path: Path, label: str = "positive", every: int = 1, codec: str = "utf-8-sig") -> None:
    rows = read(path)
    with path.open("w", encoding=codec, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "label": label if i % every == 0 else ""} for i, row in enumerate(rows))


def test_a_filled_file_is_data_for_train(model: Predictor, folder: Path, tmp_path: Path) -> None:
    pick_rows(model, folder / "new.csv", tmp_path / "to.csv", rows=40)
    truth = {row["text"]: row["label"] for row in sample("reviews.en.csv")}
    rows = read(tmp_path / "to.csv")
    with (tmp_path / "to.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "label": truth[row["text"]] if i < 30 else ""} for i, row in enumerate(rows))
    corpus = read_corpus(tmp_path / "to.csv", Asked(text="text", label="label"))
    assert len(corpus) == 30
    assert {"action": "dropped", "reason": "no label", "rows": 10} in corpus.log.summary()
    events: list[Any] = []
    api.train(tmp_path / "to.csv", tmp_path / "m", Recipe.parse(BAG), sink=events.append)
    assert any("10 rows dropped: no label" in getattr(event, "text", "") for event in events)


@pytest.mark.parametrize("every", [1, 7])
def test_labels_that_were_written_are_never_replaced(
    model: Predictor, folder: Path, tmp_path: Path, every: int
) -> None:
    target = tmp_path / "to.csv"
    pick_rows(model, folder / "new.csv", target, rows=15)
    pick_rows(model, folder / "new.csv", target, rows=14, seed=2)  # nobody has written into it
    fill(target, every=every)
    before = target.read_bytes()
    with pytest.raises(
        ConfigError, match=f"is there, and {14 if every == 1 else 2} of its rows have been labelled"
    ):
        pick_rows(model, folder / "new.csv", target, rows=15)
    assert target.read_bytes() == before


def test_other_files_are_never_replaced(model: Predictor, folder: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.csv", "name,label", [("a", ""), ("b", "")])
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for path in (other, empty):
        with pytest.raises(ConfigError, match="is there, and is no file of rows to label"):
            pick_rows(model, folder / "new.csv", path)
    with pytest.raises(ConfigError, match="is the file that is read"):
        pick_rows(model, folder / "new.csv", folder / "new.csv")
    with pytest.raises(ConfigError, match=r"rows to label are written as \.csv"):
        pick_rows(model, folder / "new.csv", tmp_path / "to.xlsx")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        pick_rows(model, folder / "new.csv", tmp_path / "dir.csv")


@pytest.mark.parametrize(
    "text", ["=1+1 is what they charge", "- not bad at all", "@home it is better", "＝很好，下次再来"]
)
def test_a_text_like_a_formula_is_shown_as_text_and_comes_back_as_it_was(
    model: Predictor, tmp_path: Path, text: str
) -> None:
    data = written(
        tmp_path / "pool.csv", "text", [text, "a plain text about the room", 'he said "no",\nthen left']
    )
    pick_rows(model, data, tmp_path / "to.csv", rows=3)
    rows = read(tmp_path / "to.csv")
    assert not any(row["text"].startswith(("=", "+", "-", "@", "＝")) for row in rows)
    fill(tmp_path / "to.csv", "x")
    corpus_rows = [row["text"].strip() for row in read(tmp_path / "to.csv")]
    assert set(corpus_rows) == {text, "a plain text about the room", 'he said "no",\nthen left'}
    assert safe_cell("fine") == "fine"


def test_chinese_opens_in_a_spreadsheet_and_reads_back(folder: Path, tmp_path: Path) -> None:
    model, target = api.load(folder / "zh"), tmp_path / "待标注.csv"
    token = SPOKEN.set("zh")
    try:
        found = pick_rows(model, folder / "新.csv", target, rows=12)
    finally:
        SPOKEN.reset(token)
    assert found.rows == 12 and target.read_bytes().startswith(b"\xef\xbb\xbf")
    assert all(row["why"].startswith("其次可能的标签是 ") for row in read(target))
    fill(target, codec="gb18030")  # as a Chinese Excel may save it
    corpus = read_labelled_rows(target)
    assert corpus == {row["text"] for row in read_any(target)}
    with pytest.raises(ConfigError, match="12 of its rows have been labelled"):
        pick_rows(model, folder / "新.csv", target)


def read_any(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="gb18030", newline="") as file:
        return list(csv.DictReader(file))


def read_labelled_rows(path: Path) -> set[str]:
    from textwright.text.rowlog import RowLog
    from textwright.text.sources import open_source

    return {str(text) for batch in open_source(path).batches(RowLog()) for text in batch.columns["text"]}


# Other tasks, and what cannot be.


def test_graded_answers_are_picked_by_diversity_and_it_is_said(tmp_path: Path) -> None:
    rows = sample("reviews.en.csv")
    data = written(tmp_path / "a.csv", "text,score", [(row["text"], row["score"]) for row in rows[:120]])
    api.train(data, tmp_path / "m", Recipe.parse({**BAG, "task": "score"}))
    pool = written(tmp_path / "new.csv", "text", [row["text"] for row in rows[150:220]])
    found = pick_rows(api.load(tmp_path / "m"), pool, tmp_path / "to.csv", rows=10)
    assert found.by == "diversity alone, as graded answers have no probability"
    for row in read(tmp_path / "to.csv"):
        assert row["probability"] == "" and float(row["guess"]) > 0
        assert row["why"] == "unlike the other rows picked"


def test_sets_of_labels_are_picked_by_the_label_nearest_one_half(tmp_path: Path) -> None:
    rows = sample("reviews.en.csv")
    lines = [
        json.dumps({"text": r["text"], "labels": [r["label"], *(["long"] if len(r["text"]) > 60 else [])]})
        for r in rows[:120]
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    api.train(tmp_path / "a.jsonl", tmp_path / "m", Recipe.parse(BAG))
    model = api.load(tmp_path / "m")
    pool = written(tmp_path / "new.csv", "text", [row["text"] for row in rows[150:220]])
    found = pick_rows(model, pool, tmp_path / "to.csv", rows=10)
    assert found.by == "nearness to one half and diversity"
    for row in read(tmp_path / "to.csv"):
        (answer,) = model.predict([row["text"]], probabilities=True)
        shares = answer["probabilities"]
        gap = min(abs(share - 0.5) for share in shares.values())
        assert row["guess"] == ";".join(answer["labels"])
        near = [name for name, share in shares.items() if abs(share - 0.5) < gap + 0.005]
        assert row["why"] in {f"least sure of {name!r}, which has {shares[name]:.2f}" for name in near}


def test_when_nothing_is_left_it_is_said_why(model: Predictor, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row is left to label") as caught:
        pick_rows(model, folder / "a.csv", tmp_path / "to.csv")
    assert "they have a label" in caught.value.message and "not learned from" in caught.value.hint
    bare = written(tmp_path / "bare.csv", "text", [row["text"] for row in read(folder / "a.csv")])
    with pytest.raises(DataError, match="the model has learned from them"):
        pick_rows(model, bare, tmp_path / "to.csv")
    assert not (tmp_path / "to.csv").exists()
    with pytest.raises(DataError, match="there is no column 'txt'"):
        pick_rows(model, folder / "new.csv", tmp_path / "to.csv", text="txt")
    with pytest.raises(ConfigError, match="--rows 0: expected at least 1"):
        pick_rows(model, folder / "new.csv", tmp_path / "to.csv", rows=0)


# Diversity.


def test_vectors_have_length_one_and_tell_texts_apart() -> None:
    texts = ["the room was cold", "the room was very cold", "质量很好，下次再来", "质量很好，下次再来！", ""]
    x = text_vectors(texts)
    similar = (x @ x.T).toarray()
    assert np.allclose(np.diag(similar)[:4], 1, atol=1e-5) and similar[4].sum() == 0
    assert similar[0, 1] > 0.5 and similar[2, 3] > 0.5 and similar[0, 2] == 0


def test_near_copies_of_earlier_rows_are_left_out_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    words = "room staff food awful lovely cold warm never again pleasant broken dinner".split()  # noqa: SIM905
    own = [" ".join(rng.sample(words, 6)) for _ in range(30)]
    texts = [f"{own[i % 30]} {i}" for i in range(300)]
    whole = without_near_copies(text_vectors(texts), 300).tolist()
    monkeypatch.setattr(spread, "_BLOCK", 7)
    assert without_near_copies(text_vectors(texts), 300).tolist() == whole
    assert len(whole) <= 31 and whole[0] == 0
    assert without_near_copies(text_vectors(texts), 5).tolist() == whole[:5]


def test_a_spread_draw_covers_the_groups_and_follows_the_weights() -> None:
    texts = (
        [f"the alpha room {i}" for i in range(40)]
        + [f"some omega food {i}" for i in range(40)]
        + ["单独的一行"]
    )
    x = text_vectors(texts)
    groups = [
        {*(0 if i < 40 else 1 if i < 80 else 2 for i in pick_spread(x, np.ones(81), 3, rng).tolist())}
        for rng in map(np.random.default_rng, range(20))
    ]
    assert sum(found == {0, 1, 2} for found in groups) >= 8  # at random it would be about one of them
    weights = np.where(np.arange(81) < 40, 1.0, 0.0)
    assert all(i < 40 for i in pick_spread(x, weights, 1, np.random.default_rng(1)).tolist())
    everything = pick_spread(x, np.ones(81), 100, np.random.default_rng(0))
    assert sorted(everything.tolist()) == list(range(81))
