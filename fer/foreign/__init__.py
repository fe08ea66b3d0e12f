"""Models that were made elsewhere, so that they answer beside ours, on the same images, under the same checks.

    file (.keras, .h5, .tflite, .onnx) ─ prepare, in a process of its own ─→ network file + facts ─ adopt ─→ bundle
    installed package (`fer`, `deepface`) ─ packages ─→ report

A bundle of that kind carries an `Adapter` in its card: what stands between our faces and labels and what the network takes and
answers. Everything behind a bundle (prediction, evaluation, checks) uses it as any other.
"""
