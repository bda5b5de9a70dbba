// Stored exit waves; see `engine::WaveUpdate` for how they move.

// In the place of arrays that the kernels below do not use: waves kept, and what they share where
// that is something else; axes (number in the array, wave, y, x).
@group(0) @binding(9) var<storage, read_write> kept: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> shares: array<vec2f>;

// Set in a member's last word before its first pass; the rest is its number in the array.
const IS_NEW: u32 = 0x80000000u;

// Where row `y` of a mode of the member at `at` is kept.
fn kept_row(at: u32, mode: u32, y: u32) -> u32 {
    return ((batch[at + 7u] & (IS_NEW - 1u)) * WAVES + mode) * PIXELS + y * W;
}

// Back along x: the shifted probe; times the object p; e of it and of what is kept, in the place of
// the latter; on along x.
@compute @workgroup_size(ROW_GROUP)
fn meet_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let member = member_of(group.z, 1u);
    let at = params.members + 8u * member;
    let here = (member * WAVES + group.y) * PIXELS + y * W;
    let stored = kept_row(at, group.y, y);
    let corner = (batch[at + 1u] + y) * COLUMNS + batch[at + 2u];
    let is_new = batch[at + 7u] >= IS_NEW;
@x  var $V = vec2f();
    if y < H {
@x      $V = waves[here + $X];
    }
@x_inverse
    if y < H {
@x      $V *= SCALE_X; probes[here + $X] = $V; $V = turned($V, object[corner + $X]);
        if !is_new {
@x          $V = params.trial_product * $V + params.trial_wave * kept[stored + $X];
        }
@x      kept[stored + $X] = $V;
    }
@x_forward
    if y < H {
@x      waves[here + $X] = $V * SCALE_X;
    }
}

// Back along x: m - e; what is kept of p, e and m, and in the place of chi what is shared. The loss
// is the gap sum |m - p|^2 over a group's rows of all modes.
@compute @workgroup_size(ROW_GROUP)
fn land_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let member = member_of(group.z, 1u);
    let at = params.members + 8u * member;
    let corner = (batch[at + 1u] + y) * COLUMNS + batch[at + 2u];
    let keep = vec3f(params.keep_product, params.keep_before, params.keep_after);
    let share = vec3f(params.share_product, params.share_before, params.share_after);
    var gap = 0.0;
@x  var $V = vec2f();
    for (var mode = 0u; mode < WAVES; mode++) {
        let here = (member * WAVES + mode) * PIXELS + y * W;
        let stored = kept_row(at, mode, y);
        if y < H {
@x          $V = waves[here + $X];
        }
@x_inverse
        if y < H {
@x          let p$K = turned(probes[here + $X], object[corner + $X]);
@x          let e$K = kept[stored + $X];
@x          let m$K = e$K + $V * SCALE_X;
@x          gap += dot(m$K - p$K, m$K - p$K);
@x          kept[stored + $X] = keep.x * p$K + keep.y * e$K + keep.z * m$K;
@x          $V = share.x * p$K + share.y * e$K + share.z * m$K;
@x          chi[here + $X] = $V;
            if params.shares == 1u {
@x              shares[stored + $X] = $V;
            }
        }
    }
    let all = summed(vec4f(gap, 0.0, 0.0, 0.0), id, ROW_GROUP);
    if id == 0u {
        put_loss(member, group.x, ROW_GROUPS, vec2f(all.x, 0.0));
    }
}

fn share_at(place: u32) -> vec2f {
    if params.shares == 1u {
        return shares[place];
    }
    return kept[place];
}

// Back along x: the shifted probe; in the place of chi what was shared in the last pass.
@compute @workgroup_size(ROW_GROUP)
fn share_object_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let member = member_of(group.z, 1u);
    let here = (member * WAVES + group.y) * PIXELS + y * W;
    let stored = kept_row(params.members + 8u * member, group.y, y);
@x  var $V = vec2f();
    if y < H {
@x      $V = waves[here + $X];
    }
@x_inverse
    if y < H {
@x      probes[here + $X] = $V * SCALE_X; chi[here + $X] = share_at(stored + $X);
    }
}

// What was shared in the last pass, times the conjugate object, on along x.
@compute @workgroup_size(ROW_GROUP)
fn share_probe_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let line = id / ROW_THREADS;
    let t = id % ROW_THREADS;
    let y = group.x * ROW_LINES + line;
    let member = member_of(group.z, 1u);
    let at = params.members + 8u * member;
    let here = (member * WAVES + group.y) * PIXELS + y * W;
    let stored = kept_row(at, group.y, y);
    let corner = (batch[at + 1u] + y) * COLUMNS + batch[at + 2u];
@x  var $V = vec2f();
    if y < H {
@x      $V = turned_back(share_at(stored + $X), object[corner + $X]);
    }
@x_forward
    if y < H {
@x      waves[here + $X] = $V * SCALE_X;
    }
}
