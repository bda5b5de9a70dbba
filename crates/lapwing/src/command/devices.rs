//! `lapwing devices`: what reconstructions can be computed on.

use crate::output::{Output, counted};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

/// List what reconstructions can be computed on
///
/// The numbers are those of --device gpu:N. Where nothing is said, long reconstructions are
/// computed on graphics card 0 if it is a card of its own, else on the processor. A program that
/// stands in for a card is listed, too, but taken only when it is asked for.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lapwing devices\n  \
    lapwing reconstruct scan.npz --output result --device gpu:0")]
pub struct Devices {}

impl Devices {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let threads = rayon::current_num_threads();
        let cards = cards();
        let mut words = format!("cpu    {}", counted(threads, "thread"));
        for (number, card) in cards.iter().enumerate() {
            let text = |key: &str| card[key].as_str().unwrap_or_default().to_owned();
            let kind = match (card["software"] == true, card["discrete"] == true) {
                (true, _) => ", a program on the processor",
                (_, false) => ", shares the processor's memory",
                _ => "",
            };
            let memory = card["memory_bytes"].as_u64();
            let memory = memory.map(|bytes| format!(", {:.1} GB", bytes as f64 / 1e9));
            let (name, interface, driver) = (text("name"), text("interface"), text("driver"));
            let memory = memory.unwrap_or_default();
            let _ = write!(words, "\ngpu:{number}  {name}{kind}{memory}, {interface}, {driver}");
        }
        if cards.is_empty() {
            words
                .push_str("\nno graphics card with a Vulkan, Metal or DirectX 12 driver was found");
        }
        output.result(&json!({ "cpu": { "threads": threads }, "gpu": cards }), words)?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(feature = "gpu")]
fn cards() -> Vec<Value> {
    use lapwing_solve::engine::gpu::GpuInfo;
    let card = |info: GpuInfo| {
        json!({
            "name": info.name,
            "driver": info.driver,
            "interface": info.interface,
            "software": info.software,
            "discrete": info.discrete,
            "memory_bytes": info.memory,
            "largest_array_bytes": info.largest_array,
        })
    };
    GpuInfo::all().into_iter().map(card).collect()
}

#[cfg(not(feature = "gpu"))]
fn cards() -> Vec<Value> {
    Vec::new()
}
