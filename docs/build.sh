#!/usr/bin/env bash
# Builds the documentation site into target/site; open target/site/index.html. A warning is an error.
# Takes the Python that PYTHON names, or a virtual environment of its own under target/.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-target/site-venv/bin/python}
if [ -z "${PYTHON:-}" ] && [ ! -x "$python" ]; then
    python3 -m venv target/site-venv
    "$python" -m pip install --quiet -r docs/requirements.txt
fi
rm -rf target/site
"$python" -m sphinx -q -W --keep-going -n -b html -c docs -d target/site-doctrees . target/site
# What cargo doc has made before belongs to the site; docs/rust-api.md links to it then.
if [ -d target/doc/lapwing_model ]; then
    cp -r target/doc target/site/rust
else
    echo "without the Rust crates, which \`cargo doc --workspace --no-deps\` makes before" >&2
fi
echo "target/site/index.html"
