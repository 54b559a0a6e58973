"""What can be asked of an audit: `--set path=value`, or a group of settings in Python."""

from __future__ import annotations

from pydantic import Field

from textwright.core.settings import Settings


class AuditSettings(Settings):
    """What to audit, and how."""

    task: str | None = Field(
        None, description="classify, multilabel, score, translate, summarize or text; guessed when not given"
    )
    text: str | None = Field(None, description="the column of the text")
    label: str | None = Field(None, description="the column of the label or score")
    source: str | None = Field(None, description="the column of the sources of pairs")
    target: str | None = Field(None, description="the column of their targets")
    split: str | None = Field(None, description="the column that says to which part a row belongs")
    groups: list[str] | str = Field(
        default_factory=list,
        description="groups of people: lexicon:en, lexicon:zh, the name of a column, or a YAML file of terms",
    )
    positive: str | None = Field(
        None, description="the label that counts as a hit in rates by group; chosen when not given"
    )
    origin: str | None = Field(None, description="the column that says where a row comes from")
    licence: str | None = Field(None, description="the column of the licence of each row")
    annotators: list[str] = Field(
        default_factory=list, description="columns with the label of one annotator each"
    )
    window: int | None = Field(
        None,
        ge=1,
        description="tokens that a model would read, to see what is cut; a word or a Han character is one",
    )
    patches: str | None = Field(
        None, description="the folder of an audit: its patches change the rows before they are audited"
    )
    remembered: str | None = Field(
        None, description="a file of verdicts on findings, one a line; what is legitimate is no finding"
    )
    checks: list[str] | str = Field("all", description="fast, all, or the ids of checks")
    seed: int = Field(0, ge=0, description="of all that is drawn at random")

    @property
    def groups_from(self) -> tuple[str, ...]:
        return (self.groups,) if isinstance(self.groups, str) else tuple(self.groups)
