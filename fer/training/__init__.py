"""Training: a recipe and a dataset become a run, a folder that outlives the process and the page that started it.

`run` is the folder and its control (no Keras, so a page may import it), `queue` says which run goes when; `worker` is what
happens inside the training process.
"""

from fer.training.queue import enqueue, start_run, vary_run
from fer.training.run import Run, RunNotes
from fer.training.runs import create_run, fine_tuning, list_runs, open_run

__all__ = ["Run", "RunNotes", "create_run", "enqueue", "fine_tuning", "list_runs", "open_run", "start_run", "vary_run"]
