"""What two or more pages share: the frame, the active dataset and model, words, charts and galleries. Only `fer` lies below it."""
