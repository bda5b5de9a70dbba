#!/usr/bin/env bash
# The version, which is that of the workspace in Cargo.toml.
#
#     packaging/version.sh            prints it
#     packaging/version.sh 0.2.0      sets it, everywhere
#     packaging/version.sh --check    fails where another one stands
set -euo pipefail
cd "$(dirname "$0")/.."

now=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# Files that repeat it, each with the words around it.
repeated=(
    'Cargo.toml|, version = "VERSION" }'
    'CITATION.cff|^version: VERSION$'
    'packaging/conda/recipe.yaml|^  version: "VERSION"$'
)

case "${1:-}" in
"") echo "$now" ;;
--check)
    for row in "${repeated[@]}"; do
        file=${row%%|*} pattern=${row#*|}
        any=${pattern/VERSION/[0-9][0-9.a-z-]*} this=${pattern/VERSION/${now//./\\.}}
        if [ "$(grep -c "$any" "$file")" != "$(grep -c "$this" "$file")" ] || ! grep -q "$this" "$file"; then
            echo "$file: expected version $now, as Cargo.toml has it" >&2
            exit 1
        fi
    done
    grep -q "^## $now" CHANGELOG.md || { echo "CHANGELOG.md: expected a section ## $now" >&2; exit 1; }
    ;;
*)
    sed -i.old "s/^version = \"$now\"/version = \"$1\"/; s/, version = \"$now\" }/, version = \"$1\" }/" Cargo.toml
    sed -i.old "s/^version: $now$/version: $1/" CITATION.cff
    sed -i.old "s/^  version: \"$now\"$/  version: \"$1\"/" packaging/conda/recipe.yaml
    rm -f Cargo.toml.old CITATION.cff.old packaging/conda/recipe.yaml.old
    cargo update --workspace --offline --quiet
    ;;
esac
