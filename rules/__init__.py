"""Falco's rule language for Kubernetes audit events: rule text in, matches out.

Pure: no I/O, clock, log or await. The phases of a load are its files, in order: reader, collector, compiler (over
resolver and checker), selection; `interpreter` is what a condition means, `ruleset` what the rest of the project calls.
"""
