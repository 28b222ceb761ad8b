"""Images in, small clean JPEGs out: sniffed, decoded, turned, shrunk, made sRGB, encoded."""

from pipeline.imaging.prepare import Preparer, prepare, prepare_file

__all__ = ["Preparer", "prepare", "prepare_file"]
