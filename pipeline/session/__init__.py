"""An open workspace, and everything that the configuration decides, made once.

session    the workspace locked, its ledger open, its service reached
account    who captions, for which account, with which key
settings   RunSettings: all that stages and commands go by, from a configuration
spec       CaptionSpec: model, prompt, preparation and price of one request as one identity
inputs     the source that the user named
confirm    the price, and the question before it is spent
online     captioning without batches, and what the service has of ours
record     what a run leaves behind: its row, log and summary, and word to its reader
finish     the end of every run: table, counts, cleaning up
report     a run in figures, for people and programs
checks     sentences about answers that look wrong
"""
