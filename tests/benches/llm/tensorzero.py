"""TensorZero's HTTP gateway, started from its Python package; prints where it listens."""

import sys
import time
from urllib.parse import urlsplit

from tensorzero.tensorzero import _start_http_gateway

gateway = _start_http_gateway(
    config_file=sys.argv[1],
    clickhouse_url=None,
    postgres_url=None,
    valkey_url=None,
    async_setup=False,
)
print(urlsplit(gateway.base_url).netloc, flush=True)
while True:
    time.sleep(3600)
