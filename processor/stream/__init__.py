"""The engine in a Faust app: `auditstream process`. docs/architecture.md has the walk of a record through it."""
