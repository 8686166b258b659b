//! Vehicles, pointing to −z.

use crate::data::scene::draw::Draw;
use crate::data::scene::model::Model;
use crate::data::scene::vector::{Vec3, v};

const ACROSS: Vec3 = v(1.0, 0.0, 0.0);

pub(super) fn airplane(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let r = d.between(0.045, 0.07);
    m.tube(v(0.0, 0.0, -0.38), v(0.0, 0.0, 0.22), r);
    m.ball(v(0.0, 0.0, -0.38), v(r, r, d.between(0.08, 0.14)));
    m.ball(v(0.0, r * 0.2, 0.22), v(r * 0.97, r * 0.8, d.between(0.24, 0.3)));
    let (span, chord, tip) = (d.between(0.38, 0.52), d.between(0.15, 0.24), d.between(0.3, 0.75));
    let (sweep, rise, at) = (d.between(0.0, 0.5), d.between(-0.02, 0.12), d.between(-0.12, 0.02));
    let height = r * d.between(-0.6, 0.6);
    let (tail, tail_sweep, fin) = (d.between(0.14, 0.2), d.between(0.1, 0.5), d.between(0.15, 0.22));
    let tail_at = if d.chance(0.25) { v(0.0, fin * 0.95, 0.36 + fin * 0.35) } else { v(0.0, r * 0.4, 0.36) };
    let engines = d.below(3);
    for side in [-1.0, 1.0] {
        let out = |reach: f32, sweep: f32, rise: f32| v(side * reach, rise * reach, sweep * reach);
        let root = v(0.0, height, at);
        m.wing(root, out(span, sweep, rise), v(0.0, 0.0, chord), tip, 0.014);
        m.wing(tail_at, out(tail, tail_sweep, 0.05), v(0.0, 0.0, 0.11), 0.6, 0.011);
        for k in 1..=engines {
            let reach = span * if engines == 1 { 0.38 } else { 0.25 * k as f32 + 0.05 };
            let hung = root + out(reach, sweep, rise) + v(0.0, -0.045, -chord * 0.35);
            m.tube(hung + v(0.0, 0.0, -0.035), hung + v(0.0, 0.0, 0.05), 0.03);
        }
    }
    m.wing(v(0.0, 0.0, 0.36), v(0.0, fin, fin * 0.35), v(0.0, 0.0, 0.15), 0.55, 0.012);
    if engines == 0 {
        // A propeller.
        let turned = d.between(0.0, 3.1).sin_cos();
        let blade = v(turned.0, turned.1, 0.0) * 0.13;
        m.tube(v(0.0, 0.0, -0.5) - blade, v(0.0, 0.0, -0.5) + blade, 0.012);
    }
    m
}

pub(super) fn car(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (wide, wheel) = (d.between(0.18, 0.22), d.between(0.075, 0.098));
    let (floor, belt) = (wheel * 0.7, wheel * 0.7 + d.between(0.12, 0.16));
    let middle = (floor + belt) / 2.0;
    m.block(v(0.0, middle, 0.0), v(wide, (belt - floor) / 2.0, 0.5), d.between(0.03, 0.06));
    // The cabin: from a low coupé to a van.
    let (high, long) = (d.between(0.1, 0.19), d.between(0.24, 0.36));
    let (roof, back) = (long * d.between(0.55, 0.85), d.between(0.0, 0.13));
    let root = v(0.0, belt - 0.02, back);
    let cabin = v(0.0, high + 0.02, d.between(-0.04, 0.04));
    m.wing(root, cabin, v(0.0, 0.0, 2.0 * long), roof / long, wide * 0.86);
    let round = 0.02;
    m.block(root + cabin + v(0.0, -round * 0.3, 0.0), v(wide * 0.84, round, roof * 0.97), round);
    let axle = d.between(0.29, 0.34);
    for z in [-axle, axle * 0.97] {
        for side in [-1.0, 1.0] {
            let hub = v(side * (wide - 0.01), wheel, z);
            m.disc(hub, ACROSS, wheel, 0.032);
            m.disc(hub + ACROSS * (side * 0.034), ACROSS, wheel * 0.5, 0.008);
        }
    }
    for side in [-1.0, 1.0] {
        m.ball(v(side * wide * 0.68, middle + 0.02, -0.495), v(0.04, 0.026, 0.02));
        m.ball(v(side * (wide + 0.015), belt + 0.02, root.z - long * 0.75), v(0.028, 0.02, 0.016));
    }
    m.block(v(0.0, floor + 0.03, -0.5), v(wide * 0.96, 0.022, 0.025), 0.015);
    m.block(v(0.0, floor + 0.03, 0.5), v(wide * 0.96, 0.022, 0.025), 0.015);
    m
}

pub(super) fn watercraft(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (beam, depth) = (d.between(0.11, 0.17), d.between(0.11, 0.16));
    let sails = d.chance(0.45);
    m.bowl(Vec3::ZERO, v(beam, depth, 0.5), d.between(0.0, 0.15));
    if sails {
        let (mast, at) = (d.between(0.6, 0.85), d.between(-0.1, 0.0));
        m.rod(v(0.0, 0.0, at), v(0.0, mast, at), [0.016, 0.009]);
        let boom = d.between(0.28, 0.38);
        m.tube(v(0.0, 0.08, at), v(0.0, 0.08, at + boom), 0.01);
        // Triangles: a chord that shrinks to nothing along the mast.
        let tall = mast * d.between(0.8, 0.88);
        m.wing(v(0.0, 0.09, at + boom / 2.0), v(0.0, tall, -boom / 2.0), v(0.0, 0.0, boom), 0.04, 0.007);
        let (jib, low) = (0.44 + at, tall * d.between(0.6, 0.85));
        m.wing(v(0.0, 0.07, at - jib / 2.0 - 0.02), v(0.0, low, jib / 2.0), v(0.0, 0.0, jib * 0.95), 0.04, 0.007);
        return m;
    }
    let (low, long) = (d.between(0.08, 0.12), d.between(0.14, 0.24));
    let at = d.between(-0.02, 0.14);
    let wide = beam * 0.62;
    m.wing(v(0.0, -0.01, at), v(0.0, low, 0.01), v(0.0, 0.0, 2.0 * long), d.between(0.75, 0.95), wide);
    let bridge = d.between(0.05, 0.09);
    m.wing(v(0.0, low - 0.01, at), v(0.0, bridge, 0.01), v(0.0, 0.0, long * 1.1), d.between(0.6, 0.95), wide * 0.75);
    let top = low + bridge;
    if d.chance(0.5) {
        let r = d.between(0.025, 0.04);
        m.rod(v(0.0, low, at + long * 0.3), v(0.0, top + d.between(0.05, 0.12), at + long * 0.38), [r, r * 0.9]);
    }
    m.rod(v(0.0, top - 0.01, at - 0.03), v(0.0, top + d.between(0.08, 0.2), at - 0.01), [0.01, 0.006]);
    for side in [-1.0, 1.0] {
        m.tube(v(side * beam * 0.75, 0.055, -0.18), v(0.0, 0.07, -0.44), 0.008);
        m.tube(v(side * beam * 0.75, 0.0, -0.18), v(side * beam * 0.75, 0.055, -0.18), 0.008);
    }
    m
}

pub(super) fn motorcycle(d: &mut Draw) -> Model {
    let mut m = Model::default();
    let (r, tyre, axle) = (d.between(0.135, 0.17), d.between(0.03, 0.045), d.between(0.31, 0.36));
    let (rake, high) = (d.between(0.1, 0.18), d.between(0.22, 0.28));
    let hubs = [v(0.0, r + tyre, -axle), v(0.0, r + tyre, axle)];
    for hub in hubs {
        m.ring(hub, ACROSS, r, tyre);
        m.disc(hub, ACROSS, r * 0.45, 0.018);
        let turned = d.between(0.0, 1.5).sin_cos();
        for spoke in [v(0.0, turned.0, turned.1), v(0.0, turned.1, -turned.0)] {
            m.tube(hub - spoke * r, hub + spoke * r, 0.011);
        }
    }
    let [front, rear] = hubs;
    let head = front + v(0.0, high, rake);
    for side in [-1.0, 1.0] {
        let beside = ACROSS * (side * (tyre + 0.012));
        m.tube(front + beside, head + beside, 0.016);
        m.tube(rear + beside, v(side * 0.04, r + tyre, 0.02), 0.016);
    }
    let bar = d.between(0.13, 0.2);
    let pulled = v(0.0, d.between(0.02, 0.08), d.between(0.03, 0.09));
    m.tube(head, head + pulled + ACROSS * bar, 0.013);
    m.tube(head, head + pulled - ACROSS * bar, 0.013);
    m.ball(head + v(0.0, -0.03, -0.045), v(0.045, 0.045, 0.035));
    // Tank, seat and engine hang on one beam.
    let beam = head.y - d.between(0.05, 0.08);
    let (tank, plump) = (d.between(0.12, 0.16), d.between(0.055, 0.075));
    let neck = head.z + tank * 0.9;
    m.ball(v(0.0, beam, neck), v(plump, plump, tank));
    let seat = d.between(0.14, 0.2);
    m.block(v(0.0, beam - 0.03, neck + tank * 0.7 + seat * 0.8), v(0.055, 0.03, seat), 0.03);
    m.tube(v(0.0, beam - 0.03, neck + tank), v(0.0, r + tyre, 0.08), 0.02);
    let deep = d.between(0.075, 0.1);
    m.block(v(0.0, r + 0.03, 0.0), v(0.06, deep * 0.8, deep), 0.03);
    m.rod(v(0.0, r, -0.02), v(0.0, beam, -0.08), [0.055, 0.05]);
    let pipe = d.between(0.024, 0.034);
    m.tube(v(0.085, r * 0.75, 0.03), v(0.09, r * 0.95, axle + d.between(0.0, 0.12)), pipe);
    m.tube(rear + v(0.0, r + tyre + 0.015, -0.06), rear + v(0.0, r * 0.75 + tyre, r * 0.8), 0.026);
    m
}
