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
    // First member of this dispatch.
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
// Probe, spectra, half-transformed, direction, update, added.
@group(0) @binding(7) var<storage, read_write> probe: array<vec2f>;
// Added power, largest powers, statistics of the probe, powers of pieces.
@group(0) @binding(8) var<storage, read_write> sums: array<f32>;
@group(0) @binding(9) var<storage, read_write> partials: array<vec2f>;
// Of every member and mode: the wave on its way, the shifted probe, chi.
@group(0) @binding(10) var<storage, read_write> waves: array<vec2f>;
@group(0) @binding(11) var<storage, read_write> probes: array<vec2f>;
@group(0) @binding(12) var<storage, read_write> chi: array<vec2f>;
// Step lengths, normal equations, losses.
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

fn rest_of(at: u32) -> vec2f {
    return vec2f(bitcast<f32>(batch[at + 3u]), bitcast<f32>(batch[at + 4u]));
}

// Of the shift along one axis alone.
fn ramp_along(rest: f32, index: u32, length: u32) -> vec2f {
    return turn(-rest * frequency(index, length));
}

fn measured_at(frame: u32, pixel: u32) -> f32 {
    let at = frame * PIXELS + pixel;
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

// -- The way of a batch ---------------------------------------------------------------------------

// The shifted spectrum of every mode of every member, back along y.
@compute @workgroup_size(COLUMN_GROUP)
fn illuminate_y(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let rest = rest_of(params.members + 8u * group.z);
    let source = SPECTRA + group.y * PIXELS + x;
    let along_x = ramp_along(rest.y, x, W);
@ramp
    let to = (group.z * MODES + group.y) * PIXELS + x;
@y  var $V = vec2f();
    if x < W {
@y      $V = turned(turned(probe[source + $Y * W], along_x), r$K);
    }
@y_inverse
    if x < W {
@y      waves[to + $Y * W] = $V * SCALE_Y;
    }
}

// Back along x: the shifted probe; times the object, and on along x.
@compute @workgroup_size(ROW_GROUP)
fn illuminate_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let at = params.members + 8u * group.z;
    let here = (group.z * MODES + group.y) * PIXELS + y * W;
    let corner = (batch[at + 1u] + y) * COLUMNS + batch[at + 2u];
@x  var $V = vec2f();
    if y < H {
@x      $V = waves[here + $X];
    }
@x_inverse
    if y < H {
@x      $V *= SCALE_X; probes[here + $X] = $V; $V = turned($V, object[corner + $X]);
    }
@x_forward
    if y < H {
@x      waves[here + $X] = $V * SCALE_X;
    }
}

// Along y to the detector, the step there, and back along y.
@compute @workgroup_size(COLUMN_GROUP)
fn detect(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let member = params.first + group.z;
    let at = params.members + 8u * member;
    let first = member * MODES * PIXELS + x;
@y  var $V = vec2f();
@y  var i$K = 0.0;
    for (var mode = 0u; mode < MODES; mode++) {
        let here = first + mode * PIXELS;
        if x < W {
@y          $V = waves[here + $Y * W];
        }
@y_forward
@y      $V *= SCALE_Y; i$K += dot($V, $V);
        if MODES > 1u && x < W {
@y          waves[here + $Y * W] = $V;
        }
    }
    var loss = vec2f();
    if x < W {
@y      { let found = judged(at, $Y * W + x, i$K); i$K = found.x; loss += found.yz; }
    }
    for (var mode = 0u; mode < MODES; mode++) {
        let here = first + mode * PIXELS;
        if MODES > 1u && x < W {
@y          $V = waves[here + $Y * W];
        }
@y      $V *= i$K;
@y_inverse
        if x < W {
@y          waves[here + $Y * W] = $V * SCALE_Y;
        }
    }
    let all = summed(vec4f(loss, 0.0, 0.0), id, COLUMN_GROUP);
    if id == 0u {
        let slot = LOSSES + 2u * ((params.slot + member) * COLUMN_GROUPS + group.x);
        outs[slot] = all.x;
        outs[slot + 1u] = all.y;
    }
}

// As `detect`, where the step needs the whole pattern: along y to the detector alone. Intensities
// are left where chi will be.
@compute @workgroup_size(COLUMN_GROUP)
fn arrive(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let first = group.z * MODES * PIXELS + x;
@y  var $V = vec2f();
@y  var i$K = 0.0;
    for (var mode = 0u; mode < MODES; mode++) {
        let here = first + mode * PIXELS;
        if x < W {
@y          $V = waves[here + $Y * W];
        }
@y_forward
@y      $V *= SCALE_Y; i$K += dot($V, $V);
        if x < W {
@y          waves[here + $Y * W] = $V;
        }
    }
    if x < W {
@y      chi[first + $Y * W] = vec2f(i$K, 0.0);
    }
}

const NEWTON_STEPS: u32 = 4u;
const DARK_SHARE: f32 = 0.01;

// The measured value of a pixel whose model's intensity is `i`, or what stands for it.
fn stands_for(m: f32, i: f32) -> f32 {
    if is_clipped(m) {
        return at_limit(i, 0.0).x;
    }
    return m;
}

// The best step along the Poisson gradient of one member: factors in the place of its intensities.
@compute @workgroup_size(256)
fn poisson_step(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let member = params.first + group.x;
    let at = params.members + 8u * member;
    let first = member * MODES * PIXELS;
    var loss = 0.0;
    for (var pixel = id; pixel < PIXELS; pixel += 256u) {
        var found = vec2f();
        if !is_masked(at, pixel) {
            let i = with_background(chi[first + pixel].x, pixel);
            let stored = measured_at(batch[at], pixel);
            let m = stands_for(stored, i);
            let bright = max(i, 1e-20);
            if is_clipped(stored) {
                loss += at_limit(i, 0.0).y;
            } else {
                loss += m * logarithm(max(m, 1e-20) / bright) + (bright - m);
            }
            found = vec2f(i, 1.0 - m / max(max(i, DARK_SHARE * m), 1e-20));
        }
        chi[first + pixel] = found;
    }
    var alpha = 0.5;
    for (var round = 0u; round < NEWTON_STEPS; round++) {
        var sum = vec4f();
        for (var pixel = id; pixel < PIXELS; pixel += 256u) {
            let found = chi[first + pixel];
            let rest = 1.0 - alpha * found.y;
            let inverse = 1.0 / max(rest, 1e-6);
            let stored = stands_for(measured_at(batch[at], pixel), found.x);
            let m = select(stored, 0.0, is_masked(at, pixel)) * inverse;
            sum.x += found.y * (m - found.x * rest);
            sum.y += found.y * found.y * (m * inverse + found.x);
        }
        sum = summed(sum, id, 256u);
        alpha = select(clamp(alpha - sum.x / max(sum.y, TINY), 0.01, 1.0), 1.0, sum.y <= 0.0);
    }
    for (var pixel = id; pixel < PIXELS; pixel += 256u) {
        let found = chi[first + pixel];
        // No pixel goes past its own best value, the measured modulus.
        let m = stands_for(measured_at(batch[at], pixel), found.x);
        let projection = sqrt(m / (found.x + 1e-20)) - 1.0;
        let step = clamp(-alpha * found.y, min(projection, 0.0), max(projection, 0.0));
        chi[first + pixel] = vec2f(select(step, 0.0, is_masked(at, pixel)), 0.0);
    }
    let all = summed(vec4f(loss, 0.0, 0.0, 0.0), id, 256u);
    if id < COLUMN_GROUPS {
        let slot = LOSSES + 2u * ((params.slot + member) * COLUMN_GROUPS + id);
        outs[slot] = select(0.0, all.x, id == 0u);
        outs[slot + 1u] = 0.0;
    }
}

// Times the factors, and back along y.
@compute @workgroup_size(COLUMN_GROUP)
fn leave(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let factors = group.z * MODES * PIXELS + x;
    let here = factors + group.y * PIXELS;
@y  var $V = vec2f();
    if x < W {
@y      $V = waves[here + $Y * W] * chi[factors + $Y * W].x;
    }
@y_inverse
    if x < W {
@y      waves[here + $Y * W] = $V * SCALE_Y;
    }
}

// Back along x: chi; times the conjugate object, and on along x.
@compute @workgroup_size(ROW_GROUP)
fn gather_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let at = params.members + 8u * group.z;
    let here = (group.z * MODES + group.y) * PIXELS + y * W;
    let corner = (batch[at + 1u] + y) * COLUMNS + batch[at + 2u];
@x  var $V = vec2f();
    if y < H {
@x      $V = waves[here + $X];
    }
@x_inverse
    if y < H {
@x      $V *= SCALE_X; chi[here + $X] = $V; $V = turned_back($V, object[corner + $X]);
    }
@x_forward
    if y < H {
@x      waves[here + $X] = $V * SCALE_X;
    }
}

// -- Sums for the probe ---------------------------------------------------------------------------

// Along y: chi conj(O), unshifted, as spectra, and |O|^2, summed over the members of a piece.
@compute @workgroup_size(COLUMN_GROUP)
fn gather_y(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let mode = group.y;
    let first = group.z * params.per_piece;
    let end = min(first + params.per_piece, params.count);
@y  var $V = vec2f();
@y  var s$K = vec2f();
@y  var p$K = 0.0;
    for (var member = first; member < end; member++) {
        let at = params.members + 8u * member;
        let here = (member * MODES + mode) * PIXELS + x;
        let corner = batch[at + 1u] * COLUMNS + batch[at + 2u] + x;
        let rest = rest_of(at);
        let along_x = ramp_along(rest.y, x, W);
        if x < W {
@y          $V = waves[here + $Y * W];
        }
@y_forward
@ramp
@y      s$K += turned_back(turned_back($V, r$K), along_x);
        if mode == 0u && x < W {
@y          { let o = object[corner + $Y * COLUMNS]; p$K += dot(o, o); }
        }
    }
    if x < W {
        let to = (group.z * MODES + mode) * PIXELS + x;
@y      partials[to + $Y * W] = s$K * SCALE_Y;
    }
    if mode == 0u && x < W {
        let to = PARTIAL_POWERS + group.z * PIXELS + x;
@y      sums[to + $Y * W] = p$K;
    }
}

// Adds the pieces to what was added before; the first time (mode 1) to nothing. Sums of a batch
// alone are taken this way, too: so many threads add them up sooner than `collect_y` could.
@compute @workgroup_size(256)
fn add_probe_sums(@builtin(global_invocation_id) place: vec3u) {
    let index = place.x;
    if index < MODES * PIXELS {
        var sum = select(probe[ADDED + index], vec2f(), params.mode == 1u);
        for (var piece = 0u; piece < params.pieces; piece++) {
            sum += partials[piece * MODES * PIXELS + index];
        }
        probe[ADDED + index] = sum;
    }
    if index < PIXELS {
        var power = select(sums[ADDED_POWER + index], 0.0, params.mode == 1u);
        for (var piece = 0u; piece < params.pieces; piece++) {
            power += sums[PARTIAL_POWERS + piece * PIXELS + index];
        }
        sums[ADDED_POWER + index] = power;
    }
}

// What was added, back along y; and the largest power.
@compute @workgroup_size(COLUMN_GROUP)
fn collect_y(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let mode = group.y;
    let here = mode * PIXELS + x;
@y  var $V = vec2f();
@y  var p$K = 0.0;
    if x < W {
@y      $V = probe[ADDED + here + $Y * W]; p$K = sums[ADDED_POWER + x + $Y * W];
    }
@y_inverse
    var most = 0.0;
    if x < W {
@y      probe[HALFWAY + here + $Y * W] = $V * SCALE_Y;
        if mode == 0u {
@y          most = max(most, p$K);
        }
    }
    let all = largest(most, id, COLUMN_GROUP);
    if id == 0u && mode == 0u {
        sums[LARGEST + group.x] = all;
    }
}

fn largest_power() -> f32 {
    var most = 0.0;
    for (var index = 0u; index < COLUMN_GROUPS; index++) {
        most = max(most, sums[LARGEST + index]);
    }
    return most;
}

// Brightest light and power of the probe.
fn probe_statistics() -> vec2f {
    var all = vec2f();
    for (var index = 0u; index < ROW_GROUPS; index++) {
        all = vec2f(max(all.x, sums[STATISTICS + 2u * index]), all.y + sums[STATISTICS + 2u * index + 1u]);
    }
    return all;
}

fn keep_statistics(group: u32, id: u32, brightest: f32, power: f32) {
    let most = largest(brightest, id, ROW_GROUP);
    let all = summed(vec4f(power, 0.0, 0.0, 0.0), id, ROW_GROUP);
    if id == 0u {
        sums[STATISTICS + 2u * group] = most;
        sums[STATISTICS + 2u * group + 1u] = all.x;
    }
}

// Back along x: the direction of the probe, sum / (power + share of the largest), or (mode 1) the
// sum itself.
@compute @workgroup_size(ROW_GROUP)
fn probe_direction_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let here = group.y * PIXELS + y * W;
    let floor = max(params.floor * largest_power() + params.floor_power, TINY);
@x  var $V = vec2f();
    if y < H {
@x      $V = probe[HALFWAY + here + $X];
    }
@x_inverse
    if y < H && params.mode == 1u {
@x      probe[DIRECTION + here + $X] = $V * SCALE_X;
    } else if y < H {
@x      probe[DIRECTION + here + $X] = $V * (SCALE_X / (sums[ADDED_POWER + y * W + $X] + floor));
    }
}

// Back along x, the step of the probe by its quotient, and on along x.
@compute @workgroup_size(ROW_GROUP)
fn probe_quotient_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let floor = max(params.floor * largest_power() + params.floor_power, TINY);
@x  var $V = vec2f();
@x  var p$K = 0.0;
    for (var mode = 0u; mode < MODES; mode++) {
        let here = mode * PIXELS + y * W;
        if y < H {
@x          $V = probe[HALFWAY + here + $X];
        }
@x_inverse
        if y < H {
@x          $V = probe[here + $X] + $V * (SCALE_X * params.factor / (params.weight * sums[ADDED_POWER + y * W + $X] + floor));
@x          probe[here + $X] = $V; p$K += dot($V, $V);
        }
@x_forward
        if y < H {
@x          probe[HALFWAY + here + $X] = $V * SCALE_X;
        }
    }
    var brightest = 0.0;
    var power = 0.0;
@x  brightest = max(brightest, p$K); power += p$K;
    keep_statistics(group.x, id, brightest, power);
}

// The probe moves along its direction by its step (mode 1: stays where it was put), and on along x.
@compute @workgroup_size(ROW_GROUP)
fn advance_probe_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let step = select(outs[PROBE_STEP], 0.0, params.mode == 1u);
@x  var $V = vec2f();
@x  var p$K = 0.0;
    for (var mode = 0u; mode < MODES; mode++) {
        let here = mode * PIXELS + y * W;
        if y < H {
            if params.mode == 1u {
@x              $V = probe[here + $X];
            } else {
@x              { let change = step * probe[DIRECTION + here + $X]; $V = probe[here + $X] + change; probe[here + $X] = $V; probe[UPDATE + here + $X] += change; }
            }
@x          p$K += dot($V, $V);
        }
@x_forward
        if y < H {
@x          probe[HALFWAY + here + $X] = $V * SCALE_X;
        }
    }
    var brightest = 0.0;
    var power = 0.0;
@x  brightest = max(brightest, p$K); power += p$K;
    keep_statistics(group.x, id, brightest, power);
}

// Along y: the probe's spectra.
@compute @workgroup_size(COLUMN_GROUP)
fn probe_spectrum_y(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let here = group.y * PIXELS + x;
@y  var $V = vec2f();
    if x < W {
@y      $V = probe[HALFWAY + here + $Y * W];
    }
@y_forward
    if x < W {
@y      probe[SPECTRA + here + $Y * W] = $V * SCALE_Y;
    }
}

// -- Sums for the object --------------------------------------------------------------------------

const NOWHERE: u32 = 0xffffffffu;

// Where the first mode of the member that entry `index` of a tile's list names has the object's
// pixel (y, x).
fn place_of(index: u32, y: u32, x: u32) -> u32 {
    let member = batch[index];
    let at = params.members + 8u * member;
    let in_y = y - batch[at + 1u];
    let in_x = x - batch[at + 2u];
    return select(NOWHERE, member * MODES * PIXELS + in_y * W + in_x, in_y < H && in_x < W);
}

// What a batch adds to a tile of the object, each pixel by one thread, member by member: sum chi
// conj(P) and sum |P|^2. Mode 0: both are added up. Mode 1: the object steps by their quotient.
// Mode 2: both are kept, the largest light of the tile too, and the light is added to the next one
// where there is one. Mode 3 (4): the sum grows (begins anew), the light is added to the next one,
// and the direction is the sum divided by the light to go by.
@compute @workgroup_size(256)
fn gather_object(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let tile = group.x + group.y * TILES_ACROSS;
    if tile >= params.tile_count {
        return;
    }
    let at_tile = params.tiles + 4u * tile;
    let y = batch[at_tile] + id / 16u;
    let x = batch[at_tile + 1u] + id % 16u;
    let end = params.tiles + batch[at_tile + 3u];
    var sum = vec2f();
    var light = 0.0;
    let begin = params.tiles + batch[at_tile + 2u];
    for (var index = begin; index < end; index += 4u) {
        // Four at a time, so that their values are on their way together; the last may be there
        // more than once and count for nothing.
        let four = vec4u(
            place_of(min(index, end - 1u), y, x),
            place_of(min(index + 1u, end - 1u), y, x),
            place_of(min(index + 2u, end - 1u), y, x),
            place_of(min(index + 3u, end - 1u), y, x),
        );
        let count = vec4<bool>(true, index + 1u < end, index + 2u < end, index + 3u < end);
        let weights = select(vec4f(), vec4f(1.0), (four != vec4u(NOWHERE)) & count);
        let places = select(four, vec4u(), four == vec4u(NOWHERE));
        for (var mode = 0u; mode < MODES; mode++) {
            let shift = mode * PIXELS;
            let p0 = probes[places.x + shift] * weights.x;
            let p1 = probes[places.y + shift] * weights.y;
            let p2 = probes[places.z + shift] * weights.z;
            let p3 = probes[places.w + shift] * weights.w;
            let c0 = chi[places.x + shift];
            let c1 = chi[places.y + shift];
            let c2 = chi[places.z + shift];
            let c3 = chi[places.w + shift];
            sum += turned_back(c0, p0);
            sum += turned_back(c1, p1);
            sum += turned_back(c2, p2);
            sum += turned_back(c3, p3);
            light += dot(p0, p0);
            light += dot(p1, p1);
            light += dot(p2, p2);
            light += dot(p3, p3);
        }
    }
    let here = y * COLUMNS + x;
    let inside = y < ROWS && x < COLUMNS;
    if inside {
        switch params.mode {
            case 0u: {
                object[SUM + here] += sum;
                lights[params.next_light + here] += light;
            }
            case 1u: {
                let probe_now = probe_statistics();
                let floor = max(params.floor * probe_now.x + params.floor_power * probe_now.y, TINY);
                object[here] += sum * (params.factor / (params.weight * light + floor));
            }
            case 2u: {
                object[SUM + here] = sum;
                lights[params.light + here] = light;
                if params.next_light != params.light {
                    lights[params.next_light + here] += light;
                }
            }
            default: {
                if params.mode == 3u {
                    sum += object[SUM + here];
                }
                object[SUM + here] = sum;
                lights[params.next_light + here] += light;
                object[TO_OBJECT + here] = direction_of(sum, lights[params.light + here]);
            }
        }
    }
    if params.mode == 2u {
        let most = largest(select(0.0, light, inside), id, 256u);
        if id == 0u {
            lights[TILES + tile] = most;
        }
    }
}

// sum / sqrt(light^2 + (damping strongest)^2)
fn direction_of(sum: vec2f, light: f32) -> vec2f {
    let floor = max(params.floor * outs[STRONGEST], 1e-18);
    return sum / sqrt(light * light + floor * floor);
}

// The largest of the first `tile_count` values of the tiles.
@compute @workgroup_size(256)
fn largest_of_tiles(@builtin(local_invocation_index) id: u32) {
    var most = 0.0;
    for (var tile = id; tile < params.tile_count; tile += 256u) {
        most = max(most, lights[TILES + tile]);
    }
    most = largest(most, id, 256u);
    if id == 0u {
        outs[STRONGEST] = most;
    }
}

// The largest light to go by, of 256 parts of the object in the place of the tiles.
@compute @workgroup_size(256)
fn largest_light(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    var most = 0.0;
    for (var here = group.x * 256u + id; here < OBJECT; here += 65536u) {
        most = max(most, lights[params.light + here]);
    }
    most = largest(most, id, 256u);
    if id == 0u {
        lights[TILES + group.x] = most;
    }
}

// On the tiles of a batch: mode 0: the object steps by the quotient of what was kept; mode 1: its
// direction is worked out of that; mode 2: it moves along its direction by the batch's step.
@compute @workgroup_size(256)
fn move_object(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let tile = group.x + group.y * TILES_ACROSS;
    if tile >= params.tile_count {
        return;
    }
    let at_tile = params.tiles + 4u * tile;
    let y = batch[at_tile] + id / 16u;
    let x = batch[at_tile + 1u] + id % 16u;
    if y >= ROWS || x >= COLUMNS {
        return;
    }
    let here = y * COLUMNS + x;
    switch params.mode {
        case 0u: {
            let floor = max(params.floor * outs[STRONGEST], TINY);
            let light = lights[params.light + here];
            object[here] += object[SUM + here] * (params.factor / (params.weight * light + floor));
        }
        case 1u: {
            object[TO_OBJECT + here] = direction_of(object[SUM + here], lights[params.light + here]);
        }
        default: {
            let change = outs[OBJECT_STEP] * object[TO_OBJECT + here];
            object[here] += change;
            object[OBJECT_UPDATE + here] += change;
        }
    }
}

// The whole object moves along the direction of what was added up, by the smallest step.
@compute @workgroup_size(256)
fn finish_object(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let here = (group.x + group.y * TILES_ACROSS) * 256u + id;
    if here >= OBJECT {
        return;
    }
    let change = outs[STEPS_SMALLEST] * direction_of(object[SUM + here], lights[params.light + here]);
    object[here] += change;
    object[OBJECT_UPDATE + here] += change;
}

// -- Step lengths ---------------------------------------------------------------------------------

// The inner products of every member's least-squares problem, in parts of a window.
@compute @workgroup_size(256)
fn normals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let member = group.y;
    let at = params.members + 8u * member;
    let corner = batch[at + 1u] * COLUMNS + batch[at + 2u];
    let each = (PIXELS + PARTS - 1u) / PARTS;
    let end = min((group.x + 1u) * each, PIXELS);
    var four = vec4f();
    var fifth = 0.0;
    for (var pixel = group.x * each + id; pixel < end; pixel += 256u) {
        let on_object = corner + pixel / W * COLUMNS + pixel % W;
        let o = object[on_object];
        let to_object = object[TO_OBJECT + on_object];
        var here = member * MODES * PIXELS + pixel;
        var to_probe = DIRECTION + pixel;
        for (var mode = 0u; mode < MODES; mode++) {
            let a = turned(to_object, probes[here]);
            let b = turned(probe[to_probe], o);
            let c = chi[here];
            four += vec4f(dot(a, a), dot(b, b), dot(a, b), dot(a, c));
            fifth += dot(b, c);
            here += PIXELS;
            to_probe += PIXELS;
        }
    }
    four = summed(four, id, 256u);
    fifth = summed(vec4f(fifth, 0.0, 0.0, 0.0), id, 256u).x;
    if id == 0u {
        let to = NORMALS + 5u * (member * PARTS + group.x);
        outs[to] = four.x;
        outs[to + 1u] = four.y;
        outs[to + 2u] = four.z;
        outs[to + 3u] = four.w;
        outs[to + 4u] = fifth;
    }
}

struct Normal {
    object: f32,
    probe: f32,
    cross: f32,
    object_chi: f32,
    probe_chi: f32,
}

fn normal_of(member: u32) -> Normal {
    var sum = Normal();
    for (var part = 0u; part < PARTS; part++) {
        let at = NORMALS + 5u * (member * PARTS + part);
        sum.object += outs[at];
        sum.probe += outs[at + 1u];
        sum.cross += outs[at + 2u];
        sum.object_chi += outs[at + 3u];
        sum.probe_chi += outs[at + 4u];
    }
    return sum;
}

const STEP_DAMPING: f32 = 0.1;

// The step lengths of a batch: of every member the solution of its equations, their mean for the
// probe, and for the object the mean between the 10 % and the 90 % quantile. Mode 1: the first
// batch of an epoch.
@compute @workgroup_size(256)
fn step_lengths(@builtin(local_invocation_index) id: u32) {
    let count = params.count;
    var lengths = vec4f();
    for (var member = id; member < count; member += 256u) {
        let n = normal_of(member);
        lengths += vec4f(n.object, n.probe, 0.0, 0.0);
    }
    let damping = summed(lengths, id, 256u) * (STEP_DAMPING / f32(count));
    var to_probe = 0.0;
    for (var member = id; member < count; member += 256u) {
        let n = normal_of(member);
        let a = n.object + damping.x;
        let b = n.probe + damping.y;
        let determinant = a * b - n.cross * n.cross;
        var steps = vec2f();
        if determinant > 0.0 && determinant < 3e38 {
            steps = vec2f(b * n.object_chi - n.cross * n.probe_chi, a * n.probe_chi - n.cross * n.object_chi);
            steps = max(steps / determinant, vec2f());
        }
        outs[STEPS + member] = steps.x;
        to_probe += steps.y;
    }
    storageBarrier();
    // Ranks, against 256 steps at a time.
    let cut = count / 10u;
    var to_object = 0.0;
    for (var first = 0u; first < count; first += 256u) {
        let member = first + id;
        var step = 0.0;
        if member < count {
            step = outs[STEPS + member];
        }
        var rank = 0u;
        for (var others = 0u; others < count; others += 256u) {
            workgroupBarrier();
            if others + id < count {
                quads[id].x = outs[STEPS + others + id];
            }
            workgroupBarrier();
            for (var other = 0u; other < min(256u, count - others); other++) {
                let found = quads[other].x;
                rank += select(0u, 1u, found < step || (found == step && others + other < member));
            }
        }
        to_object += select(0.0, step, member < count && rank >= cut && rank < count - cut);
    }
    let all = summed(vec4f(to_object, to_probe, 0.0, 0.0), id, 256u);
    if id == 0u {
        let of_object = params.factor * all.x / f32(count - 2u * cut);
        let is_first = params.mode == 1u;
        outs[OBJECT_STEP] = of_object;
        outs[PROBE_STEP] = params.probe_factor * all.y / f32(count);
        outs[STEPS_SUM] = of_object + select(outs[STEPS_SUM], 0.0, is_first);
        outs[STEPS_SMALLEST] = select(min(of_object, outs[STEPS_SMALLEST]), of_object, is_first);
    }
}
