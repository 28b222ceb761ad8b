"""Originals that are not files of this machine, and what brings them here.

readers    protocol of a reader; the registry of schemes; all readers as one
settings   how storage is reached; credentials, what the environment and profiles say
place      a place in a bucket, and the one door to obstore
objects    reader of objects; object_key, listing   keys with their stamps; a bucket's keys
plain_s3   S3 spoken plainly, for listings and for keys that obstore cannot name; plain_http
publishing finished files as objects
failures   what went wrong, as a sentence or as one image's rejection
spool      bytes as local files, without names where the system can
containers/ files inside files
originals  local openable path of any original, for all who do not prepare it
"""

from pipeline.storage.originals import Originals
from pipeline.storage.readers import READERS, Reader, Readers
from pipeline.storage.settings import StorageSettings

__all__ = ["READERS", "Originals", "Reader", "Readers", "StorageSettings"]
