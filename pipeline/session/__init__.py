"""Open workspace, and everything that the configuration decides, made once.

session           Session: the workspace locked, its ledger open, its service reached
reading           a session that writes nothing into the workspace, also of a read-only one
account           the account that captions, its key and its workspace
places            where a workspace lies when nobody names its folder
workspace_ledger  the workspace's ledger, locked and bound to its account
run_log           number and log of a run
service           the service, or the built-in server
settings          RunSettings: all that stages and commands go by, from a configuration
output_settings   files that a run writes, and texts that it finds
batch_settings    rules of shards and batches; online_settings  pace of online requests
engines           engines that prepare images, by the settings
workers           workers of a cluster, as `captionmill status` shows them
spec              CaptionSpec: model, prompt, preparation and price as one identity
repeated_tokens   tokens of the texts that every request repeats, remembered
spec_factory      specs of the configured model, and of changes to it
refused_requests  requests that the service must refuse, found before anything is sent
refused_form      whether requests of a form were ever answered, or refused as they stand
sizings           sizes and details in which images are sent to a model
caps              caps in force, also those that are remembered
budget            what is left under the caps, and what is said about them
audit             rules by which captions are audited; sure_things what the local model sees
templates         templates of requests, of first and further attempts
inputs            the sources that the user named; columns  what they carry, against the prompt
source_run        what commands that prepare images do before anything is sent
recall            what only the table of a lost ledger tells, which former_table reads
arrivals          manifests that come through a pipe or lie in object storage, copied first
reviewed          what people judged: not sent again, or sent again
model_check       the model's name, checked by the service's own list
confirm           the price, confirmed before it is spent
online            captioning without batches
record            a run's row, log and summary, and the notice of its end
existing_texts    images left at the texts that they have
beside            captions as text files beside their images
finish            the end of every run: table, counts, cleaning up
mirror            what another machine needs to go on, in object storage; run_mirror  of a session
mirrored_reviews  the record of edits there, from commands that send nothing
publish           outputs that go to object storage
publish_export    exports that go to object storage
thumbnails        pictures of the review and of reports, from originals wherever they are
report            what a run came to: report_figures, as report_lines and as report_html
notebook          progress in notebooks
checks            sentences about answers that look wrong
export_rows       rows of the table as exports see them
"""
