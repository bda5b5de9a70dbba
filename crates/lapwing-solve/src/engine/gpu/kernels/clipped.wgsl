// Counts at the detector's limit: see `noise/clipped.rs`, of which this is a copy in single
// precision.

// P(count = n - 1) / P(count >= n) and ln P(count >= n) of Poisson counts around `mean`.
fn at_least(mean: f32) -> vec2f {
    if mean > 3.0 * LIMIT_PHOTONS + 30.0 {
        return vec2f();
    }
    var term = 1.0;
    var sum = 1.0;
    var next = LIMIT_PHOTONS;
    while term > 1e-7 * sum {
        next += 1.0;
        term *= mean / next;
        sum += term;
    }
    let above = LIMIT_PHOTONS * logarithm(mean) - mean - LIMIT_LN_FACTORIAL + logarithm(sum);
    return vec2f(LIMIT_PHOTONS / (mean * sum), min(above, 0.0));
}

// -Q'(z) / Q(z) and ln Q(z) of the upper tail Q of the normal distribution.
fn tail(z: f32) -> vec2f {
    if z <= -5.0 {
        return vec2f();
    }
    let ln_root = 0.9189385;
    if z >= 1.5 {
        var fraction = z;
        for (var term = 40.0; term > 0.0; term -= 1.0) {
            fraction = z + term / fraction;
        }
        return vec2f(fraction, -0.5 * z * z - ln_root - logarithm(fraction));
    }
    let density = exp(-0.5 * z * z - ln_root);
    var term = z;
    var sum = z;
    for (var odd = 3.0; odd < 120.0; odd += 2.0) {
        term *= z * z / odd;
        sum += term;
    }
    let above = 0.5 - density * sum;
    return vec2f(density / above, logarithm(above));
}

// Whether a measured value is at the limit.
fn is_clipped(m: f32) -> bool {
    return HAS_LIMIT && m >= LIMIT;
}

// What stands for such a value where the model's intensity is `i`, with `e` added to both, and its
// loss.
fn at_limit(i: f32, e: f32) -> vec2f {
    let light = max(i + e, 1e-30);
    var found = vec2f();
    if LIMIT_FEW {
        found = at_least(light / LIMIT_GAIN);
    } else {
        found = tail(2.0 * (sqrt(LIMIT_EDGE + e) - sqrt(light)) / sqrt(LIMIT_GAIN));
        found.x *= sqrt(LIMIT_GAIN / light);
    }
    return vec2f(max(light * (1.0 + found.x) - e, 0.0), -LIMIT_GAIN * found.y);
}

