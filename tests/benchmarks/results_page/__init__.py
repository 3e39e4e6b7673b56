"""Tables and pages of runs whose scores are drawn by a recipe, so that what must come out is known."""
