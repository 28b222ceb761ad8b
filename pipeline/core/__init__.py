"""Pure decisions: no clock, no disk, no network, no SQL. What is decided here is done elsewhere.

Identity, and what becomes of a request:

identity         spec_id, work_key and custom_id: the hashes that decide what has been paid for
id_positions     positions of many custom_ids in little memory
outcomes         every outcome: paid or not, may it go again, how often, what to do
reasons          every code of a reason: its words, who gives it, what to do
retry            whether a request goes again, and which of two answers is shown
dialects         words of `[provider] dialect`: uploads and lists
provider_kinds   words of `[provider] name`, and what follows from each
advice           a refusal or failure in words that say what to do
lifecycle        the batch life cycle: adopt, hold, create again, download, cancel
twins            another copy of the workspace at work, told from a restored backup
batch_results    whether a batch's files explain all its requests, and how long to wait for it
run_round        the step of a run after each look at the service: write, pause, end
poll_pace        when a waiting run looks at the service again
due              whether none of the images that were due in a run got a caption
losses           images that a source has no more: gone, or a disk that is not there
batch_errors     errors of a batch service, by code and text
download         answers of a host to a download: keep, try again, give up
host_health      whether a host may be asked for images, and when

Requests and answers:

wire_format      shapes of a service: requests, answers, counting of tokens
prompt           a template with a manifest's columns put in
image_metadata   metadata of pictures that a prompt may name: exif, iptc, and XMP's
request_form     what a service may refuse all requests alike for
request          the JSON body of a request, the line of a batch file
answer_lines     lines of files, many at a time or each with its place
answer_body      the body of a single answer, unpacked, decoded, put together from a stream
answer           a line of an output file as an outcome, caption, fields, usage
ordinary_answers  ordinary lines of an output file, read quickly by their types
json_schema      JSON schemas: references, choices, what is sent of them
schema_values    JSON values against a schema: converted, or refused
answer_schema    the fields of a structured answer in the types of its schema
reading_rules    the versions of the rules by which lines are read
reply            text, refusal and ending of an answer's body
thoughts         a model's thoughts before its answer, taken off
structured       the caption and fields of a structured answer
line_failure     what a line without an answer says, and whether it ran
skipped_files    files that are no images, by the words they are counted under
size_refusal     refusals of requests that are too large
printable        a service's words, bounded and printable
usage            the tokens of an answer as either endpoint reports them
batch_times      when a batch may end, from how long others took
batch_usage      the service's own sums of a batch's tokens against those of its lines
endings          the words with which services say why an answer ended
service_words    the words of dialects: endings, usage, members of errors
service_error    an error inside a body, in any of the shapes that services give it
online           answers of online requests as lines, and the journal of those in flight
background       responses that are accepted at once and read by their id later
event_stream     server-sent events out of bytes
streamed         a streamed chat completion, put together again
lenient_json     JSON from elsewhere, and texts that UTF-8 can hold
rate_limit       when the next online request may go
limit_headers    what a service says of its limits
pauses           how long a service asks to wait
refusal_streak   requests that are refused one after another for one reason

Sizes, tokens and money:

recipe           how an image is prepared, and what is refused before it is decoded
sizing           the size that an image is sent in; size_limits  by a model's rule
image_tokens     the service's own arithmetic of image tokens
text_tokens      tokens of a text: counted by a vocabulary, or estimated
tokens           tokens of a request: expected, and a bound
calibration      bills so far against what was counted
cost_estimate    cost of a request: expected, and at most
pricing          price sheets, and what the tokens of a line cost
catalogue        the one schema of models and prices
model_facts      what is known about a model
spending         charges summed by day, model and the like; openmetrics writes them for Prometheus
budget           caps, exposure, headroom
budget_words     budgets in sentences: which cap, how much is left, what to type
packing          when a shard is full
sampling         the images of a pilot, and what their cost says about all

Images and tables:

address          internet addresses that may be contacted
url_image        images that are sent as their addresses
stored_address   addresses of originals that a reader brings here
near_duplicates  pictures that look alike; near_hashes  pairs of hashes that differ in few bits;
                 near_representatives  those that stand for others
selection, splits  which rows are exported, in which split and part
export_kinds     words of `export --to`, and the options that each heeds
sheets           pages and the like, compared in more detail
audit            kinds of findings about captions, and rules for captions beside each other
caption_checks   findings about one caption: caption_phrases what none should hold,
                 caption_words words and languages, caption_tokens what CLIP and T5 read;
                 caption_sketch numbers by which near-identical ones meet
thing_words      words by which captions name things
judgements       what people decided about captions, and which of it is in force
table, charges, rejects, sidecar_texts   columns of captions, charges, rejects, texts beside images
further_columns  columns of fields and manifests; cells  what a column shows of the ledger's rows
cell_values      cells from what the ledger says of many rows at once
paging           pages of bounded length and size
table_page       those rows, held by columns; page_columns  columns that are held shorter
table_form       what the configuration decides about the table
existing_text    texts that images have already, and which of them are ours
xmp              XMP packets, read and written
text_form        the form of texts beside images
encodings        encodings of texts that people made
formulas         cells of a CSV that no spreadsheet runs
words, charts    numbers in sentences; as bars
"""
