#!/usr/bin/env bash
# Coverage-guided fuzzing with libFuzzer on the stable toolchain: run.sh TARGET [libFuzzer's arguments].
#
#     crates/lapwing-files/fuzz/run.sh pickle -runs=1000000
#     crates/lapwing-files/fuzz/run.sh members -max_total_time=600 -fork=2
#
# Targets: archive, members, pickle, hdf5. What is found goes to target/fuzz/found/TARGET; the kept corpus is read, never written: copy
# into corpus/TARGET what is worth keeping. Needs a C++ compiler.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:?"archive, members, pickle or hdf5"}
shift
folder=$(cd ../../.. && pwd)/target/fuzz
# What `cargo fuzz` asks of a nightly compiler, without the sanitizers, which stable does not have.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --quiet --target "$host" --target-dir "$folder" --bin "$target"
mkdir -p "$folder/found/$target" "$folder/grown/$target"
exec "$folder/$host/release/$target" -artifact_prefix="$folder/found/$target/" -dict=words.dict -timeout=5 -rss_limit_mb=1000 \
    "$@" "$folder/grown/$target" "corpus/$target"
