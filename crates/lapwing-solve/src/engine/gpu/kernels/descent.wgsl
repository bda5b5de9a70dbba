// The prior of ML and the inverse of its curvature, on one slice: see the module `prior`, of which
// this is a copy in single precision.

struct Numbers {
    columns: u32,
    rows: u32,
    // Where the sum over the patterns is in `object`, and their light in `lights`.
    sum: u32,
    light: u32,
    // The field that is worked on: 0 the object, 1 x, 2 p.
    source: u32,
    // Number of the conjugate-gradient step.
    step: u32,
    // Whether there is a prior.
    has_prior: u32,
    // First value in `to`, and how many there are, of a probe's modes.
    first: u32,
    len: u32,
    s2: f32,
    edge: f32,
    // Workgroups that share out a sum.
    groups: u32,
    // Weight of absorption, mu s^2, and what is added to the light.
    absorption: f32,
    strength: f32,
    floor: f32,
    // Whether the prior grows towards a bound.
    bounded: u32,
}

const ACROSS: u32 = 32768u;
// Workgroups that share out a sum, at most.
const GROUPS: u32 = 512u;
const ROUGHNESS: f32 = 0.2;
const ROUGHNESS_DIAGONAL: f32 = 20.0;
const TOLERANCE: f32 = 1e-2;

@group(0) @binding(0) var<uniform> numbers: Numbers;
@group(0) @binding(1) var<storage, read> object: array<vec2f>;
@group(0) @binding(2) var<storage, read> lights: array<f32>;
// w of every pixel; behind them U, whose parts are next to each other.
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> inverse: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> residual: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> x: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> p: array<vec2f>;
@group(0) @binding(8) var<storage, read_write> image: array<vec2f>;
@group(0) @binding(9) var<storage, read_write> parts: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> to: array<vec2f>;

var<workgroup> quads: array<vec4f, 256>;

fn turned(a: vec2f, w: vec2f) -> vec2f {
    return vec2f(a.x * w.x - a.y * w.y, a.x * w.y + a.y * w.x);
}

fn turned_back(a: vec2f, w: vec2f) -> vec2f {
    return vec2f(a.x * w.x + a.y * w.y, a.y * w.x - a.x * w.y);
}

fn pixels() -> u32 {
    return numbers.columns * numbers.rows;
}

// U: what a field is turned by; nothing where absorption weighs as much as phase.
fn direction(index: u32) -> vec2f {
    let at = pixels() + 2u * index;
    return select(vec2f(1.0, 0.0), vec2f(weights[at], weights[at + 1u]), numbers.absorption != 1.0);
}

// Of a field that is turned back.
fn of_parts() -> vec2f {
    return vec2f(numbers.absorption, 1.0);
}

// Of a field and its absorption: see the module `absorption`.
fn of_both() -> vec3f {
    return vec3f(1.0, 1.0, numbers.absorption - 1.0);
}

// The field at a pixel; third its absorption. x and p are turned back.
fn at(index: u32) -> vec3f {
    switch numbers.source {
        case 0u: {
            let here = object[index];
            return vec3f(here, dot(direction(index), here));
        }
        case 1u: {
            return vec3f(turned(x[index], direction(index)), x[index].x);
        }
        default: {
            return vec3f(turned(p[index], direction(index)), p[index].x);
        }
    }
}

// Whether a pixel has a neighbour to the left, to the right, above and below.
fn neighbours(index: u32) -> vec4<bool> {
    let column = index % numbers.columns;
    let row = index / numbers.columns;
    return vec4<bool>(column > 0u, column + 1u < numbers.columns, row > 0u, row + 1u < numbers.rows);
}

fn laplacian(index: u32) -> vec3f {
    let here = at(index);
    let has = neighbours(index);
    var sum = vec3f();
    if has.x {
        sum += here - at(index - 1u);
    }
    if has.y {
        sum += here - at(index + 1u);
    }
    if has.z {
        sum += here - at(index - numbers.columns);
    }
    if has.w {
        sum += here - at(index + numbers.columns);
    }
    return sum;
}

// D^T w D + rho L^T L; applied.
fn curvature(index: u32) -> vec3f {
    let here = at(index);
    let rough = laplacian(index);
    let weight = weights[index];
    let has = neighbours(index);
    var sum = vec3f();
    var bend = vec3f();
    if has.x {
        sum += weights[index - 1u] * (here - at(index - 1u));
        bend += rough - laplacian(index - 1u);
    }
    if has.y {
        sum += weight * (here - at(index + 1u));
        bend += rough - laplacian(index + 1u);
    }
    if has.z {
        let above = index - numbers.columns;
        sum += weights[above] * (here - at(above));
        bend += rough - laplacian(above);
    }
    if has.w {
        let below = index + numbers.columns;
        sum += weight * (here - at(below));
        bend += rough - laplacian(below);
    }
    return numbers.strength * (sum + ROUGHNESS * bend);
}

// Sums of the first three over the workgroup, and the largest of the fourth, for all threads.
fn gathered(value: vec4f, id: u32) -> vec4f {
    workgroupBarrier();
    quads[id] = value;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if id < half {
            let other = quads[id + half];
            quads[id] = vec4f(quads[id].xyz + other.xyz, max(quads[id].w, other.w));
        }
        workgroupBarrier();
    }
    return quads[0];
}

fn keep(value: vec4f, slot: u32, group: u32, id: u32) {
    let all = gathered(value, id);
    if id == 0u {
        parts[slot * GROUPS + group] = all;
    }
}

// The sum that the workgroups have put to a slot.
fn total(slot: u32, id: u32) -> f32 {
    var sum = vec4f();
    for (var group = id; group < numbers.groups; group += 256u) {
        sum += parts[slot * GROUPS + group];
    }
    return gathered(sum, id).x;
}

// w of every pixel; in parts sum (sqrt(s^2 |grad O|^2 + h^2) - h), sum w |grad O|^2, sum
// |L O|^2, each with what absorption weighs, and the largest light.
@compute @workgroup_size(256)
fn weigh(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    var sum = vec4f();
    for (var index = group.x * 256u + id; index < pixels(); index += numbers.groups * 256u) {
        sum.w = max(sum.w, lights[numbers.light + index]);
        if numbers.has_prior == 1u {
            let here = at(index);
            let has = neighbours(index);
            var squares = vec3f();
            if has.y {
                let change = at(index + 1u) - here;
                squares += change * change;
            }
            if has.w {
                let change = at(index + numbers.columns) - here;
                squares += change * change;
            }
            let square = dot(squares, of_both());
            let root = sqrt(numbers.s2 * square + numbers.edge * numbers.edge);
            var weight = numbers.edge / root;
            var value = root - numbers.edge;
            if numbers.bounded == 1u {
                value = numbers.edge - numbers.edge * weight;
                weight *= weight * weight;
            }
            weights[index] = weight;
            let rough = laplacian(index);
            sum += vec4f(value, weight * square, dot(rough * rough, of_both()), 0.0);
        }
    }
    keep(sum, 0u, group.x, id);
}

// The gradient: of the prior, minus the sum over the patterns.
@compute @workgroup_size(256)
fn gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let index = (group.x + group.y * ACROSS) * 256u + id;
    if index >= pixels() {
        return;
    }
    var of_prior = vec2f();
    if numbers.has_prior == 1u {
        let curved = curvature(index) * of_both();
        of_prior = curved.xy + curved.z * direction(index);
    }
    to[index] = of_prior - object[numbers.sum + index];
}

fn diagonal(index: u32) -> f32 {
    return lights[numbers.light + index] + numbers.floor;
}

// 1 / B, the residual, and x = residual / B; without a prior that is all.
@compute @workgroup_size(256)
fn begin(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let index = (group.x + group.y * ACROSS) * 256u + id;
    if index >= pixels() {
        return;
    }
    if numbers.has_prior == 0u {
        to[index] /= diagonal(index);
        return;
    }
    var sum = 2.0 * weights[index] + ROUGHNESS * ROUGHNESS_DIAGONAL;
    let has = neighbours(index);
    if has.x {
        sum += weights[index - 1u];
    }
    if has.z {
        sum += weights[index - numbers.columns];
    }
    let b = 1.0 / (diagonal(index) + 2.0 * numbers.strength * of_parts() * sum);
    let r = turned_back(to[index], direction(index));
    inverse[index] = b;
    residual[index] = r;
    x[index] = r * b;
}

// image <- M v of the source v; in parts of slot `step` Re <v, image>.
@compute @workgroup_size(256)
fn apply(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    var sum = 0.0;
    for (var index = group.x * 256u + id; index < pixels(); index += numbers.groups * 256u) {
        var here = p[index];
        if numbers.source == 1u {
            here = x[index];
        }
        let curved = curvature(index) * of_both();
        let product = turned_back(curved.xy, direction(index)) + vec2f(curved.z, 0.0)
            + diagonal(index) * here;
        image[index] = product;
        sum += dot(here, product);
    }
    keep(vec4f(sum, 0.0, 0.0, 0.0), numbers.step, group.x, id);
}

// Slots: 0 for the first image, then <r, r / B> of every step and <p, M p>, in turn.
fn of_residual(step: u32) -> u32 {
    return 1u + 2u * step;
}

// Whether the residual of a step is still worth another one.
fn goes_on(now: f32, first: f32) -> bool {
    return now > TOLERANCE * first && now > 0.0;
}

// x <- x + a p, r <- r - a image; in parts <r, r / B>. Step 0: r <- r - image.
@compute @workgroup_size(256)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    var step = 1.0;
    if numbers.step > 0u {
        let first = total(of_residual(0u), id);
        let now = total(of_residual(numbers.step - 1u), id);
        let product = total(of_residual(numbers.step - 1u) + 1u, id);
        step = select(0.0, now / product, goes_on(now, first));
    }
    var sum = 0.0;
    for (var index = group.x * 256u + id; index < pixels(); index += numbers.groups * 256u) {
        if numbers.step > 0u {
            x[index] += step * p[index];
        }
        let r = residual[index] - step * image[index];
        residual[index] = r;
        sum += dot(r * r, inverse[index]);
    }
    keep(vec4f(sum, 0.0, 0.0, 0.0), of_residual(numbers.step), group.x, id);
}

// p <- r / B + a p. Step 0: p <- r / B.
@compute @workgroup_size(256)
fn direct(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    var factor = 0.0;
    if numbers.step > 0u {
        let first = total(of_residual(0u), id);
        let before = total(of_residual(numbers.step - 1u), id);
        let now = total(of_residual(numbers.step), id);
        factor = select(0.0, now / before, goes_on(before, first));
    }
    for (var index = group.x * 256u + id; index < pixels(); index += numbers.groups * 256u) {
        var along = residual[index] * inverse[index];
        if factor != 0.0 {
            along += factor * p[index];
        }
        p[index] = along;
    }
}

@compute @workgroup_size(256)
fn finish(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let index = (group.x + group.y * ACROSS) * 256u + id;
    if index < pixels() {
        to[index] = turned(x[index], direction(index));
    }
}

// A probe's modes, divided by `lights` (here sum |O|^2) and what is added to it.
@compute @workgroup_size(256)
fn divide(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let index = (group.x + group.y * ACROSS) * 256u + id;
    if index < numbers.len {
        to[numbers.first + index] /= lights[index % pixels()] + numbers.floor;
    }
}
