"""Pictures of a report for the README: docs/pictures/report.{en,zh}.png.

    python scripts/render_screenshot.py

Trains on the packaged reviews, opens the report in Chromium and puts two pieces of it side by side. Needs the
extra `browser` and Pillow.
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


def train(language: str, folder: Path) -> Path:
    """A folder with its report, of the packaged reviews by what they are about."""
    data = PROJECT / "src" / "textwright" / "sample" / f"reviews.{language}.csv"
    recipe = {"data": {"label": "category"}, "budget": {"minutes": 1}}
    textwright.train(data, folder, textwright.Recipe.parse(recipe))
    return folder / "report.html"


def shoot(page: Page, report: Path, language: str) -> Image.Image:
    """The beginning of the report, and the part from the confusions on."""
    page.goto(report.as_uri())
    page.click(f"label:has(#lang-{language})")
    page.click("label:has(#look-light)")
    whole = Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")
    scale = whole.width / WIDTH
    begin = page.evaluate("document.querySelector('#confusion').getBoundingClientRect().top + scrollY")
    both = Image.new("RGB", (2 * whole.width + GAP, int(HEIGHT * scale)), "#d9d5cb")
    for i, top in enumerate((0, begin)):
        piece = whole.crop((0, int(top * scale), whole.width, int((top + HEIGHT) * scale)))
        both.paste(piece, (i * (whole.width + GAP), 0))
    return both.quantize(96, dither=Image.Dither.NONE)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for language in LANGUAGES:
            report = train(language, Path(name) / f"my-model-{language}")
            shoot(page, report, language).save(PICTURES / f"report.{language}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
