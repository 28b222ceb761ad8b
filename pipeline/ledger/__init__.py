"""Ledger: what was seen, prepared, sent, answered and charged. The only SQL of the product.

store            the ledger as the stages use it: one object with all of the others
database         connection, transactions, migrations, an SQLite error in words
read_only_database  reading of SQLite files, also where nothing can be written beside them
page_cache       pages of the file in memory
schema           the tables, and the constraints that make the promises structural

What is written:

images           sources, folders and images as last seen; upsert is its statement for a file
recorded_files   files of a folder as they are recorded, for a crawl that writes what differs
unseen           images that a crawl did not see again, held until they are taken for gone
due              images that were due in this session
known_sources    sources by name: listed, forgotten, joined
specs            specs and recipes
rechecks         pictures that version 0.1.0 may have prepared wrongly
existing_texts   texts that images have already, and which of them we wrote
recording        prepared images, many in one transaction; unrecorded: what waits for it
works            originals, contents, preparations and works
near_duplicates  perceptual hashes, and which content represents which
shards           shards and their items, each arrow of the life cycle
batches          batches as the service shows them; batch_metadata what they carry there
adoption         shards and lines that an older or lost ledger meets at the service
online_groups    groups of online requests
handed_out       shards handed out as files, and the files that come back
reservations     reservations, exposure, caps
answers          settling: answers and charges in one transaction
answer_row       one answer as a row; ordinary_rows: many ordinary ones
insert_rows      insertion of many rows by each statement
settled          an answer with its price, and what the answers of a batch came to
batch_bill       the service's own sums of tokens against those of the answers
unknown_costs    costs that neither an answer nor a record tells
planned          the lines that a batch was made for
settling         the lines of one batch on their way into the tables
single_lines     those lines that go alone
whole_endings    answers taken as captions once their ending is declared whole
queue            how full the service's queue of each model is

What is read:

rows             the rows of the table of captions, counts and sums
row_outcome      the outcome of a row; row_flags  its flags
usual_rows       how most of them are read with fewer values; table_stretch  some in their order
changed_rows     which of them have changed since the last table; changed_rows_schema notes it
text_folders     folders whose texts beside the images are as they are to be
charges          the rows of the table of charges; spending sums them by group
changed_charges  which of them have changed since that was written
captions         files with their captions, for the texts beside them, and with their hashes
places           where images are, in SQL
present_images   numbers of present images
quoted           images as a quote counts and prices them; linked_images  counts by an index alone
samples          images and answers of a pilot
known_originals  whether bytes were prepared before, for a worker process
integrity        damage of the file: pages, rows, indexes, references
audit            what is wrong with the ledger, for `verify`: contradictions in SQL, identities
                 that belong to something else, rows that are not what was closed (seals)
unprovable       the columns in which nobody could tell
"""

from typing import TYPE_CHECKING

from pipeline.system.late_names import late_names

if TYPE_CHECKING:
    from pipeline.ledger.database import Database
    from pipeline.ledger.store import Ledger

__all__ = ["Database", "Ledger"]

_HOMES = {"Database": "pipeline.ledger.database", "Ledger": "pipeline.ledger.store"}

# a worker process looks bytes up, and needs neither
__getattr__ = late_names(__name__, _HOMES)
