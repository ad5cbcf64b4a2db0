"""Projects: what samples are taken for, and how their tracking ids are made."""
