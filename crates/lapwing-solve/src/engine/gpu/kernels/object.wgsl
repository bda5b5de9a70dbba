// Sums for the object, and its steps.

const NOWHERE: u32 = 0xffffffffu;

// Where the first mode of the member that entry `index` of a tile's list names has the object's
// pixel (y, x).
fn place_of(index: u32, y: u32, x: u32) -> u32 {
    let member = batch[index];
    let at = params.members + 8u * member;
    let in_y = y - batch[at + 1u];
    let in_x = x - batch[at + 2u];
    return select(NOWHERE, member * WAVES * PIXELS + in_y * W + in_x, in_y < H && in_x < W);
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
        for (var mode = 0u; mode < WAVES; mode++) {
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
