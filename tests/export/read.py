"""Opens exported files with readers that know nothing of Sangam, and asks that each says exactly
what the JSON beside it says. Usage: read.py FOLDER, with case.json, case.docx, case.odt ... in it."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import docx
import html5lib
import icalendar
import jsonschema
import openpyxl
from docx.oxml.ns import qn
from markdown_it import MarkdownIt
from odf import opendocument, teletype, text as odf_text
from python_calamine import CalamineWorkbook

SCHEMA = json.loads(
    (Path(__file__).parent / "../../server/src/export/event.schema.json").read_text("utf-8")
)


def visible(text):
    """What a file may hold of a text, by the rule of docs: pictures for control characters."""
    text = text.replace("\r\n", "\n")
    out = []
    for c in text:
        n = ord(c)
        if c in "\n\t":
            out.append(c)
        elif n < 0x20:
            out.append(chr(0x2400 + n))
        elif n == 0x7F:
            out.append("\u2421")
        elif 0x80 <= n <= 0x9F or n in (0xFFFE, 0xFFFF):
            out.append("\ufffd")
        else:
            out.append(c)
    return "".join(out)


def texts(data):
    """Everything that people wrote, with the place where it stands."""
    for board in data["boards"]:
        if board["question"].strip():
            yield "question", board["question"]
        for table in ("practices", "ideas"):
            for note in board[table]:
                if note["text"]["original"].strip():
                    yield table, note["text"]["original"]
        for plan in board["plans"]:
            for key in ("title", "problem", "description", "expectedResult"):
                if plan[key]["original"].strip():
                    yield f"plan.{key}", plan[key]["original"]
            for key in ("text", "trigger"):
                yield "plan.firstStep", plan["firstStep"][key]
            for row in plan["milestones"]:
                yield "milestone", row["title"]
                yield "milestone", row["deliverable"]
            for row in plan["risks"]:
                yield "risk", row["if"]
                yield "risk", row["then"]


def says(path, said, data, places=None, same=lambda text: text):
    said = same(said)
    for place, text in texts(data):
        if places and place not in places:
            continue
        wanted = same(visible(text))
        if wanted and wanted not in said:
            sys.exit(f"{path}: does not say the {place} {text!r}")


def read_docx(path, data):
    out = []
    for node in docx.Document(path).element.body.iter():
        if node.tag == qn("w:t"):
            out.append(node.text or "")
        elif node.tag == qn("w:br"):
            out.append("\n")
        elif node.tag == qn("w:tab") and node.getparent().tag == qn("w:r"):
            out.append("\t")
        elif node.tag == qn("w:p"):
            out.append("\x01")
    says(path, "".join(out), data)


def read_odt(path, data):
    document = opendocument.load(path)
    out = []
    for kind in (odf_text.H, odf_text.P):
        out += [teletype.extractText(node) for node in document.getElementsByType(kind)]
    says(path, "\x01".join(out), data)


def read_html(path, data):
    tree = html5lib.parse(Path(path).read_bytes(), namespaceHTMLElements=False)
    for node in tree.iter():
        name = node.tag if isinstance(node.tag, str) else "comment"
        if name in ("script", "img", "iframe", "object", "comment", "form"):
            sys.exit(f"{path}: holds a {name}")
        for attribute, value in node.attrib.items():
            if attribute.startswith("on") or value.lower().startswith("javascript:"):
                sys.exit(f"{path}: {name} has {attribute}={value!r}")
    # HTML has no U+000C and the like left; what remains stands as it was written.
    says(path, "".join(tree.itertext()), data)


def read_md(path, data):
    reader = MarkdownIt("commonmark").enable("table")
    out = []
    for token in reader.parse(Path(path).read_text("utf-8")):
        if token.type in ("html_block", "fence", "code_block", "hr"):
            sys.exit(f"{path}: holds a {token.type}: {token.content!r}")
        for inner in token.children or []:
            if inner.type == "text":
                out.append(inner.content)
            elif inner.type in ("softbreak", "hardbreak"):
                out.append("\n")
            elif inner.type == "html_inline" and inner.content == "<br>":
                out.append("\n")
            elif inner.type in ("image", "html_inline", "code_inline"):
                sys.exit(f"{path}: holds a {inner.type}: {inner.content!r}")
        out.append("\x01")
    # Markdown has no place for spaces around a line's end, and a cell none for any blank there.
    says(path, "".join(out), data, same=lambda text: re.sub(r"[ \t\n]+", " ", text).strip())


def read_xlsx(path, data):
    for sheet in openpyxl.load_workbook(path).worksheets:
        for row in sheet.iter_rows():
            if any(cell.data_type == "f" for cell in row):
                sys.exit(f"{path}: a cell is a formula")
    out, days = [], 0
    book = CalamineWorkbook.from_path(path)
    for name in book.sheet_names:
        for row in book.get_sheet_by_name(name).to_python():
            # Excel's own escapes, which this reader leaves as they are.
            cells = [cell for cell in row if isinstance(cell, str)]
            out += [re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), c) for c in cells]
            days += sum(1 for cell in row if hasattr(cell, "isoformat"))
    dated = [
        date
        for board in data["boards"]
        for plan in board["plans"]
        for date in (plan["firstStep"]["due"], plan["startDate"], plan["dueDate"])
        if date and date >= "1900-03-01"
    ]
    if days < len(dated):
        sys.exit(f"{path}: {len(dated)} days on the board, {days} in the workbook")
    says(path, "\x01".join(out), data, {"ideas", "practices", "plan.title", "milestone"})


def read_csv(path, data):
    rows = list(csv.reader(io.StringIO(Path(path).read_text("utf-8-sig"), newline="")))
    plans = sum(len(board["plans"]) for board in data["boards"])
    if len(rows) != plans + 1 or len({len(row) for row in rows}) != 1:
        sys.exit(f"{path}: {plans} plans on the boards, {len(rows) - 1} rows")
    for cell in (cell for row in rows for cell in row):
        if cell.lstrip().startswith(("=", "+", "-", "@")):
            sys.exit(f"{path}: {cell!r} is a formula")
    # The apostrophe in front is the spreadsheets' own sign for text.
    cells = [cell[1:] if cell.startswith("'") else cell for row in rows for cell in row]
    says(path, "\x01".join(cells), data, {"plan.title", "plan.problem", "plan.firstStep"})


def read_ics(path, data):
    calendar = icalendar.Calendar.from_ical(Path(path).read_bytes())
    due = []
    for board in data["boards"]:
        for plan in board["plans"]:
            due += [plan["firstStep"]["due"], plan["dueDate"]]
            due += [row["due"] for row in plan["milestones"]]
    due = sorted(date for date in due if date)
    for kind, key in (("VEVENT", "DTSTART"), ("VTODO", "DUE")):
        parts = calendar.walk(kind)
        found = sorted(part.decoded(key).isoformat()[:10] for part in parts)
        if found != due:
            sys.exit(f"{path}: {len(due)} deadlines on the boards, {len(found)} {kind}s")
        if any("ATTACH" in part or "URL" in part for part in parts):
            sys.exit(f"{path}: a text became a property")
    if any(part.errors for part in calendar.walk()):
        sys.exit(f"{path}: {[part.errors for part in calendar.walk() if part.errors]}")


READERS = {
    "docx": read_docx,
    "odt": read_odt,
    "html": read_html,
    "md": read_md,
    "xlsx": read_xlsx,
    "csv": read_csv,
    "ics": read_ics,
}


def main(folder):
    read = 0
    for path in sorted(Path(folder).glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        jsonschema.Draft202012Validator(SCHEMA).validate(data)
        for ending, reader in READERS.items():
            reader(str(path.with_suffix(f".{ending}")), data)
            read += 1
    if read == 0:
        sys.exit(f"{folder}: nothing was read")
    print(f"{read} files say what the boards say")


main(sys.argv[1])
