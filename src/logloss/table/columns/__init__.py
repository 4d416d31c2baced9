"""A table as it came: typed columns or a matrix, with names and a place for each row."""
