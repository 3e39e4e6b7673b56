"""One recipe a data set."""
