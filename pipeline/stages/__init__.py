"""Stages of captioning, a module each, in the order in which an image passes them.

crawl         a source's folders and images into the ledger; what is unchanged is not read
download      images at URLs into the workspace, before the crawl
recheck       what version 0.1.0 may have prepared wrongly, prepared once more
stale         what becomes of those that were wrong
preprocess    an image that must be read: its identity, a rejection, or prepared bytes
identify      the same for all images of a source, before anything is written
adopted_works works of a lost or older ledger, recognised by their images before that
dedupe        near-duplicates grouped, so that one of each group is sent
compare       costs of the same images in other sizes or under other models
quote         costs of the new images, before anything is sent
write         prepared images into request lines and shards
open_shard    a shard's file until it is sealed; send_limit  how many images a run may send
first_shard   the small shard of a form of request that was never answered
submit        shards to the service: reserve, upload, create
reconcile     the service's list against the ledger: adopt, hold, create again
twins         batches of another copy of the workspace, looked for before each create call
recover       requests that the ledger does not know, read from batch records and request files
collect       batches polled, finished ones downloaded
refused_batches batches that came back refused, after which nothing more is sent
booking       answers of a batch read and charged as its record says
settle        batches whose files are here: final, looked at again, or left to a person
inspection    looks at a terminal batch so far, as the ledger remembers them
results       raw answer files read into priced answers, by answer_pages; read_report what is
              odd about them, line_bills what each costs, first_answers which line counts
whole_endings answers taken as captions once their ending is declared whole
answer_audit  the ledger's answers compared with the raw answers; answer_comparison does one batch
raw_files     output and error files as they came: stored, read, found damaged
mirroring     a second place that keeps what was paid for, as stages use it
batch_record  a file beside the raw answers that describes their batch
export        the ledger into the table of captions
charges_table the table of charges, brought up to date in the same way
changed_table the table brought up to date: only what has changed is read and made
table_facts   what the ledger holds about the tables as they were last written
export_to     captions for other programs, part by part; pictures: what goes with them
prune         downloaded images deleted that nobody needs
clean         files removed that are no longer needed, here and at the service

runner        all of them overlapped: one run over one source
online/       the same without batches, one request at a time
files/        the same without a service: requests and answers as files

context       ledger, service, workspace, clock and rules of a run
waiting       what a run says while it waits
shard_options options of writing shards, and the template of one request
values        the values that several stages share
"""
