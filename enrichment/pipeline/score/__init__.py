"""Score: the published scorecard gives a lead its points and its tier, and says why."""
