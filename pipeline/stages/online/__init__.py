"""Requests that are answered at once, in groups that the ledger treats as batches.

captioner    one run: writes groups, reserves, hands them to the dispatcher, settles
dispatcher   sends requests from an event loop of its own, as the rate limiter allows
group        requests with one reservation and one journal
background_dispatcher  dispatcher of requests whose answers come later
awaited      background responses, read by their ids until they are over
background   groups whose responses an earlier run left to be read
journal      what of a group was sent and what was answered, durable before and after
settle       a group closed by its journal, whatever ended it
"""
