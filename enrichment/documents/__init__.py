"""What staff decide, as validated documents: the scorecard and the waterfalls. `versions` drafts and publishes them."""
