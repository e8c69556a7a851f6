"""Connect a routine of Clay's public API: its id and mapping, its webhook, and a run of one lead to see what comes."""
