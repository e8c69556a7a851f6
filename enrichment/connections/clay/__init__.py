"""Connect Clay: which one somebody has, the set-up step by step, and whether it holds.

choosing   → the ways to Clay and what each can do
switching  → changes the one in use, and says before what becomes of what is on its way
guide      → what is copied into Clay, and the checklist
editing    → the sources that rows are posted to
test_rows  → a row sent through a source to see whether it comes back
overdue    → after how long a lead without a result is overdue, and what then
views      → the pages
"""
