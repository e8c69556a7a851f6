"""The Leads list and the Lead page: what they show, and what is done from them."""
