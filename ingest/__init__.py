"""HTTP bodies in, records out. Knows nothing of rules, Faust or alerts."""
