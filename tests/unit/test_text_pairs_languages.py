"""Languages by script, words and letters; none of the sentences is in the tables."""

from __future__ import annotations

import pytest

from textwright.text.pairs.languages import language_of, strangers

SENTENCES = {
    "en": "I do not know where they went after the party, but she was with her brother.",
    "zh": "我不知道他们聚会以后去了哪里，但是她和弟弟在一起。",
    "de": "Ich weiß nicht, wohin sie nach dem Fest gegangen sind, aber sie war mit ihrem Bruder zusammen.",
    "fr": "Je ne sais pas où ils sont allés après la fête, mais elle était avec son frère.",
    "es": "No sé adónde fueron después de la fiesta, pero ella estaba con su hermano.",
    "it": "Non so dove siano andati dopo la festa, ma lei era con suo fratello in una piazza.",
    "pt": "Não sei para onde eles foram depois da festa, mas ela estava com o seu irmão.",
    "nl": "Ik weet niet waar ze na het feest naartoe zijn gegaan, maar zij was met haar broer.",
    "sv": "Jag vet inte vart de gick efter festen, men hon var med sin bror och det var bra.",
    "pl": "Nie wiem, dokąd poszli po przyjęciu, ale ona była z bratem i jak zawsze się śmiała.",
    "cs": "Nevím, kam po večírku šli, ale ona byla se svým bratrem a jako vždy se smála.",
    "tr": "Partiden sonra nereye gittiler bilmiyorum ama o kardeşi ile ve çok mutlu bir gün için.",
    "vi": "Tôi không biết họ đã đi đâu sau bữa tiệc, nhưng cô ấy ở với em trai của mình.",
    "fi": "En tiedä, minne he menivät juhlien jälkeen, mutta hän oli veljensä kanssa ja se on hyvä.",
    "hu": "Nem tudom, hova mentek a buli után, de ő a bátyjával volt, és ez nagyon jó.",
    "ro": "Nu știu unde au mers după petrecere, dar ea era cu fratele ei și este foarte bine.",
    "ru": "Я не знаю, куда они пошли после вечеринки, но она была с братом и это был мой друг.",
    "uk": "Я не знаю, куди вони пішли після вечірки, але вона була з братом і її друзями.",
    "bg": "Не знам къде отидоха след партито, но тя беше с брат си във вторник.",
    "ja": "パーティーの後、彼らがどこへ行ったのか知りませんが、彼女は弟と一緒でした。",
    "ko": "파티가 끝난 후 그들이 어디로 갔는지 모르지만 그녀는 남동생과 함께 있었다.",
    "ar": "لا أعرف إلى أين ذهبوا بعد الحفلة لكنها كانت مع أخيها.",
    "fa": "نمی‌دانم بعد از مهمانی کجا رفتند، اما او پیش برادرش بود.",
    "hi": "मुझे नहीं पता कि वे पार्टी के बाद कहाँ गए, लेकिन वह अपने भाई के साथ थी।",
    "th": "ฉันไม่รู้ว่าพวกเขาไปไหนหลังงานเลี้ยง แต่เธออยู่กับน้องชาย",
    "el": "Δεν ξέρω πού πήγαν μετά το πάρτι, αλλά εκείνη ήταν με τον αδερφό της.",
    "he": "אני לא יודע לאן הם הלכו אחרי המסיבה, אבל היא הייתה עם אחיה.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_one_sentence_is_enough(code: str) -> None:
    assert language_of([SENTENCES[code]]) == code


def test_most_of_the_texts_decide() -> None:
    assert language_of([SENTENCES["zh"]] * 3 + [SENTENCES["en"]]) == "zh"
    assert language_of(["PyObject_Call(callable, args) 的返回值", "调用 asyncio.run() 时"]) == "zh"
    assert language_of(["一日千里", "東京タワーへ行く"] * 2) == "ja"
    assert language_of([]) == language_of(["", "42 + 1 = 43"]) == "und"
    assert language_of(["zzz qqq xxx"]) == "und"


def test_strangers_are_sure() -> None:
    texts = [SENTENCES["fr"], SENTENCES["en"], "No, no, no, no, no, no!", "Wait here till Tom wears a hat."]
    assert strangers(texts, "en") == ["fr", "", "", ""]
    assert strangers(texts, "xx") == [""] * 4
