// The kernels of the engine on a graphics card; see the module `gpu` for what they do in turn.
//
// Lines that begin with @x or @y stand for one line for every value that a thread holds of a row
// (of a column): $V is the value, $K its number, $X ($Y) its place in the line. @x_forward and
// @x_inverse (@y_...) stand for the transform of these values.

struct Params {
    // Where members, their tiles and the number of either are in `batch`.
    members: u32,
    count: u32,
    tiles: u32,
    tile_count: u32,
    // First of the members of this dispatch, in the order of the arrays that hold what it needs.
    first: u32,
    // First of the losses' slots.
    slot: u32,
    // Pieces in which members are summed for the probe, and members of a piece.
    pieces: u32,
    per_piece: u32,
    mode: u32,
    step: u32,
    held: u32,
    // Where lights are in `lights`: that to go by, and that being summed up.
    light: u32,
    next_light: u32,
    background: f32,
    background_share: f32,
    weight: f32,
    floor: f32,
    floor_power: f32,
    factor: f32,
    probe_factor: f32,
    // Of stored exit waves; whether what they share is stored by itself.
    trial_product: f32,
    trial_wave: f32,
    keep_product: f32,
    keep_before: f32,
    keep_after: f32,
    share_product: f32,
    share_before: f32,
    share_after: f32,
    shares: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> measured: array<u32>;
@group(0) @binding(3) var<storage, read> tables: array<vec2f>;
@group(0) @binding(4) var<storage, read> pixels: array<u32>;
// Object, sum, direction, update.
@group(0) @binding(5) var<storage, read_write> object: array<vec2f>;
// Two lights, and the largest value of every tile.
@group(0) @binding(6) var<storage, read_write> lights: array<f32>;
// All of modes, then eigenmodes: probe, spectra, half-transformed, direction, update, added.
@group(0) @binding(7) var<storage, read_write> probe: array<vec2f>;
// Added power, largest powers, statistics of the probe, powers of pieces.
@group(0) @binding(8) var<storage, read_write> sums: array<f32>;
@group(0) @binding(9) var<storage, read_write> partials: array<vec2f>;
// Of every member and wave (a mode at a stop of the exposure): the wave on its way, the shifted
// probe, chi.
@group(0) @binding(10) var<storage, read_write> waves: array<vec2f>;
@group(0) @binding(11) var<storage, read_write> probes: array<vec2f>;
@group(0) @binding(12) var<storage, read_write> chi: array<vec2f>;
// Step lengths, normal equations, slopes, losses.
@group(0) @binding(13) var<storage, read_write> outs: array<f32>;

var<workgroup> real: array<f32, EXCHANGE>;
var<workgroup> imaginary: array<f32, EXCHANGE>;
var<workgroup> quads: array<vec4f, 256>;

// What is divided by is never smaller.
const TINY: f32 = 1e-30;

// Numbers in `outs`.
const OBJECT_STEP: u32 = 0u;
const PROBE_STEP: u32 = 1u;
const STEPS_SUM: u32 = 2u;
const STEPS_SMALLEST: u32 = 3u;
const STRONGEST: u32 = 4u;

fn turned(a: vec2f, w: vec2f) -> vec2f {
    return vec2f(a.x * w.x - a.y * w.y, a.x * w.y + a.y * w.x);
}

// a conj(w)
fn turned_back(a: vec2f, w: vec2f) -> vec2f {
    return vec2f(a.x * w.x + a.y * w.y, a.y * w.x - a.x * w.y);
}

// exp(2 pi i a) for |a| <= 1, to 1e-7.
fn turn(a: f32) -> vec2f {
    let quarter = round(a * 4.0);
    let s = (a - quarter * 0.25) * 6.283185307;
    let z = s * s;
    let sine = s * (1.0 + z * (-0.16666667 + z * (8.3333333e-3 + z * (-1.9841270e-4 + z * 2.7557319e-6))));
    let cosine = 1.0 + z * (-0.5 + z * (4.1666667e-2 + z * (-1.3888889e-3 + z * 2.4801587e-5)));
    // A quarter turn swaps the two; signs follow without a branch.
    let quadrant = u32(i32(quarter)) & 3u;
    let swaps = (quadrant & 1u) == 1u;
    let along = select(cosine, sine, swaps);
    let across = select(sine, cosine, swaps);
    return vec2f(
        select(along, -along, quadrant == 1u || quadrant == 2u),
        select(across, -across, quadrant >= 2u),
    );
}

// Cycles per pixel of number `index` of a spectrum.
fn frequency(index: u32, length: u32) -> f32 {
    let signed = select(i32(index) - i32(length), i32(index), index < (length + 1u) / 2u);
    return f32(signed) / f32(length);
}

// Natural logarithm of positive normal numbers, to about 1e-7: x = 2^e (1 + f), and ln(1 + f) = 2
// artanh(f / (2 + f)) by its series.
fn logarithm(x: f32) -> f32 {
    let root = 0x3f3504f3i;
    let shifted = bitcast<i32>(x) - root;
    let fraction = bitcast<f32>((shifted & 0x007fffffi) + root) - 1.0;
    let s = fraction / (2.0 + fraction);
    let z = s * s;
    let series = 2.0 + z * (0.66666667 + z * (0.4 + z * (0.28571429 + z * 0.22222222)));
    return f32(shifted >> 23u) * 0.69314718 + s * series;
}

// The member of group `group` of a dispatch for one array of patterns (order 0) or waves (1): the
// members in these orders are behind their words.
fn member_of(group: u32, order: u32) -> u32 {
    return batch[params.members + (8u + order) * params.count + params.first + group];
}

// Amplitude of the beam in a member over its usual one, behind the orders.
fn amplitude_of(member: u32) -> f32 {
    if !VARIES {
        return 1.0;
    }
    return bitcast<f32>(batch[params.members + 10u * params.count + member]);
}

// Weight of an eigenmode of the probe in a member, behind the amplitudes.
fn weight_of(member: u32, eigenmode: u32) -> vec2f {
    let at = params.members + 11u * params.count + 2u * (member * EIGENMODES + eigenmode);
    return vec2f(bitcast<f32>(batch[at]), bitcast<f32>(batch[at + 1u]));
}

// The spectrum of a mode as a member has it: the first with its share of the eigenmodes.
fn spectrum_of(member: u32, mode: u32, pixel: u32) -> vec2f {
    var sum = probe[SPECTRA + mode * PIXELS + pixel];
    if mode == 0u {
        for (var k = 0u; k < EIGENMODES; k++) {
            sum += turned(weight_of(member, k), probe[SPECTRA + (MODES + k) * PIXELS + pixel]);
        }
    }
    return sum;
}

fn rest_of(at: u32) -> vec2f {
    return vec2f(bitcast<f32>(batch[at + 3u]), bitcast<f32>(batch[at + 4u]));
}

// Of the shift along one axis alone.
fn ramp_along(rest: f32, index: u32, length: u32) -> vec2f {
    return turn(-rest * frequency(index, length));
}

fn measured_at(frame: u32, pixel: u32) -> f32 {
    var at = frame * PIXELS + pixel;
    if STREAMED {
        at = frame * PIXELS + pixels[PLACES + pixel];
    }
    if KIND == 0u {
        return f32((measured[at >> 2u] >> (8u * (at & 3u))) & 255u);
    }
    if KIND == 1u {
        return f32((measured[at >> 1u] >> (16u * (at & 1u))) & 65535u);
    }
    return bitcast<f32>(measured[at]);
}

fn is_masked(at: u32, pixel: u32) -> bool {
    if !HAS_MASK {
        return false;
    }
    let word = pixels[MASKS + batch[at + 5u] * MASK_WORDS + pixel / 32u];
    return ((word >> (pixel % 32u)) & 1u) == 1u;
}

fn with_background(light: f32, pixel: u32) -> f32 {
    if !HAS_BACKGROUND {
        return light;
    }
    return light + params.background_share * bitcast<f32>(pixels[pixel]);
}

// Loss (I + e) - (m + e) + (m + e) ln((m + e) / (I + e)), and (m + e) / (I + e).
fn poisson(m: f32, i: f32, e: f32) -> vec2f {
    let shifted = m + e;
    let ratio = shifted / (i + e);
    return vec2f(shifted * logarithm(ratio) + (i - m), ratio);
}

// Factor and loss of a pixel.
fn factor_and_loss(m: f32, i: f32) -> vec2f {
    if is_clipped(m) {
        let root = params.step == 0u;
        let found = at_limit(i, select(params.background, 0.0, root));
        return vec2f(of_count(found.x, i).x, select(1.0, 0.5, root) * found.y);
    }
    return of_count(m, i);
}

// The same of a value below the limit.
fn of_count(m: f32, i: f32) -> vec2f {
    switch params.step {
        case 0u: {
            let light = i + 1e-20;
            let excess = sqrt(m / light) - 1.0;
            return vec2f(excess, light * excess * excess);
        }
        case 2u: {
            return vec2f(sqrt(m / (i + 1e-9)) - 1.0, poisson(m, i, params.background).x);
        }
        default: {
            let found = poisson(m, i, params.background);
            return vec2f(0.5 * (found.y - 1.0), found.x);
        }
    }
}

// Factor of a pixel of the member at `at`, its loss where it is seen, and where it judges.
fn judged(at: u32, pixel: u32, light: f32) -> vec3f {
    if is_masked(at, pixel) {
        return vec3f();
    }
    let found = factor_and_loss(measured_at(batch[at], pixel), with_background(light, pixel));
    if params.held == 1u {
        let word = pixels[HELD + batch[at + 6u] * HELD_WORDS + pixel / 16u];
        let state = (word >> (2u * (pixel % 16u))) & 3u;
        if state > 0u {
            return vec3f(0.0, 0.0, select(0.0, found.y, state == 2u));
        }
    }
    return vec3f(found, 0.0);
}

// Sums over the workgroup of `size` threads, for all of them: of sixteen threads at a time, and of
// these sums.
fn summed(value: vec4f, id: u32, size: u32) -> vec4f {
    workgroupBarrier();
    quads[id] = value;
    workgroupBarrier();
    let groups = (size + 15u) / 16u;
    var sum = vec4f();
    if id < groups {
        for (var index = 16u * id; index < min(16u * id + 16u, size); index++) {
            sum += quads[index];
        }
    }
    workgroupBarrier();
    if id < groups {
        quads[id] = sum;
    }
    workgroupBarrier();
    sum = quads[0];
    for (var group = 1u; group < groups; group++) {
        sum += quads[group];
    }
    return sum;
}

// Notes what group number `group` of `groups` has found to be the loss of a member, in the pixels
// that are seen and in hidden ones.
fn put_loss(member: u32, group: u32, groups: u32, loss: vec2f) {
    let first = LOSSES + 2u * (params.slot + member) * LOSS_PAIRS;
    outs[first + 2u * group] = loss.x;
    outs[first + 2u * group + 1u] = loss.y;
    if group == 0u {
        for (var rest = 2u * groups; rest < 2u * LOSS_PAIRS; rest++) {
            outs[first + rest] = 0.0;
        }
    }
}

// Notes a group's part of what a member's loss falls by with the logarithm of its power.
fn put_power_slope(member: u32, group: u32, groups: u32, slope: f32) {
    let first = SLOPES + member * COLUMN_GROUPS;
    outs[first + group] = slope;
    if group == 0u {
        for (var rest = groups; rest < COLUMN_GROUPS; rest++) {
            outs[first + rest] = 0.0;
        }
    }
}

fn largest(value: f32, id: u32, size: u32) -> f32 {
    workgroupBarrier();
    quads[id].x = value;
    workgroupBarrier();
    let groups = (size + 15u) / 16u;
    var most = value;
    if id < groups {
        most = quads[16u * id].x;
        for (var index = 16u * id; index < min(16u * id + 16u, size); index++) {
            most = max(most, quads[index].x);
        }
    }
    workgroupBarrier();
    if id < groups {
        quads[id].x = most;
    }
    workgroupBarrier();
    most = quads[0].x;
    for (var group = 1u; group < groups; group++) {
        most = max(most, quads[group].x);
    }
    return most;
}
