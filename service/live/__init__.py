"""The process that examines what analysts hand in: the dispatcher of `pipelines`, over the service's queue."""
