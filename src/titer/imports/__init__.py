"""Bringing in what a laboratory has in files: the catalogue, clients, projects, samples.

A file is read into rows of plain text, each knowing its line; rows become entries of the domain's
services. All of a file comes in, or nothing does, and every row at fault is named.
"""
