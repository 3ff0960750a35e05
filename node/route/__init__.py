"""Finds Studies complete, holds rules against their Series, and asks for jobs; every decision with its reason."""
