"""Titer: a multi-tenant laboratory information management system, served over HTTP."""

__version__ = "0.1.0"
