"""Captions as people look at them and correct them.

edits        the append-only record of what people decided; record_file its file, entry_checksums
             what tells a changed entry
judging      judgements out of cards, also in bulk; fields: a structured answer's, by its schema
index        every image as a card, in a file that may be thrown away; index_file, index_tables
audited      findings of an audit as bits of cards, kept up to date with them
seen_things  what the local captioner saw in pictures
search       filters of an address as SQL; filters their values with counts; library lists and
             details; views cards in words
decisions    what the page asks for, recorded and shown
sheets       captions as CSV or JSON lines, sheet_cells their cells; importing: what people
             changed in them
thumbnails   pictures, made once from the originals
cache        index and pictures, which may be cleaned away
site         the server's answers; gate: who may read and who may change
in_force     rows of the table with the captions that are in force, what is kept, what goes again
"""
