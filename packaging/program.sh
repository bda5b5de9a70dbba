#!/usr/bin/env bash
# Builds the program for a target and packs it with its licences, completions and manual pages.
#
#     packaging/program.sh x86_64-unknown-linux-musl --no-default-features
#
# Leaves target/packages/lapwing-TARGET.tar.gz (on Windows .zip). PROFILE takes another profile than `release`.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$1
shift
profile=${PROFILE:-release}
if command -v rustup >/dev/null; then rustup target add "$target" >/dev/null; fi
flags=()
case "$target" in
# A program of one file there, too. The configuration's own flags stay: these are added to them.
*windows-msvc) flags=(--config 'build.rustflags=["-C", "target-feature=+crt-static"]') ;;
esac
cargo build --package lapwing --profile "$profile" --locked --target "$target" ${flags[@]+"${flags[@]}"} "$@"

folder=target/$target/$([ "$profile" = dev ] && echo debug || echo "$profile")
program=$folder/lapwing
[ -f "$program" ] || program=$folder/lapwing.exe
rm -rf "target/packages/lapwing-$target"
mkdir -p "target/packages/lapwing-$target"
cp "$program" LICENSE-MIT LICENSE-APACHE README.md "target/packages/lapwing-$target"
# Made by the program itself, where this machine can run it.
if "$program" --version; then
    mkdir -p "target/packages/lapwing-$target/completions"
    for shell in bash zsh fish powershell; do
        "$program" completions "$shell" >"target/packages/lapwing-$target/completions/lapwing.$shell"
    done
    "$program" man --output "target/packages/lapwing-$target/man1" --quiet
fi
cd target/packages
case "$target" in
*windows*) 7z a -bso0 "lapwing-$target.zip" "lapwing-$target" ;;
*) tar -czf "lapwing-$target.tar.gz" "lapwing-$target" ;;
esac
rm -rf "lapwing-$target"
