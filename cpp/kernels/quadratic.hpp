// Minimises a quadratic model under an L1 penalty and bounds, on one thread:
//
//   m(d) = g.d + d'Hd/2 + sum_j a_j (|w_j + d_j| - |w_j|),   lower <= w + d <= upper
//
// Coordinate descent finds which coefficients move (the face: not at 0 with a_j > 0, not at a bound); on the face m is
// smooth, and one exact step (Cholesky, or conjugate gradients for large faces, and where roughly is enough) goes to
// its minimum. A step that would change signs or leave the bounds is projected, if m falls, or else cut at the first
// change. Sweeps and steps alternate until the subgradient is small (Friedman, Hastie & Tibshirani, J. Stat. Softw. 33,
// 2010; Hastie, Tibshirani & Wainwright 2015, 5.4; the face steps as in Bertsekas, SIAM J. Control Optim. 20, 1982).
#pragma once

#include "solve.hpp"
#include "vectors.hpp"

namespace logloss::LOGLOSS_ISA {
namespace {

struct Model {                // all of length n, H n x n
    const double* hessian;
    const double *l1, *lower, *upper;
    Index n;
    double* point;            // w + d
    double* slope;            // g + Hd

    const double* row(Index j) const { return hessian + j * n; }

    // -(the subgradient of least norm): 0 at the minimum
    double pull(Index j) const {
        const double w = point[j], a = l1[j], s = slope[j];
        const double up = -(s + (w < 0 ? -a : a)), down = -(s + (w > 0 ? a : -a));
        if (up > 0 && w < upper[j]) return up;
        return down < 0 && w > lower[j] ? down : 0.0;
    }
    bool inside(Index j) const {
        return point[j] > lower[j] && point[j] < upper[j] && (point[j] != 0 || l1[j] == 0);
    }
};

INLINE void axpy(double t, const double* x, double* y, Index n) {
    Index i = 0;
    for (; i + W <= n; i += W) store(y + i, load(y + i) + load(x + i) * t);
    for (; i < n; i++) y[i] += t * x[i];
}

INLINE double clip(double x, double low, double high) { return x < low ? low : (x > high ? high : x); }

// The minimum of m over one coefficient.
INLINE double best_of(const Model& m, Index j) {
    const double h = m.row(j)[j], w = m.point[j], a = m.l1[j];
    if (!(h > 0)) {  // a column of zeros: only its penalty is left
        return a > 0 ? clip(0.0, m.lower[j], m.upper[j]) : w;
    }
    const double u = w - m.slope[j] / h, t = a / h;
    return clip(u > t ? u - t : (u < -t ? u + t : 0.0), m.lower[j], m.upper[j]);
}

// Sweeps until one leaves the face as it is, `most` at most.
inline void sweep(Model& m, Index most) {
    for (Index k = 0; k < most; k++) {
        bool changed = false;
        for (Index j = 0; j < m.n; j++) {
            if (m.pull(j) == 0) continue;
            const bool was = m.inside(j);
            const double best = best_of(m, j), moved = best - m.point[j];
            if (moved == 0) continue;
            axpy(moved, m.row(j), m.slope, m.n);
            m.point[j] = best;
            changed |= was != m.inside(j);
        }
        if (!changed && k > 0) return;
    }
}

// What is left to gain, at least, along each coefficient on its own.
inline double left(const Model& m) {
    double total = 0;
    for (Index j = 0; j < m.n; j++) {
        const double p = m.pull(j), h = m.row(j)[j];
        if (p != 0 && h > 0) total += p * p / (2 * h);
    }
    return total;
}

// What rounding of the slopes makes of `left`.
inline double rounding(const Model& m) {
    double total = 0;
    for (Index j = 0; j < m.n; j++) {
        const double e = 1e-15 * (m.l1[j] + __builtin_fabs(m.slope[j])), h = m.row(j)[j];
        if (h > 0) total += e * e / (2 * h);
    }
    return total;
}

struct Face {
    Index* columns;           // of the face, increasing
    Index size;
    double *step, *trial, *memory;  // step: (n), 0 off the face
};

constexpr Index largest_factored = 384;
constexpr Index largest_factored_first = 64;  // in the first round towards a rough minimum

// False where the face is singular: the step then leaves out what is a combination of other columns. With a `ridge` (a
// share of the diagonal) it runs far along directions without curvature instead, until a coefficient stops it: that is
// the way out of a face that is too large.
inline bool step_by_cholesky(const Model& m, Face& f, double ridge) {
    double *a = f.memory, *x = a + f.size * f.size, *scale = x + f.size;
    for (Index i = 0; i < f.size; i++) {
        const double* row = m.row(f.columns[i]);
        for (Index j = 0; j < i; j++) a[i * f.size + j] = row[f.columns[j]];
        a[i * f.size + i] = row[f.columns[i]] * (1 + ridge);
        x[i] = m.pull(f.columns[i]);
    }
    const Index rank = solve(a, f.size, x, ridge > 0 ? 0.0 : 1e-14, scale);
    for (Index i = 0; i < f.size; i++) f.step[f.columns[i]] = x[i];
    return rank == f.size;
}

inline void step_by_gradients(const Model& m, Face& f, double accuracy) {
    double *r = f.memory, *p = r + f.size, *hp = p + m.n, square = 0;
    for (Index j = 0; j < m.n; j++) p[j] = 0;
    for (Index i = 0; i < f.size; i++) {
        const Index j = f.columns[i];
        r[i] = m.pull(j);
        p[j] = r[i] / m.row(j)[j];
        square += r[i] * p[j];
    }
    const double enough = accuracy * square;
    for (Index k = 0; k < 2 * f.size && square > enough; k++) {
        double curvature = 0;
        for (Index i = 0; i < f.size; i++) {
            hp[i] = dot(m.row(f.columns[i]), p, m.n);
            curvature += p[f.columns[i]] * hp[i];
        }
        if (!(curvature > 0)) return;
        const double rate = square / curvature, before = square;
        square = 0;
        for (Index i = 0; i < f.size; i++) {
            const Index j = f.columns[i];
            f.step[j] += rate * p[j];
            r[i] -= rate * hp[i];
            square += r[i] * r[i] / m.row(j)[j];
        }
        const double keep = square / before;
        for (Index i = 0; i < f.size; i++) {
            const Index j = f.columns[i];
            p[j] = r[i] / m.row(j)[j] + keep * p[j];
        }
    }
}

// Where a coefficient is stopped on its way from w by `step`: at 0, where its sign would change, or at a bound.
INLINE double stop_at(const Model& m, Index j, double step) {
    const double w = m.point[j], target = clip(w + step, m.lower[j], m.upper[j]);
    return m.l1[j] > 0 && w * target < 0 ? 0.0 : target;
}

// Moves to w + t*step, stopped coefficient by coefficient; false where m would not fall (nothing is moved then).
inline bool move(Model& m, Face& f, double t) {
    double change = 0;
    for (Index j = 0; j < m.n; j++) f.trial[j] = m.slope[j];
    for (Index i = 0; i < f.size; i++) {
        const Index j = f.columns[i];
        const double d = stop_at(m, j, t * f.step[j]) - m.point[j];
        if (d != 0) axpy(d, m.row(j), f.trial, m.n);
    }
    for (Index i = 0; i < f.size; i++) {
        const Index j = f.columns[i];
        const double target = stop_at(m, j, t * f.step[j]), d = target - m.point[j];
        change += 0.5 * d * (m.slope[j] + f.trial[j]) + m.l1[j] * (__builtin_fabs(target) - __builtin_fabs(m.point[j]));
    }
    if (!(change < 0)) return false;
    for (Index i = 0; i < f.size; i++) {
        const Index j = f.columns[i];
        m.point[j] = stop_at(m, j, t * f.step[j]);
    }
    for (Index j = 0; j < m.n; j++) m.slope[j] = f.trial[j];
    return true;
}

// The part of the step up to the first coefficient that is stopped; 1 if none is.
inline double first_stop(const Model& m, const Face& f) {
    double t = 1;
    for (Index i = 0; i < f.size; i++) {
        const Index j = f.columns[i];
        const double d = f.step[j], allowed = stop_at(m, j, d) - m.point[j];
        if (d != 0 && allowed != d && allowed / d < t) t = allowed / d;
    }
    return t;
}

inline void find_face(const Model& m, Face& f) {
    f.size = 0;
    for (Index j = 0; j < m.n; j++) {
        f.step[j] = 0;
        if (m.inside(j) && m.row(j)[j] > 0) f.columns[f.size++] = j;
    }
}

// Along the step as far as it goes: projected, or cut at the first coefficient that is stopped; true where it is cut.
inline bool follow(Model& m, Face& f) {
    if (move(m, f, 1.0)) return false;
    const double t = first_stop(m, f);
    return t > 0 && t < 1 && move(m, f, t * (1 + 1e-15));
}

constexpr Index most_shrinks = 50;

// Off a singular face: far along a direction without curvature, to the first stop; false where nothing stops it.
inline bool leave_face(Model& m, Face& f) {
    step_by_cholesky(m, f, 1e-9);
    const double t = first_stop(m, f);
    return t < 1 && move(m, f, t * (1 + 1e-15));
}

// A cut step has left a coefficient at its stop: the face without it comes next. A sweep in between would move it back,
// round after round, where columns are nearly combinations of each other.
inline void step_exactly(Model& m, Face& f) {
    Index before = f.size;
    bool regular = step_by_cholesky(m, f, 0.0), cut = follow(m, f);
    for (Index k = 0; k < most_shrinks && (cut || !regular); k++) {
        find_face(m, f);
        if (!regular) {
            before = f.size;
            if (!leave_face(m, f)) return;
            find_face(m, f);
        }
        if (f.size == before || f.size == 0) return;
        before = f.size;
        regular = step_by_cholesky(m, f, 0.0);
        cut = follow(m, f);
    }
}

inline void step_on_face(Model& m, Face& f, double accuracy, Index factored) {
    find_face(m, f);
    if (f.size > factored) {
        step_by_gradients(m, f, accuracy);
        follow(m, f);
    } else if (f.size > 0) {
        step_exactly(m, f);
    }
}

inline double fallen(const Model& m, const double* from, const double* gradient) {
    double total = 0;
    for (Index j = 0; j < m.n; j++) {
        total += 0.5 * (gradient[j] + m.slope[j]) * (from[j] - m.point[j]);
        total += m.l1[j] * (__builtin_fabs(from[j]) - __builtin_fabs(m.point[j]));
    }
    return total;
}

constexpr double roughly = 1e-3;  // a part that a few conjugate gradients get to, on a singular face too

// Where to stop: where what is left to gain is `part` of what was at the start, or rounding. Roughly at first; exactly
// where m has not fallen by more than `far` by then.
struct Goal {
    double *from, *gradient;  // point and slope at the start
    double accuracy, far, start = 0, noise = 0, part = 0;
    bool rough = false;

    void begin(const Model& m) {
        for (Index j = 0; j < m.n; j++) from[j] = m.point[j], gradient[j] = m.slope[j];
        start = left(m);
        noise = rounding(m);
        rough = far < __builtin_inf();
        part = rough ? roughly : accuracy;
    }

    bool reached(const Model& m, double now) {
        if (rough && !(now > part * start)) {
            if (fallen(m, from, gradient) > far) return true;
            rough = false;
            part = accuracy;
        }
        return !(now > part * start && now > noise);
    }

    double step_accuracy() const { return part < 1e-20 ? part : 0.01 * part; }
};

struct QuadraticMemory {
    Face face;
    double *from, *gradient;
};

// Room for a Cholesky factor of a face, or for three vectors of conjugate gradients.
inline QuadraticMemory quadratic_memory(Index n, Workspace& workspace) {
    const Index k = n < largest_factored ? n : largest_factored;
    const Index factor_size = k * k + 2 * k, room = factor_size > 3 * n ? factor_size : 3 * n;
    return cut_from(workspace, [&](Arena& arena) {
        QuadraticMemory m{};
        m.face.columns = arena.cut<Index>(n);
        m.face.step = arena.cut(n);
        m.face.trial = arena.cut(n);
        m.from = arena.cut(n);
        m.gradient = arena.cut(n);
        m.face.memory = arena.cut(room);
        return m;
    });
}

// The rounds taken; `point` goes from w to w + d and `slope` from g to g + Hd. Stops where what is left to gain is at
// most `accuracy` of what was at the start; or a thousandth, where m has fallen by more than `far` by then.
Index quadratic(const double* hessian, const double* l1, const double* lower, const double* upper, Index n,
                double accuracy, double far, Index most, double* point, double* slope, Workspace& workspace) {
    Model m{hessian, l1, lower, upper, n, point, slope};
    QuadraticMemory memory = quadratic_memory(n, workspace);
    Goal goal{memory.from, memory.gradient, accuracy, far};
    goal.begin(m);
    double before = -1;
    Index round = 0;
    for (; round < most; round++) {
        sweep(m, 8);
        if (goal.reached(m, left(m))) break;
        const bool first = goal.rough && round == 0;
        step_on_face(m, memory.face, goal.step_accuracy(), first ? largest_factored_first : largest_factored);
        const double now = left(m);
        if (goal.reached(m, now)) return round + 1;
        if (now == before) break;  // rounding
        before = now;
    }
    return round;
}

}  // namespace
}  // namespace logloss::LOGLOSS_ISA
