"""The floor: vocabulary, facts and durability. Imports nothing of the other packages."""
