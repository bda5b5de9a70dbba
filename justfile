# Short names for the common tasks: `just` lists them. Nothing here is needed; each line is a plain command.

_default:
    @just --list

# The main job: simulate, cut into views, reconstruct, compare, report.
study:
    cargo run --release -- study run examples/quick.toml --output quick-study

# The picture of the report in the README, anew from that study.
picture: study
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1180,755 \
        --screenshot=docs/images/quick-study.png "file://$PWD/quick-study/report/index.html"

# The documentation site in target/site, by Sphinx; `just doc` before adds the Rust crates.
docs:
    docs/build.sh

# The pictures of the pages under docs/start, anew from the commands there.
pictures:
    cargo build --release
    docs/pictures.py target/release/lapwing

# What repeats the program in documents and types: tables of options, commands.
tables:
    LAPWING_WRITE_DOCS=1 cargo test -p lapwing-study --test study documents
    LAPWING_WRITE_DOCS=1 cargo test -p lapwing --test suite reference

# All tests.
test:
    cargo test --workspace

# All tests, with the long sweeps that continuous integration runs.
test-long:
    LAPWING_LONG_TESTS=1 cargo test --workspace

# Tests of one crate: `just test-one solve`.
test-one crate:
    cargo test -p lapwing-{{crate}}

# What continuous integration runs.
ci:
    .ci/run

# Format, then lint as continuous integration does.
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Workflows, scripts and recipes by their linters.
lint:
    .ci/lint

# The library's documentation in a browser.
doc:
    cargo doc --workspace --no-deps --open
