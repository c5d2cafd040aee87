"""How networks run in a child process: in one thread, and without keeping memory between two runs."""

import onnxruntime


def session_of(model: bytes | str) -> onnxruntime.InferenceSession:
    """A session over a model, or over the file at a path."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # as fast without, and 40 MB less for hibari
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
