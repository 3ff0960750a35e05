"""The receiver on the stock reactors of pynetdicom."""
