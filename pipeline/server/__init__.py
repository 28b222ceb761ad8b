"""Loopback server that speaks OpenAI's API: files, batches, completions, a bill and faults.

It is the embedded default (no key, no network) and the independent judge of the product's crash
tests: it keeps its own prices, token rules and batch states, and imports only `pipeline.errors`
and `pipeline.system`.

Starting one      app (a server in a thread), embedded (as a child process), __main__ (the command),
                  settings (durations and limits), service (its parts), clock (its time)
HTTP              routes_files, routes_batches, routes_online, middleware, views (files and batches
                  as JSON), bodies (answers as JSON), streams (as events), refusals (errors)
One request       requests (parsing), schemas (strict schemas), pictures, image_hosts, responder
                  (its answer), families and tokenizer (token rules), prices, rates (limits of a
                  minute)
Later             background (responses that are read by their id)
Batches           validation (of input files), lifecycle (the next step), executor (takes it),
                  lines (one line), publishing (output files), batch_store, file_store, ids
The bill          bill (each answer given, each request seen), database
Faults            faults (the plan), fault_rules (its rules), fault_injector (applies them)
Captions          captioner, model (the classifier: network, weights, labels), detector
                  (detector_network, frozen_graph, detections, coco), onnx_graph, onnx_cache,
                  second_opinion (of the classifier about detections), drawn (drawings are not
                  trusted), phrases, reading (text), image_stats
"""
