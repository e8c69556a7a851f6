"""The access package (Art. 15): `collect` gathers what the stores gave, `document` says it in the law's order,
`render` sets it as JSON, CSV and HTML, `pdf` as PDF, `files` keeps the files until they expire."""
