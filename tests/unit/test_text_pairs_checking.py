"""Languages that were asked for, that columns are called by, and that a model has learned."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from textwright.core.errors import ConfigError, DataError
from textwright.text.pairs.aligned import read_given
from textwright.text.pairs.checking import Given, Texts, Told, check_sides
from textwright.text.pairs.languages import KNOWN
from textwright.text.pairs.reading import TRANSLATION, Asked
from textwright.text.pairs.tags import code_of, language_of_file, language_tag
from textwright.text.rowlog import RowLog

ENGLISH = [f"The cat number {n} is on the mat and it is not mine." for n in range(30)]
GERMAN = [f"Die Katze Nummer {n} ist auf der Matte und sie ist nicht von mir." for n in range(30)]
CHINESE = [f"第{n}只猫在垫子上，它不是我的。" for n in range(30)]
DANISH = [f"Jeg har set den lille kat nummer {n}, og det er ikke min kat, men din." for n in range(30)]


def checked(sources: list[str], targets: list[str], given: Given, columns: bool = True) -> Told:
    told = Told()
    path = Path("a.tsv")
    names = ("left", "right") if columns else None
    texts = Texts(list(range(2, len(sources) + 2)), sources, targets)
    check_sides(given.sides((path, Path("b.tsv")), names, ("", "")), texts, told)
    return told


def test_every_code_is_a_tag_of_itself() -> None:
    assert all(code_of(code) == code for code in KNOWN)
    assert {"en", "zh", "id", "el", "am"} <= KNOWN


@pytest.mark.parametrize(
    ("tag", "code"),
    [("EN", "en"), ("eng", "en"), ("zh-Hans-CN", "zh"), ("cmn", "zh"), ("pt_BR", "pt"), ("ind", "id")],
)
def test_tags_stand_for_codes(tag: str, code: str) -> None:
    assert language_tag(tag, "data.source_language") == code


@pytest.mark.parametrize(
    ("tag", "near"), [("english", "'en'"), ("gernan", "'de'"), ("中文", "'zh'"), ("qqq", ""), ("", "")]
)
def test_unknown_tags_are_refused_with_the_nearest_and_all_that_are_known(tag: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        language_tag(tag, "data.source_language")
    assert caught.value.message == f"data.source_language={tag}: is no language that can be told here"
    assert caught.value.hint.startswith(f"Did you mean {near}?" if near else "Known: ")
    assert "zh." in caught.value.hint and " en, " in caught.value.hint


def test_files_are_called_by_their_languages() -> None:
    names = ("train.en", "de-en.de.gz", "corpus.tok.zh", "notes.txt", "en", "a.tsv")
    assert [*map(language_of_file, names)] == ["en", "de", "zh", "", "", ""]


def test_another_language_than_was_asked_for_is_told_with_shares_and_rows() -> None:
    mixed = [*CHINESE[:6], *ENGLISH[6:]]
    with pytest.raises(DataError) as caught:
        checked(mixed, GERMAN, Given(("zh", "de")))
    assert caught.value.message == (
        "a.tsv, column 'left': these texts are to be zh, and are mostly en: en 80 %, zh 20 %; "
        "en in rows 8, 9, 10, 11, 12"
    )
    assert "data.source_language=en" in caught.value.hint
    assert checked(mixed, GERMAN, Given(("en", "de"))).warnings == []


def test_a_language_of_the_same_family_is_only_warned_of() -> None:
    told = checked(DANISH, CHINESE, Given(("nb", "zh")))
    (warning,) = told.warnings
    assert "to be nb" in warning and "hard to tell apart" in warning


@pytest.mark.parametrize("asked", [("zh", "en"), ("zh", ""), ("", "en")])
def test_swapped_sides_are_refused_with_what_turns_them(asked: tuple[str, str]) -> None:
    with pytest.raises(
        DataError, match="source and target are swapped: 'left' holds en, 'right' zh"
    ) as table:
        checked(ENGLISH, CHINESE, Given(asked))
    assert "--source 'right' --target 'left'" in table.value.hint
    with pytest.raises(DataError) as files:
        checked(ENGLISH, CHINESE, Given(asked), columns=False)
    assert "b.tsv --target-file a.tsv" in files.value.hint


def test_five_pairs_are_enough_to_contradict_and_four_are_not() -> None:
    with pytest.raises(DataError, match="swapped"):
        checked(ENGLISH[:5], CHINESE[:5], Given(("zh", "en")))
    assert checked(ENGLISH[:4], CHINESE[:4], Given(("zh", "en"))) == Told()


def test_what_a_model_has_learned_may_not_be_turned_round() -> None:
    with pytest.raises(DataError, match="the model has learned to make en of zh"):
        checked(ENGLISH, CHINESE, Given(learned=("zh", "en")))
    (warning,) = checked(ENGLISH, GERMAN, Given(learned=("en", "zh"))).warnings
    assert "mostly de, and the model has learned zh: de 100 %; de in rows 2, 3, 4, 5, 6" in warning


def test_one_language_on_both_sides_is_said_and_allowed() -> None:
    other = [f"{text} Is it yours, my friend?" for text in ENGLISH]
    assert any("another way to say it" in note for note in checked(ENGLISH, other, Given()).notes)
    assert not any("another way" in note for note in checked(ENGLISH, other, Given(("en", "en"))).notes)
    with pytest.raises(DataError, match="the same text in most rows"):
        checked(ENGLISH, ENGLISH, Given())


def test_rows_that_were_shifted_have_lengths_that_say_nothing_of_each_other() -> None:
    lengths = random.Random(0).choices(range(1, 30), k=200)
    sources, targets = (["the cat " * n for n in lengths], ["die Katze " * n for n in lengths])
    assert checked(sources, targets, Given()).warnings == []
    (warning,) = checked(sources, [*targets[7:], *targets[:7]], Given()).warnings
    assert "nothing to do with each other" in warning


def test_memories_and_tables_are_read_in_the_languages_asked_for(tmp_path: Path) -> None:
    units = "".join(
        f'<tu><tuv xml:lang="en-GB"><seg>{e}</seg></tuv><tuv xml:lang="de"><seg>{d}</seg></tuv>'
        f'<tuv xml:lang="zh-CN"><seg>{z}</seg></tuv></tu>'
        for e, d, z in zip(ENGLISH, GERMAN, CHINESE, strict=True)
    )
    path = tmp_path / "a.tmx"
    path.write_text(f"<tmx><body>{units}</body></tmx>", encoding="utf-8")

    def first(*languages: str, file: Path = path, **more: str) -> tuple[str, str]:
        asked = Asked(languages=(languages[0], languages[1]), **more)
        pair = read_given([file], None, asked, RowLog(), names=TRANSLATION)[0]
        return pair.source, pair.target

    assert first("zh", "en") == (CHINESE[0], ENGLISH[0])
    assert first("de", "") == (GERMAN[0], ENGLISH[0])
    with pytest.raises(DataError, match="there is no language 'fr'; found 'en-GB', 'de', 'zh-CN'"):
        first("fr", "en")
    twice = tmp_path / "b.tmx"
    twice.write_text(path.read_text(encoding="utf-8").replace('"de"', '"en-US"'), encoding="utf-8")
    with pytest.raises(DataError, match="several languages are 'en': 'en-GB', 'en-US'") as caught:
        first("en", "zh", file=twice)
    assert "--source en-GB" in caught.value.hint
    table = tmp_path / "a.tsv"
    rows = ["en\tzh", *("\t".join(row) for row in zip(ENGLISH, CHINESE, strict=True))]
    table.write_text("\n".join(rows), encoding="utf-8")
    assert first("zh", "en", file=table) == (CHINESE[0], ENGLISH[0])
