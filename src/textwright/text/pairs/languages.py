"""Which language texts are in: by their script, by the words that every text needs, and by letters.

The tables are small and ours: no model, no download, the same answer everywhere. A few sentences are enough;
a single short one may be undecided, and languages of one family (nb and da, hr and sr) are told apart less
surely than others.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from textwright.text.script import script_shares

UNDETERMINED = "und"
_MAX_CHARS = 200_000
_MIN_WORDS = 0.08  # of the words that must be of the language; texts have a fifth to a half
_SURE_WORDS, _SURE = 5, 0.3  # different words of a text, and their share, that show another language
_HAN_WEIGHT = 3  # a Han character says as much as about three letters
_MIN_SHARE = 0.3  # of the letters, for the script that decides
_WORD = re.compile(r"[^\W\d_]+")

# The commonest words of each language in Latin letters.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "en": "the of and to in is that it was for on with as are be this by you not have from at his he "
        "she they we i an or but what your my there a if so when which who has been were will would "
        "can about up do me just how all their than out him her its",
        "de": "der die das und ist nicht ein eine einen einem einer zu den mit auf für von im dem ich sie "
        "wir es sich auch an bei wie aus nach oder wird sind haben er des am hat vor mann frau",
        "fr": "le la les des et est un une dans que qui pour pas sur avec ce il elle nous vous je du au "
        "plus sont par se ne en cette mais ou être a ont aux son ses l d",
        "es": "el la los las y es que en un una por con para no se su del al lo como más pero sus le ha "
        "me está son muy también yo fue hay esta este de",
        "pt": "o os as e é que em um uma por com para não se do da dos das no na ao como mais mas seu sua "
        "foi são está eu muito também você ele ela ser tem de",
        "it": "il lo la gli le e è che in un una per con non si del della dei delle di da al alla sono "
        "come più ma anche nel nella ha questo questa io mi ci sul dal",
        "ca": "el la els les i és que en un una per amb no es del al dels com més però seu seva ha són "
        "aquest aquesta també va ser molt jo hi de",
        "nl": "de het een en is niet van op te dat met voor zijn in die ik je wij ze er aan ook om als "
        "maar bij naar uit wordt heeft hij was door nog worden kan",
        "sv": "och att det som en ett är inte på för med av den till har jag vi de om man så han var kan "
        "från men eller när ska hon också vid mycket hade",
        "da": "og at det som en et er ikke på for med af den til har jeg vi de om man så han var kan fra "
        "men eller når skal hun også ved meget blev noget hvad efter",
        "nb": "og at det som en et er ikke på for med av den til har jeg vi de om man så han var kan fra "
        "men eller når skal hun også ved mye ble noe hva etter",
        "fi": "ja on ei se että hän oli mutta ovat kun tai niin myös joka minä sinä me he ole olla kuin "
        "mitä jos nyt vain tämä sen olen voi hyvin jotka mukaan",
        "et": "ja on ei see et ta oli aga kui või ka mis kes ma sa me nad ning siis seda oma mida selle "
        "olen nii veel väga tema pole saab kuid",
        "hu": "a az és hogy nem egy is volt ez azt van meg csak már ha mint de vagy én te ő mi kell el "
        "még lehet nagyon minden ki után be mert",
        "pl": "i w na nie że się z do to jest jak o po co tak za ale od dla czy przez jego był jej są ma "
        "być już tego mnie może tylko która który ten",
        "cs": "a v na že se je to s z do jsem o jako ale pro by si tak za jeho jen nebo byl jsou být už "
        "co který která které když protože není však také ještě",
        "sk": "a v na že sa je to s z do som o ako ale pre by si tak za jeho len alebo bol sú byť už čo "
        "ktorý ktorá ktoré keď pretože nie však tiež ešte",
        "sl": "in je na da se v ne so za ki to z pa ali s kot bi tudi sem po iz bil če od pri ter kako "
        "samo kaj ima biti lahko",
        "hr": "i je u na da se za ne su što s ali od to sam kao bi iz o koji koja koje ili kako bio nije "
        "do će samo ima biti jer može također",
        "ro": "și în de la a cu nu pe că este o un din pentru care mai sau dar ce sunt să fi al ale am ar "
        "dacă după fost prin lui ei le foarte acest această",
        "tr": "ve bir bu da de için ile çok ne ama o ben gibi daha var değil mi kadar olan olarak sonra "
        "en her ya şey ki sen biz iyi ise yok",
        "id": "yang dan di itu dengan untuk dari tidak ini dalam akan pada juga ke adalah saya kamu "
        "mereka ada kami oleh atau bisa sudah karena telah dia sebagai seperti anda orang",
        "vi": "và của là có không được cho một các trong người này với những đã tôi để khi đến từ ở cũng "
        "anh như về thì rằng rất nhiều nó bạn",
        "lt": "ir yra kad ne tai su į iš ar bet kaip buvo jis ji jie mes aš tu jo savo už po dėl tik dar "
        "labai gali nuo per man kuris kai",
        "lv": "un ir ka ne tas ar no uz vai bet kā bija viņš viņa viņi mēs es tu to par pie lai tikai vēl "
        "ļoti var pēc kas man kad jo",
    }
)
# Letters that only some of the languages of a script have, the surest first.
_LETTERS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "cyrillic": (("uk", "їєґ"), ("be", "ў"), ("sr", "љњћђ"), ("mk", "ѓќѕ"), ("ru", "ыэё")),
        "arabic": (("ur", "ٹڈڑےں"), ("fa", "پچژگ")),
    }
)
_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {"arabic": "ar", "devanagari": "hi", "thai": "th", "hangul": "ko", "kana": "ja", "han": "zh"}
)
# Scripts that one language has, by the first word of the names that Unicode gives to their letters.
_OTHERS: Mapping[str, str] = MappingProxyType(
    {
        "GREEK": "el", "HEBREW": "he", "ARMENIAN": "hy", "GEORGIAN": "ka", "BENGALI": "bn", "TAMIL": "ta",
        "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "GUJARATI": "gu", "GURMUKHI": "pa",
        "SINHALA": "si", "KHMER": "km", "LAO": "lo", "MYANMAR": "my", "ETHIOPIC": "am", "TIBETAN": "bo",
    }
)  # fmt: skip


# All codes that can be told.
KNOWN = frozenset(
    [
        *_WORDS,
        *(code for codes in _LETTERS.values() for code, _ in codes),
        *("bg", *_DEFAULTS.values(), *_OTHERS.values()),
    ]
)


def language_of(texts: Sequence[str]) -> str:
    """The ISO 639 code of the language that most of the texts are in; `und` where nothing tells.

    >>> language_of(["The cat sat on the mat."]), language_of(["Die Katze sitzt auf der Matte."])
    ('en', 'de')
    >>> language_of(["猫坐在垫子上。"]), language_of(["猫はマットの上に座っています。"]), language_of(["42"])
    ('zh', 'ja', 'und')
    """
    sample = _sampled(texts)
    weights = script_shares(sample)
    if not weights:
        return UNDETERMINED
    weights["han"] *= _HAN_WEIGHT
    weights["kana"] *= _HAN_WEIGHT
    if weights["kana"] > 0.1 * (weights["kana"] + weights["han"]):  # Chinese has none; Japanese is half kana
        weights["kana"] += weights.pop("han")
    total = sum(weights.values())
    # Code is in Latin letters, too, and in no language: then what stands between it tells.
    likely = sorted(
        (name for name in weights if weights[name] >= _MIN_SHARE * total), key=weights.__getitem__
    )
    found = (_of_script(name, sample) for name in reversed(likely))
    return next((code for code in found if code != UNDETERMINED), UNDETERMINED)


def languages_in(texts: Sequence[str]) -> Counter[str]:
    """How many of the texts, each by itself, are in which language; short ones tell it less surely, and some
    not at all.

    >>> languages_in(["猫坐在垫子上。", "The cat sat on the mat.", "42"]).most_common()
    [('zh', 1), ('en', 1)]
    """
    found = Counter(language_of([text]) for text in texts)
    del found[UNDETERMINED]
    return found


def strangers(texts: Sequence[str], expected: str) -> list[str]:
    """Of each text in Latin letters the language it is in when it is surely not `expected`; else nothing.

    >>> strangers(["Der Hund ist nicht mit auf dem Sofa.", "Sofa", "The dog is on the sofa."], "en")
    ['de', '', '']
    """
    if expected not in _WORDS:
        return [""] * len(texts)
    return [_stranger(text, expected) for text in texts]


def _stranger(text: str, expected: str) -> str:
    words = {word for word in _WORD.findall(text.lower()) if len(word) > 1}  # "no, no, no" says nothing
    if len(words) < _SURE_WORDS:
        return ""
    scores = _scores([*words])
    best = max(scores, key=lambda code: scores[code], default=expected)
    is_sure = scores.get(best, 0) >= _SURE and scores.get(expected, 0) <= _SURE / 4
    return best if is_sure else ""


def _latin_language(words: Sequence[str]) -> str:
    """The language whose common words are most among `words`, of lower case; `und` where they are too few."""
    scores = _scores(words)
    best = max(scores, key=lambda code: scores[code], default="")
    return best if best and scores[best] >= _MIN_WORDS else UNDETERMINED


def _scores(words: Sequence[str]) -> dict[str, float]:
    """Of each language the share of the words that are its own, one that others have too shared with them."""
    table: Mapping[str, list[tuple[str, float]]] = _languages_of_words()
    scores: dict[str, float] = defaultdict(float)
    for word, times in Counter(words).items():
        for code, weight in table.get(word, ()):
            scores[code] += times * weight
    return {code: score / len(words) for code, score in scores.items()}


@cache
def _languages_of_words() -> dict[str, list[tuple[str, float]]]:
    """Each word with its languages. A word that several have counts less for each of them."""
    languages: dict[str, list[str]] = {}
    for code, text in _WORDS.items():
        for word in dict.fromkeys(text.split()):
            languages.setdefault(word, []).append(code)
    return {word: [(code, len(codes) ** -0.5) for code in codes] for word, codes in languages.items()}


def _of_script(script: str, sample: Sequence[str]) -> str:
    if script == "latin":
        return _latin_language(_WORD.findall(" ".join(sample).lower()))
    counts = Counter("".join(sample).lower())
    num_letters = sum(n for character, n in counts.items() if character.isalpha())
    for code, letters in _LETTERS.get(script, ()):
        if sum(counts[letter] for letter in letters) > 0.002 * num_letters:
            return code
    if script == "cyrillic":  # Bulgarian has ъ where Russian has ы, which is the more common
        return "bg" if counts["ъ"] > 0.005 * num_letters else "ru"
    if script != "other":
        return _DEFAULTS[script]
    names = (unicodedata.name(c, "").partition(" ")[0] for c, _ in counts.most_common() if c.isalpha())
    return next((_OTHERS[name] for name in names if name in _OTHERS), UNDETERMINED)


def _sampled(texts: Sequence[str]) -> list[str]:
    """Texts from all over, with about as many characters as are enough."""
    step = max(1, len(texts) // 2_000)
    sample, left = [], _MAX_CHARS
    for text in texts[::step]:
        if left <= 0:
            break
        sample.append(text[:2_000])
        left -= len(sample[-1])
    return sample
