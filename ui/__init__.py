"""What two or more pages share: the frame, the active dataset and model, words, charts, galleries. Only `fer` lies below it."""
