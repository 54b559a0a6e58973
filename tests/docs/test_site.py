"""scripts/check_site.py finds what a page asks of another host, links to nothing, and marks left standing."""

from __future__ import annotations

from pathlib import Path

import pytest

import check_site

GOOD = """<!doctype html><html><head><link rel="stylesheet" href="a.css?v=1"><script src="a.js"></script>
<style>p { color: red }</style></head><body><p id="here"><code>2 ** 3</code>
<a href="https://example.org/">elsewhere</a> <a href="#here">here</a> <a href="two.html#there">there</a>
<math><mi>x</mi></math><svg><use href="#mark"/></svg></p></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "one.html").write_text(GOOD, encoding="utf-8")
    (tmp_path / "two.html").write_text('<p id="there">two</p>', encoding="utf-8")
    (tmp_path / "a.css").write_text('p { background: url("data:image/png;base64,AAAA") }', encoding="utf-8")
    (tmp_path / "a.js").write_text('// see https://example.org/\nfetch("two.html")', encoding="utf-8")
    return tmp_path


def test_a_good_site_has_no_fault(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_site.main([str(site)]) == 0
    assert "2 pages, 1 formulas" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="preconnect" href="//fonts.example">',
        '<img src="http://example.org/a.png">',
        '<img srcset="https://example.org/a.png 2x">',
        "<p style=\"background: url('https://example.org/a.png')\">",
        "<style>@import 'https://example.org/a.css';</style>",
        '<script>fetch("https://example.org/a.json")</script>',
        '<script>import("//example.org/a.js")</script>',
        '<iframe src="https://example.org/"></iframe>',
        '<svg><image xlink:href="https://example.org/a.png"/></svg>',
    ],
)
def test_another_host_is_told(site: Path, more: str, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "two.html").write_text(f'<p id="there">{more}</p>', encoding="utf-8")
    assert check_site.main([str(site)]) == 1
    assert "two.html: asks another host for " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.css", "@font-face { src: url(https://example.org/a.woff2) }"),
        ("a.js", 'const worker = new Worker("https://example.org/a.js")'),
        ("a.svg", '<svg><image href="https://example.org/a.png"/></svg>'),
    ],
)
def test_another_host_in_a_file_of_the_site_is_told(site: Path, name: str, text: str) -> None:
    (site / name).write_text(text, encoding="utf-8")
    (fault,) = check_site.faults(site)
    assert fault.startswith(f"{name}: asks another host for https://example.org/")


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('<a href="three.html">three</a>', "leads to nothing: three.html"),
        ('<a href="one.html#there">there</a>', "leads to nothing: one.html#there"),
        ('<img src="a.png">', "leads to nothing: a.png"),
        ('<a href="../outside.html">out</a>', "leads to nothing: ../outside.html"),
        ("**bold。**text", "a mark that was not understood: **bold。**text"),
        ("[here](one.html)", "a mark that was not understood: [here](one.html)"),
        ("$$x$$", "a mark that was not understood: $$x$$"),
    ],
)
def test_what_leads_to_nothing_is_told(site: Path, more: str, fault: str) -> None:
    (site / "two.html").write_text(f'<p id="there">{more}</p>', encoding="utf-8")
    assert list(check_site.faults(site)) == [f"two.html: {fault}"]


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    assert check_site.main([str(tmp_path)]) == 1
    assert check_site.main([]) == 2
