//! From a number to a colour: five maps of 256 colours each.
//!
//! [`Colormap::Viridis`], [`Colormap::Magma`] are the perceptually uniform maps of van der Walt and
//! Smith (CC0), here from the `colorous` crate; [`Colormap::Grey`] is linear in sRGB code values,
//! which is close to linear in lightness.
//!
//! [`Colormap::Error`] runs from near white (no error) to dark red in equal steps of Oklab
//! lightness.
//!
//! [`Colormap::Cyclic`] is for phases. A cyclic map must close (the colours of -pi and +pi are the
//! same), must not have a visible seam, and should distinguish +phi from -phi also for people with
//! red-green colour blindness. It is an ellipse in the Oklab space (Ottosson 2020) around a mid
//! grey: lightness carries cos(phi) (light at 0, dark at +-pi) and an axis from blue to orange
//! carries sin(phi), walked at equal arc length, so that equal steps of phase are equal perceived
//! steps.

use std::f64::consts::TAU;
use std::sync::LazyLock;

/// A red, green, blue triple of sRGB code values.
pub type Rgb = [u8; 3];

/// Colour of text, axes and outlines.
pub(crate) const INK: Rgb = [0x22, 0x26, 0x2b];
/// Colour of what is drawn on.
pub(crate) const PAPER: Rgb = [255; 3];

/// A colour map; see the [module documentation](self) for where each comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colormap {
    /// Dark blue over green to yellow; for amplitudes.
    Viridis,
    /// Black over purple to pale yellow; for phases without wraps, and patterns.
    Magma,
    /// Black to white.
    Grey,
    /// Near white to dark red; for magnitudes of errors, where white is none.
    Error,
    /// Light, orange, dark, blue, light; for wrapped phases, light at 0.
    Cyclic,
}

static TABLES: LazyLock<[[Rgb; 256]; 5]> = LazyLock::new(|| {
    let sequential = |gradient: colorous::Gradient| {
        std::array::from_fn(|i| {
            let colour = gradient.eval_rational(i, 256);
            [colour.r, colour.g, colour.b]
        })
    };
    [
        sequential(colorous::VIRIDIS),
        sequential(colorous::MAGMA),
        std::array::from_fn(|i| [i as u8; 3]),
        error_table(),
        cyclic_table(),
    ]
});

impl Colormap {
    /// All maps.
    pub const ALL: [Self; 5] = [Self::Viridis, Self::Magma, Self::Grey, Self::Error, Self::Cyclic];

    /// The name that pictures carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Grey => "grey",
            Self::Error => "error",
            Self::Cyclic => "cyclic",
        }
    }

    /// The 256 colours, lowest value first. For [`Cyclic`](Self::Cyclic) entry i stands for the
    /// phase -pi + 2 pi i / 256, so that the map closes without a doubled colour.
    pub fn table(self) -> &'static [Rgb; 256] {
        &TABLES[match self {
            Self::Viridis => 0,
            Self::Magma => 1,
            Self::Grey => 2,
            Self::Error => 3,
            Self::Cyclic => 4,
        }]
    }

    /// The colour of `t` in [0, 1]; values outside are clamped, except that the cyclic map repeats.
    ///
    /// `t` must not be NaN to be meaningful; a NaN gets the first colour.
    pub fn at(self, t: f32) -> Rgb {
        let index = if self == Self::Cyclic {
            ((t - t.floor()) * 256.0).round() as usize % 256
        } else {
            (t.clamp(0.0, 1.0) * 255.0).round() as usize
        };
        self.table()[index]
    }
}

/// The colours of a map, from 0 to 1, as CSS draws them from left to right.
pub fn css_gradient(colour: &dyn Fn(f32) -> Rgb) -> String {
    let colours = (0..=16).map(|i| {
        // One turn of a cyclic map ends where it began.
        let [r, g, b] = colour(i as f32 / 16.0);
        format!("#{r:02x}{g:02x}{b:02x}")
    });
    format!("linear-gradient(to right,{})", colours.collect::<Vec<_>>().join(","))
}

/// From near white to dark red along a straight line in Oklab lightness with a bow of chroma.
fn error_table() -> [Rgb; 256] {
    std::array::from_fn(|i| {
        let t = i as f64 / 255.0;
        let lightness = 0.98 - 0.68 * t;
        // Chroma rises to its greatest where sRGB holds most red, and the hue turns from yellow to
        // red.
        let chroma =
            0.17 * (std::f64::consts::PI * t.powf(0.8)).sin().powf(0.8).max(0.0) + 0.05 * t;
        let hue = (75.0 - 50.0 * t.sqrt()).to_radians();
        oklab_to_srgb(lightness, chroma * hue.cos(), chroma * hue.sin())
    })
}

/// The ellipse of the module documentation, entry i for the phase -pi + 2 pi i / 256.
fn cyclic_table() -> [Rgb; 256] {
    const FINE: usize = 8192;
    let point = |turn: f64| {
        let (sine, cosine) = (turn * TAU).sin_cos();
        let (axis_b, axis_a) = 55f64.to_radians().sin_cos();
        (0.59 + 0.31 * cosine, 0.125 * sine * axis_a, 0.125 * sine * axis_b)
    };
    let mut length = Vec::with_capacity(FINE + 1);
    let (mut total, mut last) = (0.0, point(-0.5));
    length.push(0.0);
    for i in 1..=FINE {
        let next = point(-0.5 + i as f64 / FINE as f64);
        total +=
            ((next.0 - last.0).powi(2) + (next.1 - last.1).powi(2) + (next.2 - last.2).powi(2))
                .sqrt();
        length.push(total);
        last = next;
    }
    std::array::from_fn(|i| {
        let wanted = total * i as f64 / 256.0;
        let place = length.partition_point(|&l| l < wanted);
        let (l, a, b) = point(-0.5 + place as f64 / FINE as f64);
        oklab_to_srgb(l, a, b)
    })
}

/// Oklab to sRGB code values, clipped to the gamut (B. Ottosson, "A perceptual color space for
/// image processing", 2020).
pub(crate) fn oklab_to_srgb(lightness: f64, a: f64, b: f64) -> Rgb {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let code = if value <= 0.003_130_8 {
            12.92 * value
        } else {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        };
        (code * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The other way round, written from the same definition; a round trip tests both.
    fn srgb_to_oklab(colour: Rgb) -> [f64; 3] {
        let [r, g, b] = colour.map(|code| {
            let code = f64::from(code) / 255.0;
            if code <= 0.040_45 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) }
        });
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    fn distance(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (srgb_to_oklab(a), srgb_to_oklab(b));
        a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn oklab_of_known_colours() {
        // White, and Ottosson's own pair for sRGB red.
        assert_eq!(oklab_to_srgb(1.0, 0.0, 0.0), [255; 3]);
        assert_eq!(oklab_to_srgb(0.627_955, 0.224_863, 0.125_846), [255, 0, 0]);
        for colour in [[12, 200, 77], [250, 128, 3], [90, 90, 90]] {
            let [l, a, b] = srgb_to_oklab(colour);
            assert_eq!(oklab_to_srgb(l, a, b), colour);
        }
    }

    #[test]
    fn sequential_maps_get_steadily_lighter_or_darker() {
        for (map, sign) in [
            (Colormap::Viridis, 1.0),
            (Colormap::Magma, 1.0),
            (Colormap::Grey, 1.0),
            (Colormap::Error, -1.0),
        ] {
            let lightness: Vec<f64> =
                map.table().iter().map(|&c| sign * srgb_to_oklab(c)[0]).collect();
            assert!(lightness.windows(8).all(|w| w[7] > w[0]), "{map:?}");
        }
        assert_eq!(Colormap::Viridis.at(0.0), [68, 1, 84]);
        assert_eq!(Colormap::Viridis.at(2.0), [253, 231, 37]);
    }

    #[test]
    fn cyclic_map_has_no_seam_and_even_steps() {
        let table = Colormap::Cyclic.table();
        // Sixteen entries apart, so that rounding to code values does not matter.
        let steps: Vec<f64> = (0..256).map(|i| distance(table[i], table[(i + 8) % 256])).collect();
        let (low, high) = steps.iter().fold((f64::MAX, 0f64), |(l, h), &s| (l.min(s), h.max(s)));
        assert!(high / low < 1.25, "{low} to {high}");
        assert_eq!(Colormap::Cyclic.at(0.0), Colormap::Cyclic.at(1.0));
    }

    #[test]
    fn cyclic_map_tells_signs_apart() {
        let table = Colormap::Cyclic.table();
        assert!(distance(table[128 + 64], table[128 - 64]) > 0.2);
        assert!(srgb_to_oklab(table[128])[0] > 0.85 && srgb_to_oklab(table[0])[0] < 0.35);
    }
}
