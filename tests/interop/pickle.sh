#!/bin/sh
# pickle.sh - this machine's Python, or $PYTHON, against crq's pickle codec.
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
    echo "1..0 # SKIP there is no $python"
    exit 0
fi
exec "$python" "${srcdir:-.}/tests/interop/pickle_peer.py" \
    tests/interop/pickle_peer
