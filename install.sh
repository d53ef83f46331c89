#!/usr/bin/env bash
# Install agentrl into .venv of this folder. Where no NVIDIA GPU is found, take a CPU build of torch (0.2 GB)
# instead of the default one, which brings several GB of CUDA libraries.
#   ./install.sh          what the main job needs
#   ./install.sh dev      and what the tests need
# Choose the interpreter with PYTHON=python3.12, the folder with VENV=...
set -euo pipefail
cd "$(dirname "$0")"
venv="${VENV:-.venv}"
torch=2.13.0

"${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "install.sh: agentrl needs Python 3.11 or newer; name one with PYTHON=python3.12 ./install.sh" >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check -q "$@"; }

if ! "$venv/bin/python" -c "import torch, sys; sys.exit(not torch.__version__.startswith('$torch'))" 2>/dev/null; then
    if [ "$(uname)" = Linux ] && ! command -v nvidia-smi >/dev/null; then
        # pip where its sources hold the CPU build; else uv, which knows where PyTorch keeps it; else the default.
        pip install "torch==$torch+cpu" 2>/dev/null ||
            { pip install uv && "$venv/bin/uv" pip install -q --python "$venv/bin/python" --torch-backend=cpu "torch==$torch"; } ||
            pip install "torch==$torch"
    else
        pip install "torch==$torch"
    fi
fi
pip install -e .
if [ "${1:-}" = dev ]; then
    pip install "pip>=25.1"
    pip install --group dev
fi
