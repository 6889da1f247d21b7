#!/bin/sh
# Makes .venv with the locked versions, or says the one command that helps. Called by make; safe to repeat.
set -eu
cd "$(dirname "$0")/.."

python=""
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python="$candidate"
        break
    fi
done

# As root on Debian or Ubuntu the missing package is installed; anybody else is told the command.
need() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "setup: $* is missing. Run this once, then repeat the command:" >&2
        echo "    sudo apt-get install -y $*" >&2
        exit 1
    fi
}

if [ -z "$python" ]; then
    # Ubuntu 22.04 has an older python3, and 3.11 beside it.
    if command -v python3 >/dev/null 2>&1; then
        need python3.11 python3.11-venv
        python=python3.11
    else
        need python3 python3-venv
        python=python3
    fi
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "setup: Python 3.11 or newer is needed, found $("$python" --version)" >&2
        exit 1
    }
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    need "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
fi

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv .venv
fi
echo "setup: installing the locked packages (about a minute on a fresh machine)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
touch .venv/ready
