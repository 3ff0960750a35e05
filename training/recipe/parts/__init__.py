"""The sections of a recipe that stand by themselves: what is fitted and how, what is measured, what the package is to be."""
