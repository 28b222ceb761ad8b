"""Requests and answers as files, without a service.

hand_out     sealed shards as files that somebody else runs, and taken back again
answer_file  files of answers in other clothes, as lines
merge        answers from files, wherever they come from
"""
