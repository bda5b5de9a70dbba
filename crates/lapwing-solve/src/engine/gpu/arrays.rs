//! What the kernels are given: arrays on the card, and numbers of one command.

use bytemuck::{Pod, Zeroable};

/// Numbers of one command, as the kernels name them.
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Params {
    pub members: u32,
    pub count: u32,
    pub tiles: u32,
    pub tile_count: u32,
    pub first: u32,
    pub slot: u32,
    pub pieces: u32,
    pub per_piece: u32,
    pub mode: u32,
    pub step: u32,
    pub held: u32,
    pub light: u32,
    pub next_light: u32,
    pub background: f32,
    pub background_share: f32,
    pub weight: f32,
    pub floor: f32,
    pub floor_power: f32,
    pub factor: f32,
    pub probe_factor: f32,
    pub trial_product: f32,
    pub trial_wave: f32,
    pub keep_product: f32,
    pub keep_before: f32,
    pub keep_after: f32,
    pub share_product: f32,
    pub share_before: f32,
    pub share_after: f32,
    pub shares: u32,
}

/// Arrays on the card, in the order of their bindings from number 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Array {
    Batch,
    Measured,
    Tables,
    Pixels,
    Object,
    Lights,
    Probe,
    Sums,
    Partials,
    Waves,
    Probes,
    Chi,
    Outs,
}

impl Array {
    pub const ALL: [Self; 13] = [
        Self::Batch,
        Self::Measured,
        Self::Tables,
        Self::Pixels,
        Self::Object,
        Self::Lights,
        Self::Probe,
        Self::Sums,
        Self::Partials,
        Self::Waves,
        Self::Probes,
        Self::Chi,
        Self::Outs,
    ];

    /// Whether kernels only read it.
    pub fn is_given(self) -> bool {
        matches!(self, Self::Batch | Self::Measured | Self::Tables | Self::Pixels)
    }
}
