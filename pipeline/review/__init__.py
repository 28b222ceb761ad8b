"""Captions as people look at them and correct them.

edits        the append-only record of what people decided; record_file its file
in_force     rows of the table with the captions that are in force, what is kept, what goes again
"""
