"""Originals that are not files of this machine, and what brings them here.

readers    protocol of a reader; the registry of schemes; all readers as one
settings   how storage is reached
spool      bytes as local files, without names where the system can
containers/ files inside files
originals  local openable path of any original, for all who do not prepare it
"""

from pipeline.storage.originals import Originals
from pipeline.storage.readers import READERS, Reader, Readers
from pipeline.storage.settings import StorageSettings

__all__ = ["READERS", "Originals", "Reader", "Readers", "StorageSettings"]
