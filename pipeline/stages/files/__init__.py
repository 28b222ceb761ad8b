"""Requests and answers as files, without a service.

hand_out   sealed shards as files that somebody else runs, and taken back again
merge      answers from files, wherever they come from
"""
