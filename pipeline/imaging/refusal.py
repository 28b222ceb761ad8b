"""The exception by which a decoder says that an image cannot be prepared."""

from __future__ import annotations


class Refusal(Exception):
    """An image cannot be prepared. Never leaves this package: `prepare` makes it a RejectedImage.

    Attributes:
        code: one of `pipeline.core.reasons.REASONS`.
        detail: what is particular to this image, often a library's words.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
