"""The ledger: what was seen, prepared, sent, received and paid. The only SQL of the product.

database.py  connection, transactions, migrations
schema.py    the tables and the constraints that make the promises structural
images.py    sources, folders and images as last seen
likeness.py  pictures that look alike
works.py     identities: originals, contents, preparations, works
shards.py    shards, their items and batches
audit.py      what `verify` asks
adoption.py  what an older or lost ledger meets at the service
books.py     reservations, exposure, caps
answers.py   settling: results and charges in one transaction
rows.py      what the table and the reports read
"""

from pipeline.ledger.database import Database
from pipeline.ledger.store import Ledger

__all__ = ["Database", "Ledger"]
