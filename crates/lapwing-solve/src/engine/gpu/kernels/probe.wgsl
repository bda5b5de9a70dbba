// Sums for the probe, and its steps.

// Notes a group's part of two numbers, of which there are some for every member, from `to` on.
fn put_pair(to: u32, number: u32, group: u32, pair: vec2f) {
    let at = to + 2u * (number * COLUMN_GROUPS + group);
    outs[at] = pair.x;
    outs[at + 1u] = pair.y;
}

// Along y: chi conj(O), unshifted, as spectra, and |O|^2, summed over the members of a piece.
@compute @workgroup_size(COLUMN_GROUP)
fn gather_y(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id % COLUMN_LINES;
    let t = id / COLUMN_LINES;
    let x = group.x * COLUMN_LINES + line;
    let mode = group.y;
    // An eigenmode goes by what the first mode does.
    let wave = select(mode, 0u, mode >= MODES);
    let first = group.z * params.per_piece;
    let end = min(first + params.per_piece, params.count);
@y  var $V = vec2f();
@y  var s$K = vec2f();
@y  var p$K = 0.0;
    for (var member = first; member < end; member++) {
        let at = params.members + 8u * member;
        let corner = batch[at + 1u] * COLUMNS + batch[at + 2u] + x;
        let amplitude = amplitude_of(member);
        // What the loss falls by with the weight of an eigenmode; and with a shift: the sum of
        // -2 pi u Im(conj(P) S) over a spectrum.
        var of_weight = vec2f();
        var turning = vec2f();
        for (var stop = 0u; stop < STOPS; stop++) {
            let here = (member * WAVES + stop * MODES + wave) * PIXELS + x;
            let rest = rest_of(at) + motion_of(stop);
            let along_x = ramp_along(rest.y, x, W) * (STOP_WEIGHT * amplitude);
            if x < W {
@y              $V = waves[here + $Y * W];
            }
@y_forward
@ramp
@y          $V = turned_back(turned_back($V, r$K), along_x);
            if mode >= MODES {
                if x < W {
@y                  of_weight += turned_back($V, probe[SPECTRA + mode * PIXELS + x + $Y * W]);
                }
                let weight = weight_of(member, mode - MODES);
@y              $V = turned_back($V, weight);
            }
@y          s$K += $V;
            if MOVES && mode < MODES && x < W {
@y              { let p = spectrum_of(member, mode, x + $Y * W); let twist = p.x * $V.y - p.y * $V.x; turning += vec2f(frequency($Y, H) * twist, twist); }
            }
        }
        if mode >= MODES {
            let all = summed(vec4f(of_weight * SCALE_Y, 0.0, 0.0), id, COLUMN_GROUP);
            if id == 0u {
                put_pair(WEIGHTS, member * EIGENMODES + mode - MODES, group.x, all.xy);
            }
        } else if MOVES {
            let of_group = vec2f(turning.x, frequency(x, W) * turning.y) * (-6.283185307 * SCALE_Y);
            let all = summed(vec4f(of_group, 0.0, 0.0), id, COLUMN_GROUP);
            if id == 0u {
                put_pair(TURNS, member * MODES + mode, group.x, all.xy);
            }
        }
        if mode == 0u && x < W {
@y          { let o = object[corner + $Y * COLUMNS]; p$K += amplitude * amplitude * dot(o, o); }
        }
    }
    if x < W {
        let to = (group.z * FIELDS + mode) * PIXELS + x;
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
    if index < FIELDS * PIXELS {
        var sum = select(probe[ADDED + index], vec2f(), params.mode == 1u);
        for (var piece = 0u; piece < params.pieces; piece++) {
            sum += partials[piece * FIELDS * PIXELS + index];
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
    for (var mode = 0u; mode < FIELDS; mode++) {
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
    for (var mode = 0u; mode < FIELDS; mode++) {
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
