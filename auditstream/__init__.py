"""The command `auditstream` and its one-process modes: composition only, no logic of its own."""
