#!/usr/bin/env bash
# JAX 0.10.2: a process that has called `jax.distributed.initialize`, even a single one of its kind, no longer ends by
# SIGTERM, which is what `kill`, `timeout` and job schedulers send. JAX takes the signal for a notice of preemption, logs
# it, and the program goes on. `signal.signal(signal.SIGTERM, signal.SIG_DFL)` afterwards gives the signal its effect
# back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jax==0.10.2

cat > ended.py <<'PYTHON'
import os
import signal
import sys
import time

import jax

if "joined" in sys.argv:
    jax.distributed.initialize(f"localhost:{sys.argv[1]}", 1, 0)
if "default" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(2)
print("goes on", flush=True)
os._exit(0)
PYTHON

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
for case in "" joined "joined default"; do
  status=0
  # shellcheck disable=SC2086
  venv/bin/python ended.py "$port" $case > out 2> log || status=$?
  echo "${case:-alone}: $(cat out) $status"
done | tee seen
diff seen - <<'EXPECTED'
alone:  143
joined: goes on 0
joined default:  143
EXPECTED
