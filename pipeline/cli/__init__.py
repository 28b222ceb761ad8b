"""Command line: parse, call one function, print its report, choose the exit code.

app         the group of commands, each imported when it is called
refused     the notice of a command line that is refused
options     options that several commands share
progress    bars on a terminal, a line a minute elsewhere
console     what a person sees while a command runs
reporting   a report printed, and its exit code

One module for each command of `pipeline.commands`: run, submit, collect, write, listen; estimate,
dedupe, init, pilot, one; status, spend, report, verify, review, audit, export, sources; retry,
recaption, cancel, resolve, clean, rebuild. Some have none there: config shows the configuration in
force, serve runs the built-in server, help shows a text of `topics`, completion a shell's script.
"""
