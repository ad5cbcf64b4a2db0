"""What kind of file it is, told by its first bytes and never by its name."""

import re
from enum import Enum

from titer.domain.extraction.errors import UnreadableFile


class Form(Enum):
    XLSX = "xlsx"
    XLSB = "xlsb"
    ODS = "ods"
    XLS = "xls"
    SYLK = "sylk"
    HL7 = "hl7"
    ASTM = "astm"
    JSON = "json"
    MARKUP = "markup"
    TEXT = "text"


_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "The file is a PDF; export the results as a table instead."),
    (b"\x89PNG", "The file is an image."),
    (b"\xff\xd8\xff", "The file is an image."),
    (b"GIF8", "The file is an image."),
    (b"II*\x00", "The file is an image."),
    (b"MM\x00*", "The file is an image."),
    (b"BM", "The file is an image."),
    (b"CDF\x01", "The file holds a raw signal (netCDF), not results."),
    (b"CDF\x02", "The file holds a raw signal (netCDF), not results."),
    (b"\x89HDF", "The file holds raw data (HDF5), not results."),
    (b"##TITLE", "The file holds a spectrum (JCAMP-DX), not results."),
    (b"{\\rtf", "The file is a formatted text (RTF); export the results as a table instead."),
    (b"\x1f\x8b", "The file is compressed; upload what is inside it."),
    (b"7z\xbc\xaf", "The file is compressed; upload what is inside it."),
    (b"Rar!", "The file is compressed; upload what is inside it."),
    (b"BZh", "The file is compressed; upload what is inside it."),
    (b"\xfd7zXZ", "The file is compressed; upload what is inside it."),
    (b"\x7fELF", "The file is a program, not a table of results."),
    (b"MZ", "The file is a program, not a table of results."),
    (b"SQLite format 3", "The file is a database, not a table of results."),
    (b"\x00\x01\x00\x00Standard", "The file is a database, not a table of results."),
)
_PROBED = 65_536
_LAST_PLAIN, _FIRST_CYRILLIC = 0x7F, 0xC0
_RUNS = re.compile(rb"(?:[\x80-\xff][\x40-\x7e]?){3,}")
_MOST, _SOME = 0.6, 0.02
_IDEOGRAM = re.compile(r"[\u4e00-\u9fff]")
#: Syllables, and some of the commonest characters of laboratory reports in either language.
_JAPANESE = re.compile(r"[\u3041-\u30f6測定試料名番号結果濃度単位平均値日時間回数水分析備考検査]")
_CHINESE = re.compile(
    r"[的一是不在人有品测样量定结果值度单位称号期检浓标空白分析数平均日时间仪器编名]"
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HL7 = re.compile(r"^[\s\x0b]*(?:MSH|FHS|BHS|H)\|\^~\\&", re.MULTILINE)
_ASTM = re.compile(r"^[\x00-\x20]*\d?H\|[\\`][\^!][&~]?", re.MULTILINE)


def sniff(data: bytes) -> Form:
    """The form of a file; refuses what can hold no table."""
    if not data.strip(b"\x00 \t\r\n\x1a\xef\xbb\xbf\xff\xfe"):
        raise UnreadableFile("The file is empty.")
    for magic, sentence in _REFUSED:
        if data.startswith(magic) and (len(magic) > 2 or _is_binary(data)):
            raise UnreadableFile(sentence)
    if data.startswith(b"PK\x03\x04"):
        return _sniff_zip(data)
    if data.startswith(_OLE) or data[:4] in (b"\x09\x08\x10\x00", b"\x09\x08\x08\x00"):
        return Form.XLS
    if _is_binary(data):
        raise UnreadableFile("The file is binary data of an unknown kind, not a table of results.")
    return Form.TEXT


def sniff_text(text: str) -> Form:
    """The form of a decoded text."""
    start = text[:4000].lstrip("\ufeff \t\r\n")
    if start.startswith("ID;P"):
        return Form.SYLK
    if _HL7.match(start) or (re.search(r"(?m)^\s*OBX\|", start) and "|" in start[:10]):
        return Form.HL7
    if _ASTM.match(start):
        return Form.ASTM
    if start[:1] in "{[" and re.match(r"[\[{]\s*[\"{\[]", start):
        return Form.JSON
    if start.startswith("<"):
        if re.match(r"(?is)<\?xml|<!doctype|<html|<table|<workbook|<meta|<head", start):
            return Form.MARKUP
        if re.match(r"<[A-Za-z][\w:.-]*[\s>]", start):
            return Form.MARKUP
    if start.startswith("##") and "##XYDATA" in text[:20000].upper():
        raise UnreadableFile("The file holds a spectrum (JCAMP-DX), not results.")
    return Form.TEXT


def _sniff_zip(data: bytes) -> Form:
    head, tail = data[:4096], data[-65536:]
    listing = head + tail
    if b"application/vnd.oasis.opendocument.spreadsheet" in head:
        return Form.ODS
    if b"xl/workbook.bin" in listing or b"xl/worksheets/sheet1.bin" in listing:
        return Form.XLSB
    if b"xl/" in listing:
        return Form.XLSX
    if b"content.xml" in listing and b"mimetype" in head:
        return Form.ODS
    raise UnreadableFile("The file is an archive without a workbook; upload what is inside it.")


def _is_binary(data: bytes) -> bool:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:3] == b"\xef\xbb\xbf":
        return False
    block = data[:8192]
    if _utf16_pattern(block):
        return False
    control = sum(block.count(bytes((c,))) for c in range(32) if c not in (2, 3, 4, 5, 6, 9, 10,
                  11, 12, 13, 23, 26, 28, 29, 30, 31))  # fmt: skip
    return control > 0.02 * len(block)


def _utf16_pattern(block: bytes) -> str:
    """UTF-16 without a mark: nearly every second byte of plain text is zero."""
    half = max(1, len(block) // 2)
    if len(block) >= 8 and block[1::2].count(0) > 0.7 * half and block[0::2].count(0) < half * 0.05:
        return "utf-16-le"
    if len(block) >= 8 and block[0::2].count(0) > 0.7 * half and block[1::2].count(0) < half * 0.05:
        return "utf-16-be"
    return ""


def decode(data: bytes) -> str:
    """The text of a file: byte order mark, UTF-16 by its zeros, UTF-8, else Windows-1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").lstrip("\ufeff")
    unmarked = _utf16_pattern(data[:8192])
    if unmarked:
        return data.decode(unmarked, "replace")
    if data[:3] == b"\xef\xbb\xbf":
        return data[3:].decode("utf-8", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(_legacy_encoding(data[:_PROBED]), "replace")


def _legacy_encoding(probe: bytes) -> str:
    """Which of the encodings before Unicode a text is in, by how its other letters stand.

    In Western languages these stand alone between plain ones, in Cyrillic in whole words, in
    Japanese and Chinese in pairs of bytes of which not all are possible.
    """
    other = sum(byte > _LAST_PLAIN for byte in probe)
    in_words = sum(len(run) for run in _RUNS.findall(probe))
    if not other or in_words < _MOST * other:
        return "cp1252"
    japanese, chinese = (_possible(probe, name) for name in ("cp932", "gb18030"))
    told = _share(japanese, _JAPANESE)
    if told > _SOME and told > _share(chinese, _CHINESE) and _share(japanese, _IDEOGRAM) > 0:
        return "cp932"
    if _share(chinese, _IDEOGRAM) > _MOST and _share(chinese, _CHINESE) > _SOME:
        return "gb18030"
    return "cp1251" if sum(byte >= _FIRST_CYRILLIC for byte in probe) > _MOST * other else "cp1252"


def _possible(probe: bytes, name: str) -> str:
    """The text in an encoding, but for a letter that the end of the probe cuts; or nothing."""
    for end in range(len(probe), max(0, len(probe) - 4), -1):
        try:
            return probe[:end].decode(name)
        except UnicodeDecodeError:
            continue
    return ""


def _share(text: str, letters: re.Pattern[str]) -> float:
    other = sum(ord(letter) > _LAST_PLAIN for letter in text)
    return len(letters.findall(text)) / other if other else 0.0
