#!/usr/bin/env bash
# pytest-xdist 3.8.0 under pytest 9.2.0: `--dist loadgroup` runs, and passes, but no longer groups.
# Tests of one xdist_group, which should share a worker, go to both. Under pytest 9.1.1 they stay together.
# Upstream: pytest-dev/pytest-xdist issue 1386. Whose tests share a kernel or a server sees them fail at random.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv

cat > test_group.py <<'PYTHON'
import pathlib
import time

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(10))
def test(number, worker_id):
    time.sleep(0.1)
    pathlib.Path(f"ran_on_{worker_id}").touch()
PYTHON

workers_with() {
  venv/bin/pip install --quiet "pytest==$1" pytest-xdist==3.8.0
  rm -f ran_on_*
  venv/bin/python -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup > log || { cat log; exit 1; }
  ls ran_on_* | wc -l
}

for version in 9.1.1 9.2.0; do
  workers=$(workers_with "$version")
  echo "pytest $version: the group ran on $workers worker(s)"
  [ "$workers" = $([ "$version" = 9.1.1 ] && echo 1 || echo 2) ]
done
