"""Organizations, the plans they are on, and what a month has used of them."""
