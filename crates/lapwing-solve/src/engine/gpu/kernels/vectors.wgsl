// Vectors like object or probe: products, and sums of two.

struct Numbers {
    // First value in `to`, in `source` (in `other`), and how many there are.
    to: u32,
    source: u32,
    len: u32,
    // First light, and the light at which a factor is half as large; unless that is below 0.
    light: u32,
    half: f32,
    a: f32,
    b: f32,
    slot: u32,
}

const ACROSS: u32 = 32768u;

@group(0) @binding(0) var<uniform> numbers: Numbers;
@group(0) @binding(1) var<storage, read> source: array<vec2f>;
@group(0) @binding(2) var<storage, read> other: array<vec2f>;
@group(0) @binding(3) var<storage, read> lights: array<f32>;
@group(0) @binding(4) var<storage, read_write> to: array<vec2f>;

var<workgroup> parts: array<f32, 256>;

// to <- a to + b source, b weighed by light / (light + half).
@compute @workgroup_size(256)
fn blend(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let index = (group.x + group.y * ACROSS) * 256u + id;
    if index >= numbers.len {
        return;
    }
    var b = numbers.b;
    if numbers.half >= 0.0 {
        let light = lights[numbers.light + index];
        b *= light / (light + numbers.half);
    }
    let at = numbers.to + index;
    to[at] = numbers.a * to[at] + b * source[numbers.source + index];
}

// 256 parts of Re <source, other>, in pairs from number `slot` of `to` on.
@compute @workgroup_size(256)
fn dot_parts(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    var sum = 0.0;
    for (var index = group.x * 256u + id; index < numbers.len; index += 65536u) {
        sum += dot(source[numbers.source + index], other[numbers.to + index]);
    }
    parts[id] = sum;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if id < half {
            parts[id] += parts[id + half];
        }
        workgroupBarrier();
    }
    if id == 0u {
        to[numbers.slot + group.x] = vec2f(parts[0], 0.0);
    }
}
