"""Small real documents, made from nothing but the standard library."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from html import escape

OFFICE = "http://schemas.openxmlformats.org"
DOCUMENT_RELATIONS = f"{OFFICE}/officeDocument/2006/relationships"
SLIDE_SPACES = (
    f'xmlns:p="{OFFICE}/presentationml/2006/main" xmlns:a="{OFFICE}/drawingml/2006/main" xmlns:r="{DOCUMENT_RELATIONS}"'
)
SLIDE_TREE = (
    "<p:spTree><p:nvGrpSpPr><p:cNvPr id='1' name=''/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>{}</p:spTree>"
)
SLIDE_TEXT = (
    "<p:sp><p:nvSpPr><p:cNvPr id='2' name='t'/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>"
    "<p:txBody><a:bodyPr/><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:txBody></p:sp>"
)
PASSWORD_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
# The smallest PNG there is: one grey dot.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)


def pdf(pages: Sequence[str], *, images: int = 0, password: str | None = None) -> bytes:
    """A PDF with these texts, one a page, and so many dots as figures on each page.

    With a password it is encrypted by the standard handler's first revision (40-bit RC4).
    """
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    catalog, tree = add(b"<< /Type /Catalog /Pages 2 0 R >>"), add(b"")
    font = add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    dot = add(
        _stream(
            b"\x7f", b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
        )
    )
    resources = b"/Resources << /Font << /F %d 0 R >> /XObject << /I %d 0 R >> >>" % (font, dot)
    kids = []
    for text in pages:
        content = add(_stream(_page_content(text, images)))
        page = b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R %s >>"
        kids.append(add(page % (tree, content, resources)))
    objects[tree - 1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (
        len(kids),
        b" ".join(b"%d 0 R" % kid for kid in kids),
    )
    trailer = b"/Root %d 0 R" % catalog
    if password is not None:
        trailer += _encrypt(objects, password)
    return _pdf_file(objects, trailer)


def docx(paragraphs: Sequence[str], *, media: Sequence[bytes] = ()) -> bytes:
    space = f'xmlns:w="{OFFICE}/wordprocessingml/2006/main"'
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    parts = {"word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>".encode()}
    parts |= {f"word/media/image{n}.png": data for n, data in enumerate(media, 1)}
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return office("word/document.xml", {"word/document.xml": main}, parts)


def pptx(slides: Sequence[str]) -> bytes:
    space = SLIDE_SPACES
    numbers = range(1, len(slides) + 1)
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in numbers)
    types = {
        "ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
    }
    parts = {
        "ppt/presentation.xml": f"<p:presentation {space}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>".encode(),
        "ppt/_rels/presentation.xml.rels": _relations({f"rId{n}": ("slide", f"slides/slide{n}.xml") for n in numbers}),
    }
    for n, text in enumerate(slides, 1):
        shape = SLIDE_TEXT.format(escape(text))
        tree = SLIDE_TREE.format(shape)
        parts[f"ppt/slides/slide{n}.xml"] = f"<p:sld {space}><p:cSld>{tree}</p:cSld></p:sld>".encode()
        types[f"ppt/slides/slide{n}.xml"] = "application/vnd.openxmlformats-officedocument.presentationml.slide+xml"
    return office("ppt/presentation.xml", types, parts)


def xlsx(rows: Sequence[Sequence[str]], *, sheet: str = "Towers") -> bytes:
    space = f'xmlns="{OFFICE}/spreadsheetml/2006/main" xmlns:r="{DOCUMENT_RELATIONS}"'
    cells = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in row) + "</row>"
        for row in rows
    )
    entry = f'<sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/>'
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    parts = {
        "xl/workbook.xml": f"<workbook {space}><sheets>{entry}</sheets></workbook>".encode(),
        "xl/_rels/workbook.xml.rels": _relations({"rId1": ("worksheet", "worksheets/sheet1.xml")}),
        "xl/worksheets/sheet1.xml": f"<worksheet {space}><sheetData>{cells}</sheetData></worksheet>".encode(),
    }
    return office(
        "xl/workbook.xml",
        {"xl/workbook.xml": main + "sheet.main+xml", "xl/worksheets/sheet1.xml": main + "worksheet+xml"},
        parts,
    )


def html(paragraphs: Sequence[str], *, title: str = "Towers") -> bytes:
    body = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    return f"<!doctype html><html><head><title>{escape(title)}</title></head><body>{body}</body></html>".encode()


def office(main: str, types: dict[str, str], parts: dict[str, bytes]) -> bytes:
    """An Office Open XML package: the parts, and the two files that say what they are."""
    overrides = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in types.items())
    defaults = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>'
    )
    content_types = f'<Types xmlns="{OFFICE}/package/2006/content-types">{defaults}{overrides}</Types>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", content_types)
        archive.writestr("_rels/.rels", _relations({"rId1": ("officeDocument", main)}))
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


def _relations(targets: dict[str, tuple[str, str]]) -> bytes:
    items = "".join(
        f'<Relationship Id="{id}" Type="{DOCUMENT_RELATIONS}/{kind}" Target="{target}"/>'
        for id, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{OFFICE}/package/2006/relationships">{items}</Relationships>'.encode()


def _page_content(text: str, images: int) -> bytes:
    escaped = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    lines = b" T* ".join(b"(%s) Tj" % line for line in escaped.split(b"\n"))
    dots = b"".join(b"q 20 0 0 20 %d 20 cm /I Do Q " % (50 + 30 * n) for n in range(images))
    return b"%sBT /F 10 Tf 14 TL 50 780 Td %s ET" % (dots, lines)


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def _pdf_file(objects: Sequence[bytes], trailer: bytes) -> bytes:
    file, offsets = io.BytesIO(), []
    file.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    for number, body in enumerate(objects, 1):
        offsets.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = file.tell()
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    file.write(b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, entries))
    file.write(b"trailer\n<< /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, table))
    return file.getvalue()


def _encrypt(objects: list[bytes], password: str) -> bytes:
    """Encrypt all streams in place; return what the trailer must say."""
    padded = (password.encode() + PASSWORD_PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    file_id = hashlib.md5(b"a document").digest()
    key = hashlib.md5(padded + owner + (-4).to_bytes(4, "little", signed=True) + file_id).digest()[:5]
    user = _rc4(key, PASSWORD_PADDING)
    for index, body in enumerate(objects):
        head, mark, rest = body.partition(b"\nstream\n")
        if mark:
            own_key = hashlib.md5(key + (index + 1).to_bytes(3, "little") + b"\0\0").digest()[:10]
            objects[index] = head + mark + _rc4(own_key, rest.removesuffix(b"\nendstream")) + b"\nendstream"
    objects.append(
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (owner.hex().encode(), user.hex().encode())
    )
    identity = b"<%s>" % file_id.hex().encode()
    return b" /Encrypt %d 0 R /ID [%s %s]" % (len(objects), identity, identity)


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
