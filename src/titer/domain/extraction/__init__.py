"""Reading results out of laboratory instrument files."""
