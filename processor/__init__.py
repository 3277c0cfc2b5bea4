"""Records in, alerts out: one engine for every mode (Kafka, one process, a file, tests)."""
