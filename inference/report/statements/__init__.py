"""What a prediction says of each label of the model: the findings, sizes and probabilities that every result states alike."""
