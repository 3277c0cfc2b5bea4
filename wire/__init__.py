"""What both ends of Kafka must agree on. Imports nothing of ours; every other package may import it."""
