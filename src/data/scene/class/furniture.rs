//! Furniture, turned to +x; width runs along z.

use crate::data::scene::draw::Draw;
use crate::data::scene::model::Model;
use crate::data::scene::vector::{Vec3, v};

const UP: Vec3 = v(0.0, 1.0, 0.0);

/// The four corners (x, z) of a rectangle.
fn corners(x: f32, z: f32) -> [(f32, f32); 4] {
    [(x, z), (x, -z), (-x, z), (-x, -z)]
}

/// `n` places from −`reach` to `reach`.
fn spread(n: usize, reach: f32) -> impl Iterator<Item = f32> {
    (0..n).map(move |i| if n == 1 { 0.0 } else { reach * (2.0 * i as f32 / (n - 1) as f32 - 1.0) })
}

pub(super) fn bench(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (long, deep, high) = (0.5, d.between(0.12, 0.17), d.between(0.2, 0.28));
    let (slats, thick) = (3 + d.below(2), d.between(0.012, 0.018));
    let wide = deep / slats as f32 * d.between(0.7, 0.85);
    for x in spread(slats, deep - wide) {
        m.block(v(x, high, 0.0), v(wide, thick, long), 0.005);
    }
    let (has_back, lean, rails) = (d.chance(0.75), d.between(0.1, 0.3), 2 + d.below(2));
    let (rise, rail) = (d.between(0.2, 0.28), d.between(0.02, 0.03));
    let (legs, arms) = (d.chance(0.6), d.chance(0.5));
    let end = d.between(0.36, 0.46);
    for z in [-end, end] {
        if legs {
            let r = d.between(0.014, 0.022);
            m.rod(v(deep * 1.1, 0.0, z), v(deep * 0.8, high, z), [r; 2]);
            m.rod(v(-deep * 1.1, 0.0, z), v(-deep * 0.8, high, z), [r; 2]);
        } else {
            m.block(v(0.0, high / 2.0, z), v(deep * 0.85, high / 2.0, d.between(0.02, 0.035)), 0.004);
        }
        if has_back {
            let foot = v(-deep, high, z);
            m.tube(foot, foot + v(-lean * rise, rise, 0.0), 0.014);
        }
        if has_back && arms {
            let y = high + 0.11;
            m.block(v(0.0, y, z), v(deep * 0.95, 0.012, 0.022), 0.006);
            m.rod(v(deep * 0.8, high, z), v(deep * 0.8, y, z), [0.012; 2]);
        }
    }
    if has_back {
        for i in 0..rails {
            let up = rise * (0.35 + 0.65 * i as f32 / (rails - 1) as f32);
            m.tilted(v(-deep - lean * up, high + up, 0.0), v(0.012, rail, long), 0.004, lean);
        }
    }
    m
}

pub(super) fn cabinet(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (wide, high, deep) = (d.between(0.2, 0.45), d.between(0.24, 0.5), d.between(0.13, 0.2));
    m.block(Vec3::ZERO, v(deep, high, wide), 0.006);
    let top = d.between(0.01, 0.025);
    m.block(v(0.01, high + top, 0.0), v(deep + 0.03, top, wide + 0.025), 0.004);
    let (columns, rows) = (1 + d.below(2), 1 + d.below(3));
    let (gap, knob, proud) = (d.between(0.012, 0.025), d.between(0.012, 0.022), d.between(0.012, 0.022));
    let (w, h) = (wide / columns as f32, high / rows as f32);
    for z in spread(columns, wide - w) {
        for y in spread(rows, high - h) {
            m.block(v(deep, y, z), v(proud, h - gap, w - gap), 0.006);
            m.ball(v(deep + proud + knob, y, z - z.signum() * (w - gap) * 0.7), Vec3::ONE * knob);
        }
    }
    if d.chance(0.5) {
        let foot = d.between(0.05, 0.12);
        for (x, z) in corners(deep * 0.85, wide * 0.9) {
            m.rod(v(x, -high - foot, z), v(x, -high, z), [0.014, 0.022]);
        }
    } else {
        m.block(v(-0.01, -high - 0.02, 0.0), v(deep * 0.92, 0.03, wide * 0.94), 0.0);
    }
    m
}

pub(super) fn chair(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (deep, wide, high) = (d.between(0.18, 0.23), d.between(0.18, 0.23), d.between(0.38, 0.48));
    let thick = d.between(0.016, 0.04);
    m.block(v(0.0, high, 0.0), v(deep, thick, wide), thick * 0.7);
    let rise = d.between(0.36, 0.56);
    let lean = d.between(0.05, 0.25);
    let at = |up: f32| v(-deep - lean * up, high + up, 0.0);
    match d.below(3) {
        0 => m.tilted(at(rise * 0.55), v(0.018, rise * 0.45, wide * 0.95), 0.015, lean),
        1 => {
            for z in spread(2 + d.below(3), wide * 0.85) {
                m.tube(v(-deep, high, z), at(rise) + v(0.0, 0.0, z), 0.015);
            }
            m.tilted(at(rise), v(0.015, 0.035, wide), 0.012, lean);
        }
        _ => {
            for z in [-wide * 0.9, wide * 0.9] {
                m.tube(v(-deep, high, z), at(rise) + v(0.0, 0.0, z), 0.016);
            }
            for i in 1..4 {
                m.tilted(at(rise * i as f32 / 3.0), v(0.011, 0.032, wide * 0.9), 0.008, lean);
            }
        }
    }
    if d.chance(0.3) {
        for z in [-wide, wide] {
            let y = high + d.between(0.15, 0.2);
            m.block(v(0.0, y, z), v(deep * 0.9, 0.014, 0.024), 0.01);
            m.rod(v(deep * 0.7, high, z), v(deep * 0.7, y, z), [0.013; 2]);
        }
    }
    if d.chance(0.2) {
        m.rod(v(0.0, 0.06, 0.0), v(0.0, high, 0.0), [0.028; 2]);
        for i in 0..5 {
            let (s, c) = (i as f32 * std::f32::consts::TAU / 5.0).sin_cos();
            m.tube(v(0.0, 0.06, 0.0), v(0.24 * c, 0.02, 0.24 * s), 0.018);
        }
    } else {
        let (foot, r, splay) = (d.between(0.5, 1.0), d.between(0.016, 0.026), d.between(0.95, 1.2));
        for (x, z) in corners(deep * 0.88, wide * 0.88) {
            m.rod(v(x * splay, 0.0, z * splay), v(x, high, z), [r * foot, r]);
        }
    }
    m
}

pub(super) fn lamp(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (r, thick) = (d.between(0.11, 0.18), d.between(0.012, 0.025));
    m.rod(v(0.0, 0.0, 0.0), v(0.0, 2.0 * thick, 0.0), [r, r * d.between(0.5, 1.0)]);
    if d.chance(0.3) {
        // A desk lamp: two arms and a cone that looks down.
        let elbow = v(0.0, d.between(0.4, 0.55), d.between(0.05, 0.2));
        let head = elbow + v(0.0, d.between(0.1, 0.25), -d.between(0.3, 0.42));
        m.tube(Vec3::ZERO, elbow, 0.02);
        m.tube(elbow, head, 0.018);
        m.ball(elbow, Vec3::ONE * 0.035);
        let down = v(0.0, -1.0, -d.between(0.0, 0.8)).unit();
        let (deep, wide) = (d.between(0.15, 0.2), d.between(0.12, 0.17));
        m.shade(head - down * 0.03, head + down * deep, [0.04, wide], 0.014);
        m.ball(head, Vec3::ONE * 0.05);
        return m;
    }
    let (high, wide, deep) = (d.between(0.45, 1.0), d.between(0.18, 0.28), d.between(0.1, 0.15));
    let taper = d.between(0.35, 0.95);
    m.rod(Vec3::ZERO, v(0.0, high, 0.0), [d.between(0.016, 0.026); 2]);
    if d.chance(0.5) {
        let belly = d.between(0.06, 0.13);
        m.ball(v(0.0, high * 0.35, 0.0), v(belly, high * 0.28, belly));
    }
    m.shade(v(0.0, high - deep, 0.0), v(0.0, high + deep, 0.0), [wide, wide * taper], 0.012);
    m.ball(v(0.0, high, 0.0), Vec3::ONE * 0.05);
    m
}

pub(super) fn sofa(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (wide, deep) = (d.between(0.38, 0.52), d.between(0.19, 0.24));
    let (seat, rise, round) = (d.between(0.14, 0.19), d.between(0.2, 0.3), d.between(0.02, 0.05));
    let (arm, arm_high, foot) = (d.between(0.04, 0.08), d.between(0.26, 0.34), d.between(0.02, 0.06));
    let lift = |y: f32| y + foot;
    m.block(v(0.0, lift(seat * 0.45), 0.0), v(deep, seat * 0.45, wide), round);
    m.tilted(
        v(-deep, lift((seat + rise) / 2.0), 0.0),
        v(d.between(0.045, 0.075), (seat + rise) / 2.0, wide),
        round,
        d.between(0.0, 0.2),
    );
    for z in [-wide, wide] {
        m.block(v(-0.01, lift(arm_high / 2.0), z), v(deep + 0.02, arm_high / 2.0, arm), round);
    }
    let (seats, plump) = (2 + d.below(2), d.between(0.04, 0.06));
    let each = (wide - arm) / seats as f32;
    for z in spread(seats, wide - arm - each) {
        m.block(v(0.02, lift(seat * 0.9 + plump * 0.6), z), v(deep * 0.95, plump, each - 0.006), plump * 0.7);
        m.tilted(v(-deep * 0.62, lift(seat + rise * 0.6), z), v(plump, rise * 0.42, each - 0.008), plump * 0.7, 0.2);
    }
    for (x, z) in corners(deep * 0.85, wide * 0.95) {
        m.rod(v(x, 0.0, z), v(x, foot + 0.02, z), [0.018, 0.026]);
    }
    m
}

pub(super) fn table(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (deep, wide, high) = (d.between(0.24, 0.36), d.between(0.34, 0.5), d.between(0.34, 0.58));
    let (thick, is_round) = (d.between(0.014, 0.032), d.chance(0.3));
    if is_round {
        m.disc(v(0.0, high, 0.0), UP, wide * 0.85, thick);
    } else {
        m.block(v(0.0, high, 0.0), v(deep, thick, wide), thick * d.between(0.1, 0.9));
    }
    let (x, z) = if is_round { (wide * 0.5, wide * 0.5) } else { (deep * 0.88, wide * 0.9) };
    let (r, taper) = (d.between(0.018, 0.035), d.between(0.5, 1.0));
    if d.chance(0.25) {
        m.rod(v(0.0, 0.0, 0.0), v(0.0, high, 0.0), [r * 2.0, r * 1.6]);
        m.rod(v(0.0, 0.0, 0.0), v(0.0, 0.04, 0.0), [wide * 0.5, wide * 0.35]);
        return m;
    }
    let splay = d.between(0.9, 1.08);
    for (x, z) in corners(x, z) {
        m.rod(v(x * splay, 0.0, z * splay), v(x, high, z), [r * taper, r]);
    }
    if d.chance(0.3) {
        m.block(v(0.0, high * d.between(0.2, 0.35), 0.0), v(x, 0.012, z), 0.0);
    }
    if !is_round && d.chance(0.5) {
        m.block(v(0.0, high - thick - 0.025, 0.0), v(deep * 0.86, 0.03, wide * 0.88), 0.0);
    }
    m
}
