"""Links to files of the project outside of docs, as ../../SECURITY.md: the page offers the file itself."""

from __future__ import annotations

from os.path import relpath
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class Leaving(SphinxTransform):
    """MyST takes ../NAME.md for a page, and a page outside of docs for a fault."""

    default_priority = 100

    def apply(self, **options: Any) -> None:
        for link in list(self.document.findall(addnodes.pending_xref)):
            target = Path(self.env.srcdir, f"{link['reftarget']}.md").resolve()
            if link.get("refdomain") != "doc" or target.is_relative_to(Path(self.env.srcdir)):
                continue
            if target.is_file():
                name = relpath(target, Path(self.env.doc2path(self.env.docname)).parent)
                text = nodes.literal("", link.astext(), classes=["xref", "download"])
                link.replace_self(addnodes.download_reference("", "", text, reftarget=name))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(Leaving)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
