// The way of a batch to the detector and back.

// The shifted spectrum of every wave of every member, back along y.
@compute @workgroup_size(COLUMN_GROUP)
fn illuminate_y(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let rest = rest_of(params.members + 8u * group.z) + motion_of(group.y / MODES);
    let along_x = ramp_along(rest.y, x, W) * (STOP_WEIGHT * amplitude_of(group.z));
    let mode = group.y % MODES;
@ramp
    let to = (group.z * WAVES + group.y) * PIXELS + x;
@y  var $V = vec2f();
    if x < W {
@y      $V = turned(turned(spectrum_of(group.z, mode, x + $Y * W), along_x), r$K);
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
    let here = (group.z * WAVES + group.y) * PIXELS + y * W;
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

// Along y to the detector, the step there, and back along y. Mode 1: without a loss.
@compute @workgroup_size(COLUMN_GROUP)
fn detect(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let member = member_of(group.z, 0u);
    let at = params.members + 8u * member;
    let first = member * WAVES * PIXELS + x;
@y  var $V = vec2f();
@y  var i$K = 0.0;
    for (var mode = 0u; mode < WAVES; mode++) {
        let here = first + mode * PIXELS;
        if x < W {
@y          $V = waves[here + $Y * W];
        }
@y_forward
@y      $V *= SCALE_Y; i$K += dot($V, $V);
        if WAVES > 1u && x < W {
@y          waves[here + $Y * W] = $V;
        }
    }
    var loss = vec2f();
    var slope = 0.0;
    if x < W {
@y      { let found = judged(at, $Y * W + x, i$K); if VARIES { slope += 0.5 * i$K * found.x; } i$K = found.x; loss += found.yz; }
    }
    for (var mode = 0u; mode < WAVES; mode++) {
        let here = first + mode * PIXELS;
        if WAVES > 1u && x < W {
@y          $V = waves[here + $Y * W];
        }
@y      $V *= i$K;
@y_inverse
        if x < W {
@y          waves[here + $Y * W] = $V * SCALE_Y;
        }
    }
    let all = summed(vec4f(loss, slope, 0.0), id, COLUMN_GROUP);
    if id == 0u && params.mode == 0u {
        put_loss(member, group.x, COLUMN_GROUPS, all.xy);
        if VARIES {
            put_power_slope(member, group.x, COLUMN_GROUPS, all.z);
        }
    }
}

// As `detect`, where the step needs the whole pattern: along y to the detector alone. Intensities
// are left where chi will be.
@compute @workgroup_size(COLUMN_GROUP)
fn arrive(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let first = group.z * WAVES * PIXELS + x;
@y  var $V = vec2f();
@y  var i$K = 0.0;
    for (var mode = 0u; mode < WAVES; mode++) {
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
    let member = member_of(group.x, 0u);
    let at = params.members + 8u * member;
    let first = member * WAVES * PIXELS;
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
    var slope = 0.0;
    for (var pixel = id; pixel < PIXELS; pixel += 256u) {
        let found = chi[first + pixel];
        // No pixel goes past its own best value, the measured modulus.
        let m = stands_for(measured_at(batch[at], pixel), found.x);
        let projection = sqrt(m / (found.x + 1e-20)) - 1.0;
        let step = clamp(-alpha * found.y, min(projection, 0.0), max(projection, 0.0));
        let taken = select(step, 0.0, is_masked(at, pixel));
        chi[first + pixel] = vec2f(taken, 0.0);
        slope += 0.5 * (found.x - with_background(0.0, pixel)) * taken;
    }
    let all = summed(vec4f(loss, slope, 0.0, 0.0), id, 256u);
    if id == 0u {
        put_loss(member, 0u, 1u, vec2f(all.x, 0.0));
        if VARIES {
            put_power_slope(member, 0u, 1u, all.y);
        }
    }
}

// Times the factors, and back along y.
@compute @workgroup_size(COLUMN_GROUP)
fn leave(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let factors = group.z * WAVES * PIXELS + x;
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
    let here = (group.z * WAVES + group.y) * PIXELS + y * W;
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
