"""The package as PDF: tagged for screen readers, with title and language, in a typeface that travels with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import font_source_sans_pro as typeface
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from gdpr.package.document import ITEMS
from gdpr.package.render import readable

FAMILY = "text"
INK, SOFT, RULE = (29, 36, 51), (90, 100, 120), (213, 218, 227)
MARGIN = 20.0  # mm
LEADING = 0.5  # mm of line height per point of type


class Page(FPDF):
    """One A4 document with a footer that counts its pages."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.add_font(FAMILY, "", typeface.SourceSansPro)
        self.add_font(FAMILY, "B", typeface.SourceSansProBold)
        with TTFont(typeface.SourceSansPro, lazy=True) as font:
            self._glyphs = set(font.getBestCmap())
        self.footer_text = title
        self.set_title(title)
        self.set_lang("en")
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=22)
        self.alias_nb_pages()
        self.add_page()

    def close_fonts(self) -> None:
        """The library leaves the typeface's files open."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(FAMILY, "", 8)
        self.set_text_color(*SOFT)
        with self._artifact():
            self.cell(0, 5, f"{self.footer_text} · {self.page_no()} / {{nb}}", align="R")

    def known(self, text: str) -> str:
        """`text` with what the typeface lacks named by its code: never a box that could be anything."""
        return "".join(
            letter if ord(letter) in self._glyphs or letter == "\n" else f"[U+{ord(letter):04X}]"
            for letter in text.replace("\r", "").replace("\t", "    ")
        )

    def tagged(self, tag: str, text: str, *, size: float, style: str = "", soft: bool = False, gap: float = 0) -> None:
        """One block of text with its place in the structure, cut where the page ends."""
        self.set_font(FAMILY, style, size)
        self.set_text_color(*(SOFT if soft else INK))
        height = size * LEADING
        wrapped = self.multi_cell(0, height, self.known(text) or " ", dry_run=True, output="LINES", align="L")
        lines = cast(list[str], wrapped)
        while lines:
            fit = int((self.page_break_trigger - self.get_y()) // height)
            if fit < 1:
                self.add_page()
                continue
            with self._marked(tag):
                for line in lines[:fit]:
                    self.cell(0, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            lines = lines[fit:]
        self.ln(gap)

    @contextmanager
    def _marked(self, tag: str) -> Iterator[None]:
        """What is written inside is one element of the structure tree, which a screen reader follows.

        The library marks only pictures by a public call; this is how it does it.
        """
        number = self.struct_builder.next_mcid_for_page(self.page)
        self._add_marked_content(struct_type=f"/{tag}", mcid=number)
        self._out(f"/{tag} <</MCID {number}>> BDC")
        yield
        self._out("EMC")

    @contextmanager
    def _artifact(self) -> Iterator[None]:
        """What is written inside is decoration, which a screen reader passes over."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")

    def heading(self, level: int, text: str) -> None:
        """Also an entry of the outline; never the last line of a page."""
        if self.will_page_break(24):
            self.add_page()
        self.ln(4 if level > 1 else 0)
        self.start_section(self.known(text), level=level - 1, strict=False)
        self.tagged(f"H{level}", text, size={1: 20, 2: 13}.get(level, 11), style="B", gap=1.5)

    def text_line(self, text: str, *, soft: bool = False) -> None:
        self.tagged("P", text, size=10, soft=soft, gap=1)

    def items(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.tagged("P", f"•  {line}", size=10)
        self.ln(1)

    def datum(self, label: str, value: str, origin: str) -> None:
        """One value: its name, itself, and below it whence it is."""
        if self.will_page_break(14):
            self.add_page()
        self.tagged("P", label, size=8.5, soft=True)
        self.tagged("P", value, size=10)
        if origin:
            self.tagged("P", origin, size=8, soft=True)
        self.set_draw_color(*RULE)
        with self._artifact():
            self.line(MARGIN, self.get_y() + 1, self.w - MARGIN, self.get_y() + 1)
        self.ln(2.5)


def as_pdf(document: Mapping[str, Any]) -> bytes:
    package = readable(document)
    about = package["about"]
    page = Page(f"Your data, {about['reference']}")
    page.heading(1, "Your data")
    page.text_line(
        " · ".join(
            each for each in (about["controller"], about["contact"], about["reference"], (
                "created on "
                f"{about['made_at']}"
            ))
            if each
        ),
        soft=True,
    )  # fmt: skip
    whom = f"For {about['name']}. " if about["name"] else ""
    page.text_line(
        f"{whom}This is all the data we hold about you, with the information Art. 15 GDPR requires. "
        f"Characters missing from this "
        "typeface are shown by their code; the HTML and JSON files show them as they are."
    )
    for letter, heading in ITEMS:
        page.heading(2, f"({letter}) {heading}")
        SECTIONS[letter](page, package)
    if page.will_page_break(60):  # else the heading stands alone at the foot of a page
        page.add_page()
    page.heading(2, "The data")
    _records(page, package)
    content = bytes(page.output())
    page.close_fonts()
    return content


def _records(page: Page, package: Mapping[str, Any]) -> None:
    if not package["records"]:
        page.text_line("We searched all our systems and hold no data about you.")
    for record in package["records"]:
        page.heading(3, record["where"])
        for datum in record["data"]:
            origin = ", ".join(each for each in (datum.get("source"), datum.get("obtained_at")) if each)
            page.datum(datum["label"], datum["text"], origin)
        if record["copied_by_hand"]:
            page.text_line("Copied by hand: this system has no export.", soft=True)
    if package["left_out"]:
        page.text_line(f"Values about other people, left out: {package['left_out']}.", soft=True)


def _list_or(page: Page, lines: Sequence[str], nothing: str) -> None:
    if lines:
        page.items(lines)
    else:
        page.text_line(nothing)


def _purposes(page: Page, package: Mapping[str, Any]) -> None:
    _list_or(page, package["a"]["purposes"], "No purpose is recorded, because we hold no data.")
    if package["a"]["legal_basis"]:
        page.text_line(package["a"]["legal_basis"])


def _recipients(page: Page, package: Mapping[str, Any]) -> None:
    lines = [
        f"{each['recipient']}: {', '.join(each['fields'])} (times: {each['times']}, last: {each['last']})"
        for each in package["c"]
    ]
    _list_or(page, lines, "Your data has not been shared with anyone.")
    for sentence in package["statements"]:
        page.text_line(sentence)


def _retention(page: Page, package: Mapping[str, Any]) -> None:
    lines = [f"{each['where']}: until {each['until']}" for each in package["d"]]
    _list_or(page, lines, "No retention period is recorded, because we hold no data with a retention period of ours.")


def _sources(page: Page, package: Mapping[str, Any]) -> None:
    lines = [f"{each['source']}: {', '.join(each['fields'])}" for each in package["g"]]
    _list_or(page, lines, "No source other than you.")


def _logic(page: Page, package: Mapping[str, Any]) -> None:
    page.text_line(package["h"]["says"])
    page.items("; ".join(f"{name}: {value}" for name, value in rule) for rule in package["rules"])


SECTIONS = {
    "a": _purposes,
    "b": lambda page, package: page.text_line(", ".join(package["b"]) or "None: we hold no data."),
    "c": _recipients,
    "d": _retention,
    "e": lambda page, package: page.items(package["e"]),
    "f": lambda page, package: page.text_line(package["f"]),
    "g": _sources,
    "h": _logic,
}
