"""What a routine of Clay's public API is given of a lead, and what its results mean in our columns.

fields  → ours that can be given, and names under which routines commonly ask and answer
setup   → the routine in use and its mapping: read, checked, saved
items   → a lead as an item of a run
results → an item's result as a row of the mirror
"""
