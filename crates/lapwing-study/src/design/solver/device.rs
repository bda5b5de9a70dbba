//! Where a reconstruction is computed.

use lapwing_solve::{choice, options};

choice! {
    /// Where a reconstruction is computed. The same answer up to rounding comes of all.
    #[derive(Default)]
    pub enum DeviceChoice {
        /// On a graphics card where there is a real one and the reconstruction is long enough to
        /// pay for it, else on the processor.
        #[default]
        Auto = "auto",
        /// On the processor.
        Cpu = "cpu",
        /// On the first graphics card.
        Gpu = "gpu",
        /// On graphics card 0, as `lapwing devices` counts them, and so on.
        Gpu0 = "gpu:0",
        /// On card 1.
        Gpu1 = "gpu:1",
        /// On card 2.
        Gpu2 = "gpu:2",
        /// On card 3.
        Gpu3 = "gpu:3",
        /// On card 4.
        Gpu4 = "gpu:4",
        /// On card 5.
        Gpu5 = "gpu:5",
        /// On card 6.
        Gpu6 = "gpu:6",
        /// On card 7.
        Gpu7 = "gpu:7",
    }
}

impl DeviceChoice {
    /// The words that there are, in words.
    pub fn expected() -> String {
        let (cards, others): (Vec<&str>, Vec<&str>) =
            Self::NAMES.iter().partition(|name| name.contains(':'));
        let numbered =
            cards.first().zip(cards.last()).map(|(first, last)| format!(", or {first} to {last}"));
        format!("{}{}", others.join(", "), numbered.unwrap_or_default())
    }

    /// The number of the graphics card that is asked for.
    pub fn card(self) -> Option<usize> {
        Some(match self {
            Self::Auto | Self::Cpu => return None,
            Self::Gpu | Self::Gpu0 => 0,
            Self::Gpu1 => 1,
            Self::Gpu2 => 2,
            Self::Gpu3 => 3,
            Self::Gpu4 => 4,
            Self::Gpu5 => 5,
            Self::Gpu6 => 6,
            Self::Gpu7 => 7,
        })
    }
}

options! {
    /// Where a reconstruction is computed.
    #[derive(Copy)]
    pub struct DeviceOptions {
        /// Where to compute: auto (a graphics card where there is one and the reconstruction is
        /// long enough to pay for it, else the processor), cpu, gpu (the first card), or gpu:N.
        device: DeviceChoice = DeviceChoice::Auto, Kind::Choice(DeviceChoice::NAMES);
    }
}
