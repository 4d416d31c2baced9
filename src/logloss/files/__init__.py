"""Reading and writing files with care: strict JSON, and files that are whole or not there."""
