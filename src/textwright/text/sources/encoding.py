"""Which encoding a text is in: by own checks for the usual ones, by charset-normalizer for the others."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

EVIDENCE_BYTES = 262_144
SHORT_BYTES = 40
MAX_BROKEN = 0.1  # of the characters beyond ASCII: damaged text is still text in its encoding
MIN_PLAIN = 0.02  # ASCII characters in UTF-16 without a mark: real text has blanks, commas and line ends
MIN_COMMON = 0.05  # of them among COMMON_CHINESE: real Chinese has 20 % and more, misread bytes next to none

COMMON_CHINESE = (
    "的一是不了在人有我他这中大来上个到说们为子和你地出道也时年得就那要下以生会自着去之过家"
    "学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手用主行方又如前所本見經"
    "頭面公同三已老從動兩長知這來個說們為時對過後沒於還發當無開，。！？、：；“”（）《》"
)
COMMON_WESTERN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœÀÁÂÃÄÅÆÇÈÉÊËÍÎÏÑÓÔÕÖØÙÚÛÜŒŠšŽž€£§°²³©®™«»¿¡·•…–—‘’‚“”„\xa0"
_CODECS = "cp949 cp932 euc_jp gb18030 koi8_r mac_roman cp437 cp850"
CANDIDATES = [*_CODECS.split(), *(f"cp125{digit}" for digit in range(8))]


@dataclass(frozen=True)
class Encoding:
    """A Python codec, the name a person knows, and the error handler that keeps broken bytes visible."""

    codec: str
    name: str
    tolerant: str = "surrogateescape"


ASCII = Encoding("ascii", "ASCII")
UTF8 = Encoding("utf-8", "UTF-8")
GB18030 = Encoding("gb18030", "GB18030")
BIG5 = Encoding("cp950", "Big5")
CP1252 = Encoding("cp1252", "Windows-1252")
MARKS = [
    (codecs.BOM_UTF8, Encoding("utf-8-sig", "UTF-8 with byte order mark")),
    (codecs.BOM_UTF16_LE, Encoding("utf-16", "UTF-16 LE with byte order mark", "surrogatepass")),
    (codecs.BOM_UTF16_BE, Encoding("utf-16", "UTF-16 BE with byte order mark", "surrogatepass")),
]


def decide_encoding(head: bytes, tail: bytes = b"") -> Encoding:
    """The encoding of a text from its first bytes and, when it is long, some whole lines of its end.

    >>> decide_encoding("这部电影很好看。".encode("gbk")).name
    'GB18030'
    """
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head and (wide := _utf16(head[:EVIDENCE_BYTES])):
        return wide
    if head.isascii() and tail.isascii():
        return ASCII
    if _is_strict(head, "utf-8") and _is_strict(tail, "utf-8"):
        return UTF8
    return _decide_by_evidence(_evidence(head + b"\n" + tail))


def is_wide(head: bytes) -> bool:
    """Whether NUL bytes belong to the text: UTF-16, marked or not."""
    marked = any(head.startswith(mark) for mark, encoding in MARKS if encoding.tolerant == "surrogatepass")
    return marked or (b"\0" in head and _utf16(head[:EVIDENCE_BYTES]) is not None)


def _is_strict(data: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(data)  # a character cut at the end is no fault
    except UnicodeDecodeError:
        return False
    return True


def _utf16(data: bytes) -> Encoding | None:
    """Without a mark: the byte order under which the text has ASCII characters and no control characters."""
    found: list[tuple[int, Encoding]] = []
    for codec, name in (("utf-16-le", "UTF-16 LE"), ("utf-16-be", "UTF-16 BE")):
        if _is_strict(data, codec):
            text = data.decode(codec, "ignore")
            controls = sum(text.count(chr(code)) for code in range(32) if chr(code) not in "\t\n\r\f")
            plain = len(text.encode("ascii", "ignore"))
            is_text = plain > MIN_PLAIN * len(text) and not controls
            found += [(plain, Encoding(codec, name, "surrogatepass"))] if is_text else []
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _evidence(data: bytes) -> bytes:
    """The first lines that hold a byte beyond ASCII."""
    lines: list[bytes] = []
    size = 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line[:EVIDENCE_BYTES])
            size += len(line)
            if size >= EVIDENCE_BYTES:
                break
    return b"\n".join(lines)


def _decide_by_evidence(data: bytes) -> Encoding:
    if _broken_share(data, "utf-8") <= MAX_BROKEN:
        return UTF8
    chinese = max((GB18030, BIG5), key=lambda encoding: _share(data, encoding.codec, COMMON_CHINESE))
    common = _share(data, chinese.codec, COMMON_CHINESE)
    if common >= MIN_COMMON and _broken_share(data, chinese.codec) <= MAX_BROKEN:
        return chinese
    western = data.decode("cp1252", "surrogateescape")
    if _beyond_ascii(western) < 0.3 * len(western) and _share(data, "cp1252", COMMON_WESTERN) > 0.95:
        return CP1252
    if _beyond_ascii(western) < SHORT_BYTES and _is_strict(data, "gb2312"):
        return Encoding("gb18030", "GB18030 (a guess)")  # too short for statistics: the likeliest by far
    import charset_normalizer  # only the rare text that is none of these waits for it

    guess = charset_normalizer.from_bytes(data, cp_isolation=CANDIDATES).best()
    if guess is None or not guess.encoding:
        return CP1252
    return GB18030 if guess.encoding == "gb18030" else Encoding(guess.encoding, f"{guess.encoding} (a guess)")


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _broken_share(data: bytes, codec: str) -> float:
    text = data.decode(codec, "surrogateescape")
    whole = text.encode("utf-8", "ignore").decode("utf-8")  # lone surrogates are what could not be decoded
    return (len(text) - len(whole)) / max(1, _beyond_ascii(text))


def _share(data: bytes, codec: str, common: str) -> float:
    text = data.decode(codec, "surrogateescape")
    return sum(map(text.count, common)) / max(1, _beyond_ascii(text))
