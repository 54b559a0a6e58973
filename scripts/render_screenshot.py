"""Pictures of a report for the README and of an audit: docs/pictures/{report,audit}.{en,zh}.png.

    python scripts/render_screenshot.py

Trains on the packaged reviews and audits them, opens the pages in Chromium and puts two pieces of each side
by side. Needs the extra `browser` and Pillow.
"""

from __future__ import annotations

import shutil
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import textwright

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = PROJECT / "docs" / "pictures"
WIDTH, HEIGHT, GAP = 900, 1330, 16
LANGUAGES = ("en", "zh")
# Where the second piece begins.
PIECES = {"report": "#confusion", "audit": "section:has(#chart-shortcuts-1)"}


def reviews(language: str) -> Path:
    return PROJECT / "src" / "textwright" / "sample" / f"reviews.{language}.csv"


def train(language: str, folder: Path) -> Path:
    """A folder with its report, of the packaged reviews by what they are about."""
    data = reviews(language)
    recipe = {"data": {"label": "category"}, "budget": {"minutes": 1}}
    textwright.train(data, folder, textwright.Recipe.parse(recipe))
    return folder / "report.html"


def audit(language: str, folder: Path) -> Path:
    """The page of an audit of the packaged reviews."""
    textwright.audit.data(reviews(language), folder)
    return folder / "report.html"


def shoot(page: Page, report: Path, language: str, second: str) -> Image.Image:
    """The beginning of the page, and the part from what the selector `second` names on."""
    page.goto(report.as_uri())
    page.click(f"label:has(#lang-{language})")
    page.click("label:has(#look-light)")
    whole = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
    scale = whole.width / WIDTH
    begin = page.evaluate(f"document.querySelector('{second}').getBoundingClientRect().top + scrollY")
    both = Image.new("RGB", (2 * whole.width + GAP, int(HEIGHT * scale)), "#d9d5cb")
    for i, top in enumerate((0, begin)):
        piece = whole.crop((0, int(top * scale), whole.width, int((top + HEIGHT) * scale)))
        both.paste(piece, (i * (whole.width + GAP), 0))
    return both.quantize(192, dither=Image.Dither.NONE)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for language in LANGUAGES:
            for kind, make in (("report", train), ("audit", audit)):
                report = make(language, Path(name) / f"my-{kind}-{language}")
                picture = shoot(page, report, language, PIECES[kind])
                picture.save(PICTURES / f"{kind}.{language}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
