"""The story of an image, a stage a module, in the order in which things happen.

crawl         a source's folders and images into the ledger; what is unchanged is not read
download      images at URLs into the workspace, before the crawl
preprocess    an image that needs a look to its identity, a reason, or prepared bytes
identify      the same for all images of a source, before anything is written
dedupe        images that look alike grouped, so that one of each group is sent
compare       what the same images would cost in other sizes or under other models
quote         what the new images will cost, before anything is sent
write         prepared images into request lines and shards
submit        shards to the service: reserve, upload, create
reconcile     the service's list against the ledger: adopt, hold, create again
recover       what the ledger does not know, read from batch records and request files
collect       finished batches polled, downloaded and settled
results       raw answer files into answers, priced
batch_record  a file beside the raw answers that tells what a batch was
export        the ledger into the table of captions and the table of charges
prune         downloaded images that nobody needs
clean         files that are no longer needed, here and at the service

runner        all of them overlapped: one run over one source
online/       the same without batches, one request at a time
files/        the same without a service: requests and answers as files

context       ledger, service, workspace, clock and rules of a run
values        the values that several stages share
"""
