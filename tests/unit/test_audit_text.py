"""Checks of twins and texts: what they flag, what they let pass, and what no data may break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from textwright.audit.base import Check
from textwright.audit.checks import encoding, languages, leaks, lengths, near_twins
from textwright.audit.proof.made import made, made_pairs
from textwright.audit.registry import CHECKS
from textwright.audit.subject import AuditData
from textwright.core.seeds import generator

MINE = (
    "exact_twins", "near_twins", "conflicts", "languages", "encoding", "lengths", "boilerplate",
    "personal", "secrets",
)  # fmt: skip
CAT = "the cat sat on the mat in the hall"


def rows_of(texts: list[str], labels: list[str] | None = None, parts: list[str] | None = None) -> AuditData:
    return AuditData(
        "classify" if labels else "text",
        texts,
        np.arange(2, len(texts) + 2),
        labels=[(label,) if label else () for label in labels] if labels else [],
        parts=parts or [],
    )


def check(name: str) -> Check:
    return CHECKS.get(name)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("share", "least"), [(0.05, 0.98), (0.10, 0.95)])
def test_near_twins_are_found_when_characters_are_edited(language: str, share: float, least: float) -> None:
    data = made(language, rows=300, seed=6)  # type: ignore[arg-type]
    rng = generator(6, "edits")
    copies = data.with_texts({i: near_twins.edit(text, share, rng) for i, text in enumerate(data.texts)})
    found = near_twins.run(data.appended(copies)).flagged
    assert np.isin(np.arange(300, 600), found).mean() >= least
    assert np.isin(found, np.arange(300, 600)).mean() >= 0.99


def test_there_are_no_chains() -> None:
    words = [f"word{i} other{i} thing{i}" for i in range(12)]
    chain = [" ".join(words[i : i + 6]) for i in range(5)]  # each like the next, the last unlike the first
    kept = near_twins.kept_rows(rows_of(chain))
    assert kept[1] == 0
    assert len(set(kept.tolist())) > 1


def test_conflicts_keep_what_most_rows_say() -> None:
    data = rows_of([CAT, CAT.upper(), f"{CAT}!", "a dog", "a dog"], ["yes", "no", "yes", "yes", "no"])
    finding = check("conflicts")(data).findings[0]
    assert sorted(finding.rows.tolist()) == [0, 1, 2, 3, 4]
    assert finding.fixes[0].params == {"keep": [0], "undecided": [[3, 4]]}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_score_without_leaks_is_that_of_clean_rows(language: str) -> None:
    clean = leaks.halves(made(language, rows=1200, seed=8), 8)  # type: ignore[arg-type]
    planted = leaks.plant(clean, 0.2, 8)
    numbers = leaks.run(planted.data).numbers
    truth = leaks._scores(clean, "train", "test", np.zeros(0, np.int64))["accuracy"]
    assert abs(numbers["clean_accuracy_test"]["value"] - truth.value) < 0.02
    gain = numbers["gain_by_leaks_test"]
    assert gain["low"] <= gain["value"] <= gain["high"]


def test_what_is_moved_stands_in_the_rows_to_learn_from() -> None:
    planted = leaks.plant(made("en", rows=400, seed=2), 0.1, 2)
    finding = leaks.run(planted.data).findings[0]
    assert {planted.data.parts[row] for row in finding.fixes[0].params["rows"]} == {"train"}
    assert {planted.data.parts[row] for row in finding.rows.tolist()} == {"test"}


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("naÃ¯ve cafÃ© â€“ Ã\xa0", "naïve café – à"),
        ("æˆ‘çˆ±ä½\xa0", "我爱你"),
        ("Ð¿Ñ€Ð¸", "при"),
        ("cafÃ© é", ""),
    ],
)
def test_a_wrong_encoding_is_undone_where_nothing_was_lost(broken: str, meant: str) -> None:
    assert encoding.repaired(broken, "mojibake") == meant
    assert encoding.fault(broken) == ("mojibake" if meant else "")


@pytest.mark.parametrize(
    "text",
    [
        "café à la carte",
        "São Paulo",
        "Ångström",
        "Â",
        "我爱北京",
        "涓涓细流",
        "浜松",
        "👨‍👩‍👧",
        "naïve “quotes” – €5",
        "ÃO",
    ],
)
def test_what_is_right_is_no_broken_encoding(text: str) -> None:
    assert encoding.fault(text) == ""


def test_chinese_read_as_gbk_is_named_and_repaired() -> None:
    broken = "你好世界".encode().decode("gb18030")
    assert encoding.fault(broken) == "gbk"
    assert encoding.repaired(broken, "gbk") == "你好世界"


def test_a_repair_never_touches_other_rows() -> None:
    data = rows_of(["plain", "cafÃ©", "zero\u200bwidth", "lost \ufffd"])
    fixes = [fix for finding in encoding.run(data).findings for fix in finding.fixes if fix.kind == "repair"]
    assert [fix.params for fix in fixes] == [{"encoding": "mojibake"}, {"encoding": "unseen"}]
    assert encoding.repaired(data.texts[1], "mojibake") == "café"


def test_texts_cut_at_one_length_are_found() -> None:
    data = made("en", rows=400, seed=4)
    whole = [(text * 3)[: 100 + (37 * i) % 150] for i, text in enumerate(data.texts)]
    rows, at = lengths.cut_off(whole, np.array([len(text.strip()) for text in whole]))
    assert at == 0
    cut = [text[:120] + "x" if i % 8 == 0 else text for i, text in enumerate(whole)]
    rows, at = lengths.cut_off(cut, np.array([len(text.strip()) for text in cut]))
    assert at == 121 or at == 120
    assert len(rows) >= 20


def test_the_window_says_what_is_lost() -> None:
    data = replace(rows_of(["one two three four"] * 9 + ["我爱你们大家好"]), window=4)
    assert lengths.run(data).numbers["over_window"] == 1
    assert "over_window" not in lengths.run(replace(data, window=None)).numbers


def test_languages_by_script_and_by_words() -> None:
    texts = [f"The dog of my friend was on the sofa for {i} days" for i in range(20)]
    texts += [
        "Der Hund ist nicht mit auf dem Sofa, und das ist gut.",
        "我爱北京天安门",
        "ねこはどこですか",
        "ok",
    ]
    told = languages.languages(rows_of(texts))
    assert told[:20] == ["en"] * 20
    assert told[20:] == ["de", "zh", "ja", ""]


@pytest.mark.parametrize("name", MINE)
@pytest.mark.parametrize(
    "texts",
    [["only one"], ["", ""], ["\ud800 half", "\ud800 half", "x" * 300_000], ["a", "a", "b"], ["👍", "👍👍"]],
)
def test_no_data_break_a_check(name: str, texts: list[str]) -> None:
    for labels in (None, ["same"] * len(texts)):
        result = check(name)(rows_of(texts, labels))
        assert result.status in ("found", "clean", "not applicable", "too few rows")
        assert set(result.flagged.tolist()) <= set(range(len(texts)))


def test_bad_pairs_are_listed_by_rule() -> None:
    pairs = made_pairs(rows=60, seed=1)
    broken = pairs.with_others({3: "", 5: pairs.texts[5]})
    subjects = {f.subject: f.rows.tolist() for f in check("bad_pairs")(broken).findings}
    assert subjects["no target"] == [3]
    assert subjects["source and target are the same text"] == [5]


NOTE = "This message was sent from a device on the move, please excuse its brevity."


def test_a_passage_is_told_whole_with_all_of_its_rows() -> None:
    data = made("en", rows=200, seed=3)
    noted = {i: f"{data.texts[i]}\n\n{NOTE.upper() if i % 2 else NOTE}" for i in range(0, 90, 3)}
    noted[1] = noted[0]  # a copy holds it too, but says nothing of how many texts do
    finding = check("boilerplate")(data.with_texts(noted)).findings[0]
    assert sorted(finding.rows.tolist()) == sorted(noted)
    assert finding.subject == NOTE
    assert finding.fixes[0].params == {"terms": [NOTE]}


def test_personal_data_of_a_passage_are_not_shown() -> None:
    data = made("en", rows=120, seed=3)
    signed = "Kind regards from the shop in the old town, call us on +44 20 7946 0018 or mail us"
    finding = check("boilerplate")(
        data.with_texts({i: f"{data.texts[i]} {signed}" for i in range(40)})
    ).findings[0]
    assert "7946" not in str(vars(finding)) and "Kind regards" in finding.title
    assert finding.fixes[0].params == {}


@pytest.mark.parametrize(
    "texts",
    [
        [f"the whole of this text was copied and only its number is {i}" for i in range(60)],
        [f"word{i} and other{i} at https://t.co/{i}x today" for i in range(60)],
        [f"{'ha ' * 12} number{i} was funny to us{i}" for i in range(60)],
        ["one and the same text that stands in many rows as it is"] * 60,
    ],
    ids=["near twins", "addresses", "laughter", "copies"],
)
def test_what_is_no_boilerplate(texts: list[str]) -> None:
    assert check("boilerplate")(rows_of(texts)).status == "clean"


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", ["languages", "lengths", "encoding"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_null_controls_by_the_rules_of_a_check_leave_out_no_made_row(
    language: str, name: str, seed: int
) -> None:
    data = made(language, rows=2000, seed=seed)  # type: ignore[arg-type]
    assert check(name).null(data, seed).texts == data.texts


def test_those_of_pairs_leave_out_next_to_none() -> None:
    pairs = made_pairs(rows=2000, seed=1)
    assert len(check("bad_pairs").null(pairs, 1)) >= 0.999 * len(pairs)
