"""Running the pipeline on a data set: from its trials to a score file."""
