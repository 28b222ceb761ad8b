"""Card of a data set: README.md with the YAML that Hugging Face reads, then plain words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from pipeline.sinks.exported import PartFacts

CARD = "README.md"


class Card(Struct, frozen=True):
    """Facts of the card.

    Attributes:
        license: identifier of the Hub, "unknown" when nobody named one.
        models: which models wrote the captions, with how many rows each.
        prompts: the templates of the prompts.
        fields: names of the exported fields and what they hold.
        files: pattern of the data files of a split, with `{split}`; "" for an image folder.
    """

    license: str
    models: Mapping[str, int]
    prompts: Sequence[str]
    fields: Mapping[str, str]
    files: str = ""

    def text(self, parts: Iterable[PartFacts]) -> str:
        """Text of the card for what was exported."""
        rows: Counter[str] = Counter()
        for part in parts:
            rows[part.split] += part.rows
        head = ["---", f"license: {json.dumps(self.license)}", *self._configs(rows), "---", ""]
        body = [
            "# Captions",
            "",
            f"{sum(rows.values())} pictures with captions, made by captionmill.",
            "",
            *(f"- split `{split}`: {count} rows" for split, count in sorted(rows.items())),
            *(f"- captioned by `{name}`: {count} rows" for name, count in self.models.items()),
            "",
            "## Fields",
            "",
            *(f"- `{name}`: {words}" for name, words in self.fields.items()),
        ]
        for prompt in self.prompts:
            body += ["", "## Prompt", "", *(f"    {line}" for line in prompt.splitlines())]
        return "\n".join([*head, *body]) + "\n"

    def _configs(self, rows: Mapping[str, int]) -> list[str]:
        if not self.files:
            return []
        lines = ["configs:", "- config_name: default", "  data_files:"]
        for split in sorted(rows):
            path = json.dumps(self.files.format(split=split))
            lines += [f"  - split: {json.dumps(split)}", f"    path: {path}"]
        return lines
