"""A CT phantom of the trunk: our own anatomy, so that a package and a demo need nobody's data."""
