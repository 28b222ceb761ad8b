"""One command a module, called by the command line and by programs alike.

run, submit, collect    caption a source; its two halves for later
estimate, dedupe        costs of what is new; near-duplicates. Nothing is sent
init                    a configuration for a folder
pilot                   a sample first; pilot_sample what it takes, pilot_findings its
                        measurements, pilot_page its page
one                     single images outside of any workspace; image_loader makes them ready,
                        one_request sends, judges and prices
write                   requests as files that somebody else runs
listen                  webhooks that start a collect
status, verify          a workspace at a glance; whether all is well with it, and
                        verify_originals with the images themselves
spend                   money by day, model and the like
report                  a page about it all; html_file: pages that need nothing else
review, review_sheet    captions looked at, judged and corrected: on a page; as sheets;
                        review_index what both read
audit                   what is remarkable about captions; audit_pictures what the
                        local model sees and they do not name
export                  the table, or all charges, anew
export_to               captions and pictures for other programs; export_formats their names,
                        export_xmp for photo libraries,
                        export_push uploads one
sources                 sources of a workspace by name: listed, forgotten, joined
read_captions           the table as a DataFrame
retry, cancel, resolve  decisions of a person
clean, rebuild          files removed that nobody needs; a lost ledger made again
"""
