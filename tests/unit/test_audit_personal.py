"""Personal data: what rules find in English and Chinese, what they must not, and texts without it."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

import textwright
from textwright.audit.checks import personal, secrets
from textwright.audit.personal import inventing
from textwright.audit.personal.checksums import iban_check, id_check, is_id, is_luhn, luhn_check, uscc_check
from textwright.audit.personal.finding import RULES, find_spans
from textwright.audit.personal.kinds import KINDS, preview
from textwright.audit.personal.masking import masked, pseudonymised
from textwright.audit.personal.spans import Span
from textwright.audit.proof.made import made, made_pairs
from textwright.audit.subject import AuditData

SAMPLE = Path(textwright.__file__).parent / "sample"
KEY = b"a key for tests"
FOUND = [
    ("写信到a.b@example.com吧", "email", "a.b@example.com"),
    ("电话13800138000。", "phone", "13800138000"),
    ("打+86 138 0013 8000找我", "phone", "+86 138 0013 8000"),
    ("138-0013-8000", "phone", "138-0013-8000"),
    ("我的号１３８００１３８０００", "phone", "１３８００１３８０００"),
    ("座机010-62345678转12", "phone", "010-62345678转12"),
    ("(0755)26345678", "phone", "(0755)26345678"),
    ("call (212) 555-0178 now", "phone", "(212) 555-0178"),
    ("ring 020 7946 0418, please", "phone", "020 7946 0418"),
    ("it is +44 20 7946 0018.", "phone", "+44 20 7946 0018"),
    ("my number 555-0142", "phone", "555-0142"),
    ("身份证11010519491231002X在此", "id", "11010519491231002X"),
    ("证号110105 19491231 002x", "id", "110105 19491231 002x"),
    ("身份证号110105491231002", "id", "110105491231002"),
    ("card 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
    ("卡号6222000000000009扣款", "card", "6222000000000009"),
    ("amex 378282246310005", "card", "378282246310005"),
    ("IBAN GB82 WEST 1234 5698 7654 32, sent", "iban", "GB82 WEST 1234 5698 7654 32"),
    ("de89370400440532013000", "iban", "de89370400440532013000"),
    ("信用代码91350100M000100Y43", "uscc", "91350100M000100Y43"),
    ("车牌粤B12345停在门口", "plate", "粤B12345"),
    ("新能源沪AD12345", "plate", "沪AD12345"),
    ("护照号E12345678", "passport", "E12345678"),
    ("my passport number is 123456789.", "passport", "123456789"),
    ("SSN 078-05-1120", "ssn", "078-05-1120"),
    ("微信号 nuomi_tuzi 加我", "wechat", "nuomi_tuzi"),
    ("QQ：3123456789", "qq", "3123456789"),
    ("from 192.0.2.77, they said", "ip", "192.0.2.77"),
    ("at 2001:db8::8a2e:370:7334 now", "ip", "2001:db8::8a2e:370:7334"),
    ("寄到云栖市青麦路88号3栋", "address", "云栖市青麦路88号3栋"),
    ("left at 27 Otterbank Close as asked", "address", "27 Otterbank Close"),
    ("AKIAIOSFODNN7EXAMPLE", "aws_key", "AKIAIOSFODNN7EXAMPLE"),
    ("用ghp_" + "a1B2" * 9 + "登录", "github_token", "ghp_" + "a1B2" * 9),
    ("xoxb-12345678901-abcdefABCDEF", "slack_token", "xoxb-12345678901-abcdefABCDEF"),
    ("a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 b", "jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1"),
    ('api_key="q8Zt4nWx02Lk"', "password", "q8Zt4nWx02Lk"),
    ("密码：hunter2024xq，别告诉", "password", "hunter2024xq"),
    ("https://a.example/x?token=abc123def456 ok", "secret_link", "https://a.example/x?token=abc123def456"),
]  # fmt: skip
NOT_FOUND = [
    "", " ", "订单号13800138000", "order no. 13800138000", "SF13800138000", "0.13800138000", "23800138000",
    "138001380001", "800-820-8820", "1-888-555-0100", "客服4008208820", "id 110105194912310021",
    "11010519491331002X",
    "4111 1111 1111 1112", "1234567812345670", "GB82 WEST 1234 5698 7654 33", "000-12-3456",
    "version 10.2.30.4",
    "10.0.0.1 192.168.1.1 127.0.0.1 1.2.3.4 256.1.1.1", "12:30:45", "std::vector<int>", "2024-01-15 12:30",
    "微信支付很快", "wechat payments", "QQ浏览器", "QQ2008", "子女士A股", "a@b", "@someone hi",
    "flight CA1234",
    "the token is expired", "password: required", "密码：忘记了", "a 50 Hard Drive", "5 stars out of 5",
    "one of 1,234,567,890 people", "3.14159265358979", "张三在北京", "路上有3号线", "scores 10 20 30 40 50",
]  # fmt: skip


def kinds(text: str) -> list[str]:
    return [span.kind for span in find_spans(text)]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_each_kind_is_found_where_it_stands(text: str, kind: str, value: str) -> None:
    assert [(s.kind, text[s.start : s.end]) for s in find_spans(text)] == [(kind, value)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert kinds(text) == []


def test_every_rule_has_a_kind_with_words() -> None:
    assert {rule.kind for rule in RULES} == set(KINDS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sample_holds_what_its_truth_file_says_and_nothing_else(language: str) -> None:
    with (SAMPLE / f"reviews.{language}.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    flaws = json.loads((SAMPLE / f"flaws.{language}.json").read_text(encoding="utf-8"))["personal_data"]
    found = {
        (row, span.kind, text[span.start : span.end])
        for row, text in enumerate(texts, 1)
        for span in find_spans(text)
    }
    assert found == {(e["row"], e["kind"], e["text"]) for e in flaws if e["kind"] != "name"}


def test_check_digits_are_those_of_the_standards() -> None:
    assert id_check("11010519491231002") == "X" and not is_id("11010519491231002" + "1")
    assert luhn_check("7992739871") == "3" and is_luhn("79927398713")
    assert iban_check("GB", "WEST12345698765432") == "82" and iban_check("DE", "370400440532013000") == "89"
    assert uscc_check("91350100M000100Y4") == "3"


def test_random_numbers_of_18_digits_hardly_ever_pass_for_an_id() -> None:
    rng = np.random.default_rng(0)
    found = sum("id" in kinds(inventing.digits(rng, 18)) for _ in range(4_000))
    assert found <= 2


def invented(count: int = 40) -> list[tuple[str, str]]:
    rng = np.random.default_rng(1)
    texts = []
    for language, own in inventing.PERSONAL.items():
        lead = "我们昨天说过的事情，" if language == "zh" else "as we said before "
        for kind in (*own, *inventing.SECRETS):
            for _ in range(count):
                words, value = inventing.entity(kind, language, rng)
                texts.append((kind, inventing.put_into(lead, words + value, language, rng)))
    return texts


def test_made_up_values_are_found_as_what_they_are() -> None:
    wrong = [(kind, text) for kind, text in invented() if kind not in kinds(text)]
    assert len(wrong) <= 0.01 * len(invented()), wrong


def test_a_masked_text_holds_nothing_more_and_is_the_same_around() -> None:
    for _, text in invented(10):
        spans, done = find_spans(text), masked(text)
        assert find_spans(done) == [], (text, done)
        assert re.sub("<[A-Z_]+>", "", done) == without(text, spans)


def without(text: str, spans: list[Span]) -> str:
    for start, end, _ in reversed(spans):
        text = text[:start] + text[end:]
    return text


def test_a_made_up_value_is_of_the_same_kind_and_form_and_hangs_on_the_key_alone() -> None:
    for _, text in invented(10):
        spans, done = find_spans(text), pseudonymised(text, KEY)
        assert pseudonymised(text, KEY) == done
        for span in spans:
            value = text[span.start : span.end]
            assert value not in done, (span, done)
            if span.kind in ("id", "card", "iban", "uscc", "phone", "ssn", "plate", "email"):
                assert span.kind in kinds(done), (text, done)
            if span.kind in ("id", "card", "iban", "phone", "plate", "ssn"):
                fake = done[span.start : span.start + len(value)]
                assert [c.isdigit() for c in fake[:-1]] == [c.isdigit() for c in value[:-1]]
        if any(span.kind in ("phone", "card", "email") for span in spans):
            assert pseudonymised(text, b"another key") != done


def test_the_same_number_written_otherwise_becomes_the_same_one() -> None:
    a, b = (pseudonymised(text, KEY) for text in ("打13800138000", "打+86 138-0013-8000"))
    assert re.sub("[^0-9]", "", b) == "86" + re.sub("[^0-9]", "", a)


def test_only_the_kinds_that_were_asked_for_are_masked() -> None:
    text = "a@example.com 13800138000"
    assert masked(text, ["email"]) == "<EMAIL> 13800138000"
    assert masked(masked(text)) == masked(text)
    assert masked("", ["email"]) == "" and masked("\ud800 a@example.com") == "\ud800 <EMAIL>"


def test_of_two_in_one_place_the_first_rule_counts_and_nothing_is_left_over() -> None:
    text = "寄到云栖市青麦路88号 卡4111111111111111 https://u:pw12@example.com/?token=abcdef123456"
    assert find_spans(masked(text)) == []
    assert kinds("https://example.com/?token=13800138000") == ["secret_link"]


def test_a_very_long_text_takes_no_time() -> None:
    parts = [
        "1 ",
        "1-",
        "路",
        "eyJ",
        "http://a?",
        "A b ",
        "密码",
        "key=",
        "路1",
        "a@a.",
        "1:",
        "1.1",
        "住1号",
    ]
    for text in ("a" * 200_000 + "@", *(part * 40_000 + "1号 Street" for part in parts)):
        started = time.monotonic()
        find_spans(text)
        assert time.monotonic() - started < 3, text[:9]


def test_a_finding_holds_two_characters_of_a_value_at_most() -> None:
    data = AuditData("text", ["打13800138000", "", "x", "卡4111111111111111"], np.arange(2, 6))
    result = personal.CHECK(data)
    assert [finding.subject for finding in result.findings] == ["card", "phone"]
    assert [finding.severity for finding in result.findings] == ["high", "warn"]
    assert result.findings[1].previews == ("<PHONE> 13•••",) and result.flagged.tolist() == [0, 3]
    assert "800138" not in json.dumps([vars(f) for f in result.findings], default=str)
    assert preview("private_key", "-----BEGIN") == "<PRIVATE_KEY> •••"


def test_both_sides_of_pairs_are_read() -> None:
    pairs = made_pairs(rows=20)
    assert personal.CHECK(pairs).status == "clean"
    assert personal.CHECK(pairs.with_others({3: "写信 a@example.com"})).flagged.tolist() == [3]


def test_a_secret_is_no_telephone_number() -> None:
    data = AuditData("text", ["https://example.com/?token=13800138000"], np.array([2]))
    assert personal.CHECK(data).status == "clean" and secrets.CHECK(data).status == "found"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("check", [personal.CHECK, secrets.CHECK])
def test_planted_values_are_found_and_decoys_are_not(language: str, check: object) -> None:
    data = made(language, rows=1_000, seed=3)  # type: ignore[arg-type]
    planted = check.plant(check.null(data, 3), check.rates[1], 3)  # type: ignore[attr-defined]
    found = check(planted.data).flagged  # type: ignore[operator]
    assert np.isin(planted.rows, found).mean() >= 0.98
    assert np.isin(found, planted.rows).mean() >= 0.98
    assert not len(check(check.null(data, 4)).flagged)  # type: ignore[attr-defined, operator]
