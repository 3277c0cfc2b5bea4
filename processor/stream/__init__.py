"""The engine in a Faust app, which is to come; what is here is the part that knows neither Faust nor Kafka."""
