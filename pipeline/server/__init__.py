"""The OpenAI-compatible loopback server: files, batches, completions, its own bill and faults.

It is the embedded default (no key, no network) and the independent judge of the product's crash
tests, so it imports nothing of the product but `pipeline.errors` and `pipeline.system.files`.

    app.LoopbackServer  a server in a thread        embedded.embedded_server  a server as a child
    clock.Clock         its time                    books.Books               its bill
    faults.FaultPlan    what goes wrong on purpose  settings                  pace and limits
"""
