"""Groups of people: lexicons, terms in texts, masks and swaps, and how data speak of them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from textwright.audit.checks.representation import CHECK, LEAST
from textwright.audit.lexicon.groups import groups_of
from textwright.audit.lexicon.reading import POLARITIES, Lexicon, lexicon, read_lexicon
from textwright.audit.lexicon.swapping import swapped
from textwright.audit.proof.made import made, words
from textwright.audit.subject import AuditData, Labels
from textwright.core.errors import DataError
from textwright.text.terms import TOKEN, trie_pattern

LANGUAGES = ("en", "zh")
OWN = """
categories:
  teams:
    - {id: reds, one: [red], many: [reds]}
    - {id: blues, one: [blue], many: [blues], asymmetric: true}
    - {id: greens, one: [orange one], many: [greens]}
not_in: [red wine]
"""


def terms(text: str, language: str) -> list[str]:
    return [mention.term for mention in lexicon(language).mentions(text)]


def own(tmp_path: Path, text: str = OWN) -> Lexicon:
    (tmp_path / "groups.yaml").write_text(text, encoding="utf-8")
    return read_lexicon(tmp_path / "groups.yaml")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lexicon_is_whole(language: str) -> None:
    found = lexicon(language)
    categories = {group.category for group in found.groups}
    assert categories >= {
        "gender", "age", "disability", "illness", "ethnicity", "nationality", "religion", "orientation",
        "region", "class", "looks",
    }  # fmt: skip
    assert len(found.groups) >= 60 and found.version >= 1 and found.language == language
    ids = {group.id for group in found.groups}
    for group in found.groups:
        assert group.polarity in POLARITIES and len(set(group.terms)) == len(group.terms), group.id
        assert (group.of in ids) == (group.polarity == "slur"), group.id
    for category in categories:
        assert (
            sum(g.polarity != "slur" and not g.asymmetric for g in found.groups if g.category == category) > 1
        )
    if language == "zh":
        assert "household" in categories


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_is_found_and_names_its_groups(language: str) -> None:
    found = lexicon(language)
    for term in found.terms:
        [mention] = list(found.mentions(f"{term}" if language == "zh" else f"a {term.upper()}, "))
        assert mention.term == term and mention.groups


@pytest.mark.parametrize("language", LANGUAGES)
def test_made_texts_name_no_group_but_people_that_everybody_knows(language: str) -> None:
    data = made(language, rows=500)  # type: ignore[arg-type]
    found = groups_of(data.texts, [f"lexicon:{language}"])
    assert set(words(language)["people"])  # relatives and jobs stand there
    assert (found.sizes > 0).sum() <= 12


def test_words_that_hold_a_term_are_no_mention() -> None:
    assert terms("子女随黑人牙膏过国际妇女节", "zh") == []
    assert terms("女孩子和女孩", "zh") == ["女孩子", "女孩"]
    assert terms("womanly, Germany, mankind, hoe2", "en") == []
    assert terms("The OLD MEN saw two women.", "en") == ["old men", "women"]
    assert terms("一个Muslim老外", "zh") == ["老外"]


def test_odd_texts_have_no_group() -> None:
    for text in ("", " ", "\ud800", "İstanbul men", "ﬁ" * 50):
        assert isinstance(terms(text, "en"), list)
    assert terms("İİ old men", "en") == ["old men"]
    [mention] = lexicon("en").mentions("İİ old men")
    assert "İİ old men"[mention.start : mention.end] == "old men"
    started = time.monotonic()
    assert not terms("人" * 300_000, "zh") and not terms("wome " * 60_000, "en")
    assert time.monotonic() - started < 2


def test_a_pattern_of_many_words_takes_the_longest() -> None:
    import re

    drawn = np.random.default_rng(0)
    listed = ["".join(drawn.choice(list("ab."), 1 + int(drawn.integers(4)))) for _ in range(40)]
    pattern = re.compile(trie_pattern(listed))
    for _ in range(300):
        text = "".join(drawn.choice(list("ab."), 8))
        starting = [word for word in listed if text.startswith(word)]
        found = pattern.match(text)
        assert (found[0] if found else None) == (max(starting, key=len) if starting else None)


def test_groups_come_from_lexicons_columns_and_files(tmp_path: Path) -> None:
    own(tmp_path)
    texts = ["two women", "a red and red wine", "nothing"]
    asked = ["lexicon:en", "column:team", str(tmp_path / "groups.yaml")]
    found = groups_of(texts, asked, {"team": ["x", "", "x"]})
    by_name = {name: found.rows(i).tolist() for i, name in enumerate(found.names) if found.sizes[i]}
    assert by_name == {"women": [0], "team=x": [0, 2], "reds": [1]}
    assert groups_of([], ["lexicon:zh"]).held.shape[0] == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "not valid YAML"),
        ("x", "no categories"),
        ("categories: {a: [{id: b}]}", r"categories.a\[0\]: a group without terms"),
        ("categories: {a: [{one: [b]}]}", r"categories.a\[0\]: a group without an id"),
        ("categories: {a: {id: b}}", "categories.a: a list is needed"),
        ("categories: {a: [{id: b, one: c}]}", r"categories.a\[0\].one: a list is needed"),
        (
            "categories: {a: [{id: b, one: [c], plural: [d]}]}",
            r"categories.a\[0\].plural: there is no such key",
        ),
        ("categories: {a: [{id: b, one: [c], polarity: bad}]}", "'bad' is no polarity"),
        ("categories: {a: [{id: b, one: [c]}, {id: b, one: [d]}]}", "two groups have the id 'b'"),
        ("categories: {a: [{id: b, one: [c]}]}\nnot_in: [c]", "'c' is a term"),
        ("categories: {}\nextra: 1", "extra: there is no such key"),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        own(tmp_path, text)
    assert "groups.yaml" in str(raised.value) and raised.value.hint is not None
    with pytest.raises(DataError, match="goes by this name"):
        read_lexicon(tmp_path / "none.yaml")


def test_an_unknown_lexicon_and_a_column_of_texts_are_refused() -> None:
    with pytest.raises(DataError, match="no lexicon 'fr'"):
        groups_of(["x"], ["lexicon:fr"])
    with pytest.raises(DataError, match="no groups"):
        groups_of(["x"] * 300, ["id"], {"id": [str(i) for i in range(300)]})


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_halves_part_all_terms_evenly(language: str) -> None:
    found = lexicon(language)
    texts = [term for i, term in enumerate(found.terms) for _ in range(1 + 400 // (i + 1))]
    fit, test = found.halves(texts, seed=1)
    assert set(fit.terms) | set(test.terms) == set(found.terms) and not set(fit.terms) & set(test.terms)
    a, b = (sum(half.counts(texts).values()) for half in (fit, test))
    assert 0.7 < a / b < 1.4
    assert [g.id for g in fit.groups] == [g.id for g in found.groups]
    assert found.halves(texts, seed=1)[0].terms == fit.terms != found.halves(texts, seed=2)[0].terms
    if language == "en":
        assert ("woman" in fit.terms) == ("women" in fit.terms)


def test_a_half_does_not_find_its_term_inside_one_of_the_other() -> None:
    half = lexicon("zh").only(["女孩"])
    assert [m.term for m in half.mentions("女孩子和女孩")] == ["女孩"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_swap_stays_inside_its_category_and_changes_nothing_else(language: str) -> None:
    found, rng = lexicon(language), np.random.default_rng(0)
    by_id = {group.id: group for group in found.groups}
    changed = 0
    for term in found.terms:
        text = f"看，{term}来了。" if language == "zh" else f"Look, a {term} is here."
        swap, places = swapped(text, found, rng), found.owners[term]
        group = found.groups[places[0]]
        if group.polarity == "slur" or group.asymmetric or len(places) > 1:
            assert swap is None, term
            continue
        if swap is None:
            continue
        changed += 1
        after = by_id[swap.after]
        assert by_id[swap.before].category == after.category and after.polarity != "slur"
        around = text.split(term)
        assert swap.text.startswith(around[0].removesuffix("a ")) and swap.text.endswith(around[1])
        assert found.masks.on(swap.text).replace("an <", "a <") == found.masks.on(text)
    assert changed > 0.6 * len(found.terms)


def test_a_swap_keeps_capitals_articles_and_numbers(tmp_path: Path) -> None:
    found = own(tmp_path)
    rng = np.random.default_rng(0)
    swap = swapped("Reds and a red meet, RED wine", found, rng)
    assert swap is not None and swap.text == "Greens and an orange one meet, RED wine"
    assert swapped("a blue, nobody", found, rng) is None and swapped("", found, rng) is None
    assert found.masks.on("Reds like red wine") == f"{TOKEN} like red wine"


def labelled(counts: dict[tuple[str, str], int], **more: object) -> AuditData:
    """So many rows of each (text, label)."""
    pairs = [pair for pair, n in counts.items() for _ in range(n)]
    labels: list[Labels] = [(label,) if label else () for _, label in pairs]
    return AuditData("classify", [t for t, _ in pairs], np.arange(2, len(pairs) + 2), labels=labels, **more)  # type: ignore[arg-type]


BACKGROUND = {("nothing at all", "bad"): 300, ("nothing at all", "good"): 300}


def test_a_group_that_is_mostly_bad_is_found_with_its_numbers() -> None:
    data = labelled({**BACKGROUND, ("a farmer", "bad"): 90, ("a farmer", "good"): 10})
    [finding] = CHECK(data).findings
    assert finding.subject == "farmers" and finding.severity == "high"
    assert finding.title == "90% of 100 rows that name farmers are bad, of all rows 56%"
    assert finding.evidence is not None and finding.evidence.q is not None and finding.evidence.q < 0.001
    assert finding.evidence.n == 100 and finding.evidence.tests == 2
    assert finding.rows.tolist() == list(range(600, 690))
    collect = finding.fixes[0]
    rows = collect.params["rows"]
    assert abs(90 / (100 + rows) - 390 / 700) < 0.01 and not collect.params["with_label"]


def test_few_rows_are_too_few_and_named_with_what_they_lack() -> None:
    data = labelled({**BACKGROUND, ("a farmer", "bad"): LEAST - 1})
    assert CHECK(data).status == "too few rows"
    both = labelled(
        {**BACKGROUND, ("a farmer", "bad"): 12, ("a muslim", "bad"): 30, ("a muslim", "good"): 30}
    )
    result = CHECK(both)
    assert result.status == "clean"
    assert [(row["group"], row["needed"]) for row in result.tables["too_few"]] == [("farmers", LEAST - 12)]


def test_a_gap_without_size_or_without_rows_is_none() -> None:
    small = labelled({("nothing", "bad"): 50_000, ("nothing", "good"): 50_000, ("a farmer", "bad"): 5_700,
                      ("a farmer", "good"): 4_300})  # fmt: skip
    assert CHECK(small).status == "clean"  # 7 points, however sure
    noisy = labelled({**BACKGROUND, ("a farmer", "bad"): 20, ("a farmer", "good"): 12})
    assert CHECK(noisy).status == "clean"


def test_what_holds_for_two_groups_together_is_told_apart() -> None:
    counts = {(text, label): 100 for text in ("a farmer", "a muslim", "nobody") for label in ("bad", "good")}
    data = labelled({**counts, ("a farmer, a muslim", "bad"): 55, ("a farmer, a muslim", "good"): 5})
    assert "muslims + farmers" in CHECK(data).subjects


def test_a_slur_among_bad_rows_is_told_and_no_more() -> None:
    data = labelled({**BACKGROUND, ("you hick", "bad"): 60, ("you hick", "good"): 1})
    [finding] = CHECK(data).findings
    assert finding.severity == "info" and finding.fixes == ()


def test_where_it_does_not_apply_it_says_so() -> None:
    assert CHECK(replace(labelled(BACKGROUND), labels=[])).status == "not applicable"
    greek = labelled({("τίποτα απολύτως εδώ", "bad"): 40})
    assert CHECK(greek).status == "not applicable"
    same = labelled({("a farmer", "bad"): 100})
    assert CHECK(same).status == "clean"
    assert CHECK(labelled({("x", "bad"): 1})).status == "too few rows"


def test_rows_without_a_label_are_left_out_and_positions_stay() -> None:
    data = labelled({("a farmer", ""): 50, **BACKGROUND, ("a farmer", "bad"): 60, ("a farmer", "good"): 2})
    [finding] = CHECK(data).findings
    assert finding.evidence is not None and finding.evidence.n == 62 and finding.rows.min() == 650


def test_a_column_names_groups_in_any_language() -> None:
    counts = {("τίποτα", "bad"): 300, ("τίποτα", "good"): 300, ("εδώ", "bad"): 90, ("εδώ", "good"): 10}
    data = labelled(counts)
    cells = ["b" if text == "εδώ" else "a" for text in data.texts]
    named = replace(data, columns={"group area": cells}, groups_from=("area",))
    assert "area=b" in CHECK(named).subjects


def test_several_labels_a_row_are_counted_each() -> None:
    rows = (
        [("a farmer", ("bad", "odd"))] * 60
        + [("nobody", ("bad",))] * 300
        + [("nobody", ("odd", "fine"))] * 100
    )
    data = AuditData("multilabel", [t for t, _ in rows], np.arange(2, 462), labels=[own for _, own in rows])
    [finding] = CHECK(data).findings
    assert finding.subject == "farmers" and finding.details["label"] == "odd"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_planted_bias_is_named_first_and_shuffled_labels_give_nothing(language: str) -> None:
    data = made(language, rows=1_000, seed=2)  # type: ignore[arg-type]
    planted = CHECK.plant(data, CHECK.rates[1], 2)
    found = CHECK(planted.data)
    assert {found.findings[0].subject} == planted.subjects
    assert sum(CHECK(CHECK.null(data, seed)).status == "found" for seed in range(5)) <= 1
