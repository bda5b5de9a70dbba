//! Stained cells: the textured object of the study.

use super::canvas::{paint, soft_step};
use super::texture::texture;
use crate::random::{Generator, generator};
use crate::{Complex32, Field};
use ndarray::{Array2, Axis};
use rand::RngExt;
use std::f64::consts::TAU;

/// Rows of tissue that are in memory at a time, whose numbers take as much as the object's twice.
const BAND: usize = 1024;

/// The tissue along the beam: matter that delays light and stain that absorbs it, both from 0 to
/// about 1; some rows of it.
struct Tissue {
    /// The row of the object that is the first one here.
    top: usize,
    density: Array2<f64>,
    stain: Array2<f64>,
}

/// A closed outline r(angle) = radius (1 + sum of a few harmonics), elongated.
struct Outline {
    centre: (f64, f64),
    radius: f64,
    stretch: f64,
    turn: f64,
    harmonics: [(f64, f64); 4],
}

impl Outline {
    fn draw(centre: (f64, f64), radius: f64, wobble: f64, draws: &mut Generator) -> Self {
        let mut harmonic = |order: f64| {
            (wobble / order * draws.random_range(0.3..1.0), draws.random_range(0.0..TAU))
        };
        let harmonics = [harmonic(2.0), harmonic(3.0), harmonic(4.0), harmonic(6.0)];
        Self {
            centre,
            radius,
            stretch: draws.random_range(0.86..1.16),
            turn: draws.random_range(0.0..TAU),
            harmonics,
        }
    }

    /// Distance in pixels, about, from the outline; positive inside.
    fn depth(&self, dy: f64, dx: f64) -> f64 {
        let (sin, cos) = self.turn.sin_cos();
        let (along, across) =
            ((dx * cos + dy * sin) / self.stretch, (dy * cos - dx * sin) * self.stretch);
        let angle = across.atan2(along);
        let orders = [2.0, 3.0, 4.0, 6.0];
        let wobble: f64 = self
            .harmonics
            .iter()
            .zip(orders)
            .map(|((size, phase), k)| size * (k * angle + phase).cos())
            .sum();
        self.radius * (1.0 + wobble) - along.hypot(across)
    }

    /// Radius of a circle around the centre that holds the outline.
    fn reach(&self) -> f64 {
        let wobble: f64 = self.harmonics.iter().map(|(size, _)| size).sum();
        self.radius * (1.0 + wobble) * self.stretch.max(1.0 / self.stretch)
    }
}

/// Amplitude 0.6 to 1 and phase within +-1 rad: density sets the phase, stain the absorption.
pub(super) fn make(shape: (usize, usize), seed: u64) -> Field {
    let side = shape.0.min(shape.1) as f64;
    let radius = (side / 7.0).clamp(14.0, 44.0);
    let mut draws = generator(seed, "specimen cells", 0);
    let centres = scatter(shape, radius, &mut draws);
    let coarse = texture(shape, 3.0, side / 2.0 + 1.0, 1.0, seed, "specimen matrix");
    let fine = texture(shape, 1.8, 14.0, 0.8, seed, "specimen cytoplasm");
    let grain = texture(shape, 1.5, 10.0, 0.7, seed, "specimen stain");
    let value = |tissue: &Tissue, at: (usize, usize)| {
        let place = (at.0 - tissue.top, at.1);
        let density = tissue.density[place];
        // Texture lives where there is matter.
        let rough = 0.045 + 0.10 * density.min(1.0);
        let phase = 1.45 * density - 0.72 + 0.09 * coarse.at(at) + rough * fine.at(at);
        let absorbed = 0.34 * tissue.stain[place]
            + 0.03
            + 0.02 * coarse.at(at).abs()
            + 0.5 * rough * grain.at(at).abs();
        let amplitude = 1.0 - 0.39 * saturate(absorbed / 0.39);
        Complex32::from_polar(
            amplitude as f32,
            phase.signum() as f32 * saturate(phase.abs()) as f32,
        )
    };
    let mut object = Field::zeros(shape);
    for (index, mut rows) in object.axis_chunks_iter_mut(Axis(0), BAND).enumerate() {
        let (top, shape) = (index * BAND, rows.dim());
        let mut tissue = Tissue { top, density: Array2::zeros(shape), stain: Array2::zeros(shape) };
        // Every band of rows draws all cells, and has what lies on it.
        let mut draws = draws.clone();
        for &centre in &centres {
            let size = radius * draws.random_range(0.85..1.12);
            cell(&mut tissue, Outline::draw(centre, size, 0.16, &mut draws), &mut draws);
        }
        for ((y, x), pixel) in rows.indexed_iter_mut() {
            *pixel = value(&tissue, (top + y, x));
        }
    }
    object
}

/// Nearly the identity up to 0.7, never above 1.
fn saturate(value: f64) -> f64 {
    let value = value.max(0.0);
    if value < 0.7 { value } else { 0.7 + 0.3 * ((value - 0.7) / 0.3).tanh() }
}

/// Cell centres, close to one another but not on one another, also just outside the field.
fn scatter((rows, columns): (usize, usize), radius: f64, draws: &mut Generator) -> Vec<(f64, f64)> {
    let mut placed: Vec<(f64, f64)> = Vec::new();
    let area = (rows as f64 + 2.0 * radius) * (columns as f64 + 2.0 * radius);
    let attempts = (40.0 * area / (radius * radius)).ceil().min(40_000.0) as usize;
    for _ in 0..attempts {
        let within = |length: usize| -radius..length as f64 + radius;
        let centre = (draws.random_range(within(rows)), draws.random_range(within(columns)));
        if placed.iter().all(|other| (centre.0 - other.0).hypot(centre.1 - other.1) > 1.82 * radius)
        {
            placed.push(centre);
        }
    }
    placed
}

/// Cytoplasm and membrane, then what is inside.
fn cell(tissue: &mut Tissue, outline: Outline, draws: &mut Generator) {
    let size = outline.radius;
    let membrane = (size * 0.05).clamp(1.2, 2.4);
    paint(
        &mut tissue.density,
        tissue.top,
        outline.centre,
        outline.reach() + 3.0,
        |dy, dx, value| {
            let depth = outline.depth(dy, dx);
            let body =
                soft_step(depth, 2.0) * (0.30 + 0.12 * soft_step(depth - 0.3 * size, 0.6 * size));
            let wall = 0.34 * (-((depth - membrane) / membrane).powi(2)).exp();
            *value = value.max(body + wall);
        },
    );
    paint(&mut tissue.stain, tissue.top, outline.centre, outline.reach() + 3.0, |dy, dx, value| {
        let depth = outline.depth(dy, dx);
        let wall = 0.75 * (-((depth - membrane) / membrane).powi(2)).exp();
        *value = value.max(0.12 * soft_step(depth, 2.0) + wall);
    });

    let nucleus_size = size * draws.random_range(0.36..0.46);
    let nucleus =
        Outline::draw(near(outline.centre, 0.22 * size, draws), nucleus_size, 0.07, draws);
    body(tissue, &nucleus, (0.24, 0.30), (0.22, 0.35));
    for _ in 0..draws.random_range(1..=2) {
        let nucleolus = Outline::draw(
            near(nucleus.centre, 0.4 * nucleus_size, draws),
            0.27 * nucleus_size,
            0.08,
            draws,
        );
        body(tissue, &nucleolus, (0.26, 0.0), (0.45, 0.0));
    }
    let inside = |at: (f64, f64), margin: f64| {
        let depth =
            |outline: &Outline| outline.depth(at.0 - outline.centre.0, at.1 - outline.centre.1);
        depth(&outline) > margin && depth(&nucleus) < -margin * 0.6
    };
    for _ in 0..26 {
        let at = near(outline.centre, size, draws);
        let kind = draws.random_range(0..10);
        let turn = draws.random_range(0.0..TAU);
        let scale = size * draws.random_range(0.8..1.2);
        match kind {
            0..=2 if inside(at, 0.2 * size) => mitochondrion(tissue, at, turn, scale),
            3..=5 if inside(at, 0.14 * size) => {
                let vesicle = Outline::draw(at, 0.085 * scale, 0.03, draws);
                body(tissue, &vesicle, (-0.18, 0.30), (-0.05, 0.5));
            }
            6.. if inside(at, 0.1 * size) => {
                let granule = Outline::draw(at, 0.045 * scale, 0.02, draws);
                body(tissue, &granule, (0.30, 0.0), (0.7, 0.0));
            }
            _ => {}
        }
    }
}

/// A point within `distance` of `centre`.
fn near(centre: (f64, f64), distance: f64, draws: &mut Generator) -> (f64, f64) {
    let (angle, r) = (draws.random_range(0.0..TAU), distance * draws.random::<f64>().sqrt());
    (centre.0 + r * angle.sin(), centre.1 + r * angle.cos())
}

/// Adds a body with an envelope: `(inside, envelope)` for density and stain.
fn body(tissue: &mut Tissue, outline: &Outline, density: (f64, f64), stain: (f64, f64)) {
    let top = tissue.top;
    for (canvas, (inside, envelope)) in [(&mut tissue.density, density), (&mut tissue.stain, stain)]
    {
        paint(canvas, top, outline.centre, outline.reach() + 3.0, |dy, dx, value| {
            let depth = outline.depth(dy, dx);
            *value += inside * soft_step(depth, 1.8) + envelope * (-(depth / 1.3).powi(2)).exp();
        });
    }
}

/// A rod with an envelope and cross walls.
fn mitochondrion(tissue: &mut Tissue, centre: (f64, f64), turn: f64, size: f64) {
    let (half_length, half_width) = (0.17 * size, (0.065 * size).max(1.8));
    let (sin, cos) = turn.sin_cos();
    let top = tissue.top;
    for (canvas, inside, envelope, walls) in
        [(&mut tissue.density, 0.16, 0.22, 0.16), (&mut tissue.stain, 0.2, 0.4, 0.35)]
    {
        paint(canvas, top, centre, half_length + half_width + 3.0, |dy, dx, value| {
            let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let depth = half_width - (along - along.clamp(-half_length, half_length)).hypot(across);
            let interior = soft_step(depth, 1.6);
            let crista = 0.5 + 0.5 * (along * TAU / (1.1 * half_width).max(3.0)).cos();
            *value +=
                interior * (inside + walls * crista) + envelope * (-(depth / 1.1).powi(2)).exp();
        });
    }
}
