// Step lengths along search directions.

// The inner products of every member's least-squares problem over the rows of a window that count,
// in parts.
@compute @workgroup_size(256)
fn normals(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) id: u32) {
    let member = group.y;
    let at = params.members + 8u * member;
    let corner = batch[at + 1u] * COLUMNS + batch[at + 2u];
    let each = (STEP_PIXELS + PARTS - 1u) / PARTS;
    let end = min((group.x + 1u) * each, STEP_PIXELS);
    var four = vec4f();
    var fifth = 0.0;
    for (var place = group.x * each + id; place < end; place += 256u) {
        let pixel = place / W * (BETWEEN_STEP_ROWS * W) + place % W;
        let on_object = corner + pixel / W * COLUMNS + pixel % W;
        let o = object[on_object];
        let to_object = object[TO_OBJECT + on_object];
        for (var wave = 0u; wave < WAVES; wave++) {
            let here = (member * WAVES + wave) * PIXELS + pixel;
            let to_probe = DIRECTION + (wave % MODES) * PIXELS + pixel;
            let a = turned(to_object, probes[here]);
            let b = turned(probe[to_probe], o);
            let c = chi[here];
            four += vec4f(dot(a, a), dot(b, b), dot(a, b), dot(a, c));
            fifth += dot(b, c);
        }
    }
    // A change of the probe is as much brighter as the beam is, and a stop has its share of it.
    let amplitude = STOP_WEIGHT * amplitude_of(member);
    four *= vec4f(1.0, amplitude * amplitude, amplitude, 1.0);
    four = summed(four, id, 256u);
    fifth = summed(vec4f(amplitude * fifth, 0.0, 0.0, 0.0), id, 256u).x;
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
