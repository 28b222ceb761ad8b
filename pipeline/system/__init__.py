"""Parts that touch the machine.

files       durable writes: whole or absent
workspace   the folder of a ledger and its paths; workspace_lock is held by its writer
regular_file  opening of files that anybody may have put there
network_disk  network file systems, where locks are not reliable
clock       wall time for records, uptime for waiting
signals     stopping on request
secrets     API keys that never show themselves
failpoints  places where a test may kill the process
run_log     events of one run as JSON lines
notify      notices that a run has ended
module_path  the same product in child processes, whatever the folder
bare_package modules of a package without what its __init__ imports for others
late_names  names of a package that are imported when they are first used
plugins     what other packages add by entry points
version     number of the version
collector   the collector of cycles, paused
debounce    a worker that starts soon after the last of several calls
"""
