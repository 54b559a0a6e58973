"""Pages in Chromium, offline: nothing asked for, nothing said, no overflow, no fault that axe finds.

Opt-in (`make browser`): needs the packages of the extra `browser` and a Chromium on the path.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import textwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]

SAMPLES = Path(textwright.__file__).parent / "sample"
WIDTHS = (1280, 390)
NASTY = ["<script>alert(1)</script>", "‮txet﷽" + "😀" * 300, "x" * 10_000, "长" * 3_000]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield found
        found.close()


def _train(path: Path, out: Path, model: str, **more: object) -> Path:
    learn = {} if model == "bag" else {"learn": {"epochs": 3}}
    recipe = {"model": {"name": model}, "budget": {"minutes": 1}, **learn, **more}
    textwright.train(path, out, textwright.Recipe.parse(recipe))
    return out / "report.html"


def _many_labels(folder: Path) -> Path:
    """150 labels, and texts of the worst kind."""
    path = folder / "many.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(1_500):
            nasty = NASTY[i // 2 % len(NASTY)] if i % 50 < 2 else ""
            writer.writerow([f"row {i} about {i % 149} {nasty}", f"a label with a long name {i % 150}"])
    return path


def _inspected(folder: Path, model: str) -> Path:
    """How a tiny language model reads texts of the worst kind."""
    source = folder / "raw.txt"
    source.write_text("the cat sat on a mat.\n春眠不觉晓。\n" * 300, encoding="utf-8")
    sizes = {"width": 32, "layers": 2, "heads": 2, "inner": 64, "positions": 64}
    asked = {"model": {"name": model, **sizes}, "budget": {"tokens": 4_000}, "learn": {"batch": 8}}
    textwright.pretrain([source], folder / model, textwright.PretrainRecipe.parse(asked))
    text = "the cat 龘\n" + NASTY[0] + NASTY[1][:12] + "春眠" * 40
    return textwright.inspect(folder / model, text, folder / f"{model}.html").out


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    compared = folder / "compared"
    recipe = textwright.Recipe.parse({"budget": {"minutes": 1}, "learn": {"epochs": 3}})
    textwright.compare_settings(
        SAMPLES / "reviews.en.csv", compared, recipe, models=["bag", "cnn"], vary={"seed": [0, 1]}
    )
    textwright.curve(SAMPLES / "reviews.zh.csv", folder / "grown", recipe.replaced({"learn": {}}))
    stars = {"data": {"label": "score"}, "task": "score"}
    return {
        "english": _train(SAMPLES / "reviews.en.csv", folder / "en", "cnn"),
        "chinese": _train(SAMPLES / "reviews.zh.csv", folder / "zh", "lstm"),
        "graded": _train(SAMPLES / "reviews.zh.csv", folder / "graded", "bag", **stars),
        "many": _train(_many_labels(folder), folder / "many", "bag"),
        "compared": compared / "report.html",
        "grown": folder / "grown" / "report.html",
        "writes": _inspected(folder, "nanochat"),
        "fills": _inspected(folder, "bert"),
    }


@pytest.mark.parametrize(
    "name", ["english", "chinese", "graded", "many", "compared", "grown", "writes", "fills"]
)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_page_is_quiet_fits_and_is_accessible(
    browser: Browser, pages: dict[str, Path], name: str, width: int, language: str, look: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    try:
        page = context.new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda asked: heard.append(asked.url))
        page.goto(pages[name].as_uri())
        page.click(f"label:has(#lang-{language})")
        page.click(f"label:has(#look-{look})")
        page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert heard == [pages[name].as_uri()]
        widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        needed, given = page.evaluate(widths)
        assert needed <= given
        visible = page.inner_text("h2#verdict")
        assert ("In short" in visible) == (language == "en")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    finally:
        context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_of_a_figure_is_cut_off(browser: Browser, pages: dict[str, Path], language: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    outside = """() => [...document.querySelectorAll('figure > svg text')].filter(text => {
        const part = text.getBoundingClientRect(), all = text.ownerSVGElement.getBoundingClientRect()
        return part.width && (part.left < all.left - 3 || part.right > all.right + 3)
    }).map(text => text.textContent)"""
    for path in pages.values():
        page.goto(path.as_uri())
        page.click(f"label:has(#lang-{language})")
        assert page.evaluate(outside) == []
    page.close()
