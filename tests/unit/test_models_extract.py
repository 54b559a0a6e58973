"""Sentences that are ranked: a graph that is never formed, what is chosen, and an extractor that learns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.core.errors import ConfigError, ModelError
from textwright.core.ragged import Ragged
from textwright.core.seeds import generator
from textwright.models.extract.boosting import BoostSettings, boost
from textwright.models.extract.features import Sentences, properties
from textwright.models.extract.model import Extractor, fit_extractor, listwise, wanted_shares
from textwright.models.extract.oracle import agreement, oracle
from textwright.models.extract.scorers import SCORERS
from textwright.models.extract.selection import Room, choose
from textwright.models.extract.textrank import centrality, textrank
from textwright.models.extract.words import Words

TOKENS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6), min_size=1, max_size=7)
QUICK = BoostSettings(trees=30, depth=3)


@settings(max_examples=30)
@given(st.lists(TOKENS, min_size=1, max_size=4))
def test_documents_that_stand_together_do_not_know_of_each_other(documents: list[list[list[str]]]) -> None:
    words = Words.joined(documents)
    for name in SCORERS:
        together = SCORERS.get(name)(words, 3)
        alone = [SCORERS.get(name)(Words.of_tokens(document), 3) for document in documents]
        assert np.allclose(together, np.concatenate(alone), atol=1e-5), name


@given(TOKENS)
def test_ranks_are_shares(sentences: list[list[str]]) -> None:
    for weighting in ("tfidf", "bm25"):
        ranks = textrank(Words.of_tokens(sentences), weighting=weighting)  # type: ignore[arg-type]
        assert ranks.min() >= 0 and abs(ranks.sum() - 1) < 1e-6


def test_a_walk_begins_anew_where_it_is_asked_to() -> None:
    words = Words.of_tokens([["a", "b"], ["b", "c"], ["c", "d"], ["d", "a"]])
    assert np.allclose(textrank(words), 0.25)
    asked = textrank(words, restart=np.array([0.0, 0, 1, 0]))
    assert asked.argmax() == 2 and asked[1] == pytest.approx(asked[3]) and asked[0] == asked.min()
    assert textrank(words, damping=0, restart=np.array([1.0, 3, 0, 0])).tolist() == [0.25, 0.75, 0, 0]
    with pytest.raises(ValueError, match="within 0 and 1"):
        textrank(words, damping=1.5)


def test_thousands_of_sentences_are_ranked_without_their_pairs() -> None:
    rng = generator(0, "test", "long")
    ids = rng.zipf(1.3, 5_000 * 20) % 20_000
    words = Words(Ragged(ids.astype(np.int32), np.arange(0, len(ids) + 1, 20)), np.array([0, 5_000]))
    ranks = textrank(words)
    assert len(ranks) == 5_000 and ranks.sum() == pytest.approx(1)
    assert np.corrcoef(ranks, centrality(words))[0, 1] > 0.9


def test_the_baselines_take_what_their_names_say() -> None:
    words = Words.joined([[["a"], ["b", "c", "d"], ["e", "f"]], [["g", "h"], ["i"]]])
    assert SCORERS.get("lead")(words, 0).tolist() == [0, -1, -2, 0, -1]
    assert SCORERS.get("longest")(words, 0).tolist() == [1, 3, 2, 2, 1]
    draws = [SCORERS.get("random")(words, seed).tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    with pytest.raises(ConfigError, match="unknown method of summarizing 'textrang'"):
        SCORERS.get("textrang")


def test_words_are_runs_of_letters_and_single_ideographs() -> None:
    codes = Ragged.from_lists([[*map(ord, text)] for text in ("it's 42, 好的。", "", "42 好")])
    words = Words.of_codes(codes, np.array([0, 3]))
    assert words.lengths.tolist() == [5, 0, 2]
    assert set(words.ids[2].tolist()) < set(words.ids[0].tolist())


@given(TOKENS, st.data())
def test_a_summary_keeps_to_its_room(sentences: list[list[str]], data: st.DataObject) -> None:
    words = Words.of_tokens(sentences)
    rows = [*words.ids]
    scores = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=len(rows), max_size=len(rows))))
    room = Room(data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12)))
    found = choose(scores, rows, room, data.draw(st.sampled_from([0.0, 0.5, 1.0]))).tolist()
    assert found == sorted(set(found)) and len(found) <= (room.sentences or 0)
    lengths = [len(rows[row]) for row in found]
    spoken = [len(row) for row in rows if len(row)]
    assert 0 not in lengths and bool(found) == bool(spoken)
    assert sum(lengths) <= (room.words or 0) or lengths == [min(spoken)]


def test_what_was_told_is_passed_by() -> None:
    rows = [np.array(row) for row in ([1, 2, 3, 4], [9, 1, 2, 3], [5, 6, 7])]
    scores = np.array([3.0, 2, 1])
    assert choose(scores, rows, Room(2)).tolist() == [0, 1]
    assert choose(scores, rows, Room(2), max_shared=0.0).tolist() == [0, 2]
    assert choose(scores, rows, Room(2), max_shared=0.5).tolist() == [0, 1]


def test_a_summary_is_not_filled_up_with_what_says_little() -> None:
    rows = [np.arange(size) for size in (6, 9, 2)]
    assert choose(np.array([3.0, 2, 1]), rows, Room(words=10)).tolist() == [0]
    assert choose(np.array([3.0, 2, 1]), rows, Room(words=14)).tolist() == [0, 2]  # less than half is used


def rouge(summary: Sequence[int], reference: Sequence[int]) -> float:
    """ROUGE-1 and -2, summed, by counters."""
    total = 0.0
    for width in (1, 2):
        kinds = [Counter(zip(*(row[i:] for i in range(width)), strict=False)) for row in (summary, reference)]
        size = kinds[0].total() + kinds[1].total()
        total += 2 * (kinds[0] & kinds[1]).total() / size if size else 0.0
    return total


@given(TOKENS, st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8))
def test_single_sentences_agree_as_rouge_has_it(sentences: list[list[str]], reference: list[str]) -> None:
    words = Words.of_tokens([*sentences, reference])
    rows = [words.ids[row].tolist() for row in range(len(sentences) + 1)]
    own = Words(Ragged.from_lists(rows[:-1]), np.array([0, len(sentences)]))
    found = oracle(own, Ragged.from_lists(rows[-1:]))
    expected = [rouge(row, rows[-1]) for row in rows[:-1]]
    assert found.alone.tolist() == pytest.approx(expected)
    assert agreement([own.ids[0]], np.array(rows[-1])) == pytest.approx(expected[0])
    assert found.chosen.any() == (max(expected) > 0)
    assert not found.chosen.any() or found.chosen[int(np.argmax(np.round(expected, 9)))]


def test_the_greedy_choice_ends_where_nothing_is_gained() -> None:
    words = Words.of_tokens([["a", "b"], ["x"], ["c", "d"], ["a", "b"]])
    found = oracle(words, Ragged.from_lists([[0, 1, 3, 4]]))  # a b c d
    assert found.chosen.tolist() == [True, False, True, False]


def test_trees_learn_what_no_line_parts() -> None:
    rng = generator(0, "test", "trees")
    values = rng.standard_normal((4_000, 3))
    targets = (values[:, 0] * values[:, 1] > 0).astype(np.float64)

    def slopes(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        shares = 1 / (1 + np.exp(-outputs))
        return shares - targets, shares * (1 - shares)

    trees = boost(values, slopes, 0, BoostSettings(trees=80, depth=3))
    fresh = rng.standard_normal((1_000, 3))
    right = (trees.outputs(fresh) > 0) == (fresh[:, 0] * fresh[:, 1] > 0)
    assert right.mean() > 0.93
    again = boost(values, slopes, 0, BoostSettings(trees=80, depth=3))
    assert all(np.array_equal(a, b) for a, b in zip(vars(trees).values(), vars(again).values(), strict=True))


def test_trees_of_one_row_and_of_values_all_alike_say_something() -> None:
    for values in (np.ones((1, 2)), np.ones((50, 2))):
        trees = boost(values, lambda outputs: (outputs - 1, np.ones_like(outputs)), 0, QUICK)
        assert np.isfinite(trees.outputs(values)).all() and trees.outputs(values)[0] > 0


def test_the_slopes_are_those_of_the_loss() -> None:
    words = Words.joined([[["a"], ["b"], ["c"]], [["d"], ["e"]]])
    wanted = np.array([0.5, 0.5, 0, 1, 0])
    outputs = np.array([0.3, -0.2, 0.5, 1.0, 0.0])

    def loss(z: np.ndarray) -> float:  # type: ignore[type-arg]
        parts = [z[:3], z[3:]]
        logs = np.concatenate([part - np.log(np.exp(part).sum()) for part in parts])
        return float(-(wanted * logs).sum())

    gradients, curvatures = listwise(words, wanted)(outputs)
    for row in range(5):
        step = np.zeros(5)
        step[row] = 1e-6
        assert gradients[row] == pytest.approx((loss(outputs + step) - loss(outputs - step)) / 2e-6, abs=1e-6)
    assert (curvatures > 0).all()
    judged = oracle(words, Ragged.from_lists([[0, 1], [9]]))  # the second reference shares nothing
    assert wanted_shares(words, judged)[3:].tolist() == [0, 0]
    assert wanted_shares(words, judged)[:3].sum() == pytest.approx(1)


def test_properties_see_who_speaks_in_both_languages() -> None:
    for names in (
        ("Ann: Hi.", "How are you?", "Bob: Fine."),
        ("小明：你好。", "最近怎么样？", "小红：很好。"),
    ):
        found = properties(Sentences.of_texts([["No one speaks."], names]))
        assert found["begins_turn"].tolist() == [0, 1, 0, 1]
        assert found["turn"].tolist() == [0, 1, 1, 2] and found["in_turn"].tolist() == [-1, 0, 1, 0]
        assert found["questions"].tolist() == [0, 0, 1, 0]
        assert found["place"].tolist() == [0, 0, 1, 2] and found["place_from_end"].tolist() == [0, 2, 1, 0]


def test_names_and_numbers_are_counted() -> None:
    found = properties(Sentences.of_texts([["Anna met Bob on 12 May in the USA."], [""]]))
    assert [found[name].tolist() for name in ("digits", "names", "capitals")] == [[2, 0], [4, 0], [2, 0]]
    assert all(np.isfinite(values).all() for values in found.values())


CORPORA = {
    "english": (["the {} is open", "a {} was sold", "we saw the {}"], "decided to build the {}", " "),
    "chinese": (["今天有{}开门了", "有人卖了{}", "我们看见{}"], "决定修建{}", ""),
}
THINGS = {
    "english": ["bridge", "mill", "harbour", "school", "station", "tower", "market", "museum"],
    "chinese": ["大桥", "磨坊", "港口", "学校", "车站", "高塔", "市场", "博物馆"],
}


def corpus(language: str, count: int) -> tuple[Sentences, Ragged]:
    """Documents of which one sentence, in any place, is what the summary says."""
    rng = generator(1, "corpus", language)
    common, telling, end = CORPORA[language]
    documents, summaries = [], []
    for _ in range(count):
        things = rng.choice(THINGS[language], 5).tolist()
        sentences = [common[int(rng.integers(3))].format(thing) + "." for thing in things]
        place = int(rng.integers(5))
        sentences[place] = telling.format(things[place]) + "."
        documents.append([text + end for text in sentences])
        summaries.append([telling.format(things[place])])
    return Sentences.of_texts(documents), Sentences.of_texts(summaries).codes


@pytest.mark.parametrize("language", CORPORA)
def test_an_extractor_learns_which_sentence_tells(language: str) -> None:
    sentences, references = corpus(language, 120)
    train, held = np.arange(90), np.arange(90, 120)
    learned = fit_extractor(sentences.take(train), references.take(train), settings=QUICK)
    assert learned.room.sentences == 1
    part = sentences.take(held)
    judged = oracle(*sentences.numbered(references)).chosen.reshape(-1, 5)[held]
    found = [row.tolist() for row in learned.choose(part)]
    assert np.mean([judged[i, row[0]] for i, row in enumerate(found)]) > 0.9
    assert np.mean(judged[:, 0]) < 0.5  # the first sentence would not do
    assert [len(row) for row in learned.choose(part, Room(2))] == [2] * 30


def test_a_fit_is_the_same_every_time_and_comes_back_as_it_was() -> None:
    sentences, references = corpus("english", 40)
    first, second = (fit_extractor(sentences, references, 5, QUICK) for _ in range(2))
    arrays = first.arrays()
    assert all(np.array_equal(value, second.arrays()[name]) for name, value in arrays.items())
    restored = Extractor.restore(first.config(), arrays)
    assert np.array_equal(restored.scores(sentences), first.scores(sentences))
    assert (restored.room, restored.max_shared) == (first.room, first.max_shared)
    with pytest.raises(ModelError, match="other properties"):
        Extractor.restore({**first.config(), "properties": ["place"]}, arrays)


def test_what_cannot_be_learned_from_is_refused() -> None:
    sentences, references = corpus("english", 25)
    with pytest.raises(ModelError, match="5 documents with summaries are too few"):
        fit_extractor(sentences.take(np.arange(5)), references.take(np.arange(5)))
    other = Sentences.of_texts([["完全不同"]] * 25).codes
    with pytest.raises(ModelError, match="no summary shares a word"):
        fit_extractor(sentences, other)
