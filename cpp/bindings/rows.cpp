// Rows one at a time: the Python object behind the solvers that take a step at each row.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <limits>
#include <tuple>

#include "arrays.hpp"
#include "owned_design.hpp"

namespace logloss {
namespace {

using namespace nb::literals;

std::size_t padded(std::size_t n) { return (n + 7) / 8 * 8; }

// A vector over coefficients, padded with zeros as the kernels want it; `back` writes it to where it came from.
struct Padded {
    double* data;
    Padded(Memory& memory, const double* from, std::size_t n) : data(memory.take(padded(n))) {
        std::copy_n(from, n, data);
        std::fill(data + n, data + padded(n), 0.0);
    }
    void back(double* to, std::size_t n) const { std::copy_n(data, n, to); }
};

// What the kernels read row by row: the design itself where it is one dense block in C order or one in CSR, else a
// copy.
class OwnedRows {
    using Penalty = std::tuple<Vector, Vector, Vector, Vector>;  // l2, l1, lower, upper

  public:
    OwnedRows(nb::object design, const OwnedObservations& observations, const Vector& center, const Vector& inverse,
              bool intercept)
        : kept_(design), observations_(observations), copied_(false) {
        const Design& d = owner_of(design).design("Rows");
        check_length("Rows", "y", std::size_t(observations.n_rows), d.n_rows);
        check_length("Rows", "center", center.shape(0), d.n_columns);
        check_length("Rows", "inverse", inverse.shape(0), d.n_columns);
        center_.assign(center.data(), center.data() + center.shape(0));
        inverse_.assign(inverse.data(), inverse.data() + inverse.shape(0));
        table_.n_rows = d.n_rows;
        table_.n_columns = d.n_columns;
        table_.center = center_.data();
        table_.inverse = inverse_.data();
        table_.intercept = intercept;
        nb::gil_scoped_release release;
        read_or_copy(d);
    }

    bool copied() const { return copied_; }
    bool sparse() const { return table_.block.storage == Storage::csr; }
    Index n_entries() const { return sparse() ? table_.block.n_nonzero : table_.n_rows * table_.n_columns; }

    double largest_square() {
        nb::gil_scoped_release release;
        Memory memory;
        return kernels().largest_square(table_, observations_.rows.weight, memory);
    }

    void averaged(const Indices& order, double step, bool saga, double weight_sum, const Penalty& penalty,
                  VectorOut beta, VectorOut mean, VectorOut residuals) {
        check_order(order);
        check_width("beta", beta);
        check_width("mean", mean);
        check_length("Rows", "residuals", residuals.shape(0), table_.n_rows);
        if (!(weight_sum > 0.0)) throw std::invalid_argument("Rows: the sum of the weights must be positive.");
        run(penalty, [&](Memory& memory, const Penalties& p) {
            const Padded w(memory, beta.data(), width()), g(memory, mean.data(), width());
            const Averaged a{step, saga, 1.0 / weight_sum, w.data, g.data, residuals.data()};
            kernels().averaged(table_, observations_.rows, p, draws(order), a, memory);
            w.back(beta.data(), width());
            g.back(mean.data(), width());
        });
    }

    Index descend(const Indices& order, const Vector& steps, Index batch, const Penalty& penalty, VectorOut beta,
                  std::optional<VectorOut> average, Index every, Index count) {
        check_steps(order, steps, batch);
        check_width("beta", beta);
        if (average) check_width("average", *average);
        check_count("Rows", "points", count);
        if (every < 1) throw std::invalid_argument("Rows: points of the average must be at least a step apart.");
        Index points = count;
        run(penalty, [&](Memory& memory, const Penalties& p) {
            const Padded w(memory, beta.data(), width()),
                mean(memory, average ? average->data() : beta.data(), width());
            Descent a{steps.data(), batch, w.data, average ? mean.data : nullptr, every, count};
            kernels().descend(table_, observations_.rows, p, draws(order), a, memory);
            w.back(beta.data(), width());
            if (average) mean.back(average->data(), width());
            points = a.count;
        });
        return points;
    }

    Index adam(const Indices& order, const Vector& steps, Index batch, std::tuple<double, double, double> constants,
               const Penalty& penalty, VectorOut beta, VectorOut first, VectorOut second, Index done) {
        check_steps(order, steps, batch);
        check_width("beta", beta);
        check_width("first", first);
        check_width("second", second);
        check_count("Rows", "steps", done);
        Index total = done;
        run(penalty, [&](Memory& memory, const Penalties& p) {
            const Padded w(memory, beta.data(), width()), m(memory, first.data(), width()),
                v(memory, second.data(), width());
            const auto [beta1, beta2, epsilon] = constants;
            Adam a{steps.data(), batch, beta1, beta2, epsilon, w.data, m.data, v.data, done};
            kernels().adam(table_, observations_.rows, p, draws(order), a, memory);
            w.back(beta.data(), width());
            m.back(first.data(), width());
            v.back(second.data(), width());
            total = a.done;
        });
        return total;
    }

    auto perceptron(const Indices& order, double step, VectorOut beta, VectorOut pocket, double errors,
                    Index run_length, Index best_run) {
        check_order(order);
        check_width("beta", beta);
        check_width("pocket", pocket);
        check_count("Rows", "draws", run_length);
        check_count("Rows", "draws", best_run);
        Perceptron a{};
        {
            nb::gil_scoped_release release;
            Memory memory;
            const Padded w(memory, beta.data(), width()), best(memory, pocket.data(), width());
            a = {step, w.data, best.data, errors, run_length, best_run, 0, 0};
            kernels().perceptron(table_, observations_.rows, draws(order), a, memory);
            w.back(beta.data(), width());
            best.back(pocket.data(), width());
        }
        return std::make_tuple(a.errors, a.run, a.best_run, a.mistakes, a.checks);
    }

  private:
    std::size_t width() const { return std::size_t(table_.n_columns) + table_.intercept; }
    static Draws draws(const Indices& order) { return {order.data(), Index(order.shape(0))}; }

    void check_width(const char* what, const VectorOut& x) const {
        check_length("Rows", what, x.shape(0), Index(width()));
    }

    void check_order(const Indices& order) const {
        for (std::size_t t = 0; t < order.shape(0); t++)
            if (order.data()[t] < 0 || order.data()[t] >= table_.n_rows)
                throw std::invalid_argument("Rows: the order names a row that is not there.");
    }

    void check_steps(const Indices& order, const Vector& steps, Index batch) const {
        check_order(order);
        if (batch < 1) throw std::invalid_argument("Rows: a step needs a row.");
        const Index n = Index(order.shape(0));
        check_length("Rows", "steps", steps.shape(0), n / batch + (n % batch != 0));
    }

    static const OwnedDesign& owner_of(const nb::object& design) {
        if (!nb::isinstance<OwnedDesign>(design)) throw nb::type_error("Rows: design must be a Design.");
        return nb::cast<OwnedDesign&>(design);
    }

    // body(memory, penalties) without the GIL; each part of `penalty` is of shape (width,)
    template <class F>
    void run(const Penalty& penalty, F&& body) {
        const Vector parts[] = {std::get<0>(penalty), std::get<1>(penalty), std::get<2>(penalty), std::get<3>(penalty)};
        for (const Vector& part : parts) check_length("Rows", "a part of the penalty", part.shape(0), Index(width()));
        nb::gil_scoped_release release;
        Memory memory;
        const std::size_t n = width();
        const auto any = [&](const Vector& x, double usual) {
            return std::any_of(x.data(), x.data() + n, [&](double one) { return one != usual; });
        };
        constexpr double inf = std::numeric_limits<double>::infinity();
        const bool bounded = any(parts[2], -inf) || any(parts[3], inf);
        const Padded l2(memory, parts[0].data(), n), l1(memory, parts[1].data(), n), lower(memory, parts[2].data(), n),
            upper(memory, parts[3].data(), n);
        body(memory,
             {l2.data, l1.data, lower.data, upper.data, !any(parts[1], 0.0) && !bounded, any(parts[0], 0.0), bounded});
    }

    void read_or_copy(const Design& d) {
        const bool one = d.n_blocks == 1;
        const bool floats = one && (d.blocks[0].type == Type::f64 || d.blocks[0].type == Type::f32);
        if (floats && (d.blocks[0].storage == Storage::rows || d.blocks[0].storage == Storage::csr)) {
            table_.block = d.blocks[0];
            return;
        }
        copied_ = true;
        bool narrow = true, sparse = false;
        for (Index k = 0; k < d.n_blocks; k++) {
            const Block& b = d.blocks[k];
            narrow &= b.storage == Storage::codes || b.type == Type::f32 || type_bytes(b.type) <= 2;
            narrow &= b.fill == double(float(b.fill));
            sparse |= is_sparse(b.storage);
        }
        table_.block = Block{};
        table_.block.type = narrow ? Type::f32 : Type::f64;
        table_.block.n_columns = d.n_columns;
        if (sparse)
            copy_sparse(d, narrow);
        else
            copy_dense(d, narrow);
    }

    void copy_dense(const Design& d, bool narrow) {
        values_.reset(new char[std::size_t(d.n_rows * d.n_columns * (narrow ? 4 : 8) + 64)]);
        kernels().copy_rows(d, narrow, values_.get());
        table_.block.storage = Storage::rows;
        table_.block.data = values_.get();
        table_.block.row_stride = d.n_columns;
        table_.block.column_stride = 1;
    }

    void copy_sparse(const Design& d, bool narrow) {
        pointers_.resize(std::size_t(d.n_rows + 1));
        const Index n = kernels().count_entries(d, pointers_.data());
        indices_.resize(std::size_t(n));
        values_.reset(new char[std::size_t(n * (narrow ? 4 : 8) + 64)]);
        std::vector<Index> next(pointers_.begin(), pointers_.end() - 1);
        kernels().copy_entries(d, narrow, next.data(), indices_.data(), values_.get());
        table_.block.storage = Storage::csr;
        table_.block.wide_index = true;
        table_.block.n_nonzero = n;
        table_.block.pointers = pointers_.data();
        table_.block.indices = indices_.data();
        table_.block.data = values_.get();
    }

    nb::object kept_;
    OwnedObservations observations_;
    bool copied_;
    RowTable table_{};
    std::vector<double> center_, inverse_;
    std::unique_ptr<char[]> values_;
    std::vector<Index> pointers_, indices_;
};

}  // namespace

void bind_rows(nb::module_& m) {
    nb::class_<OwnedRows>(m, "Rows",
                          "Rows one at a time, in the coordinates (x - center)*inverse. The vectors given are changed.")
        .def(nb::init<nb::object, const OwnedObservations&, const Vector&, const Vector&, bool>(), "design"_a, "rows"_a,
             "center"_a, "inverse"_a, "intercept"_a,
             "Reads the design as it lies where that is rows of floats in C order or CSR, else a copy of it.",
             nb::sig("def __init__(self, design: Design, rows: Observations, center: Annotated[NDArray[numpy.float64], "
                     "dict(shape=(None,), order='C', device='cpu', writable=False)], inverse: "
                     "Annotated[NDArray[numpy.float64], "
                     "dict(shape=(None,), order='C', device='cpu', writable=False)], intercept: bool) -> None"))
        .def_prop_ro("copied", &OwnedRows::copied)
        .def_prop_ro("sparse", &OwnedRows::sparse)
        .def_prop_ro("n_entries", &OwnedRows::n_entries)
        .def("largest_square", &OwnedRows::largest_square, "Of |[x, 1]| over the rows with weight.")
        .def("averaged", &OwnedRows::averaged, "order"_a.noconvert(), "step"_a, "saga"_a, "weight_sum"_a, "penalty"_a,
             "beta"_a.noconvert(), "mean"_a.noconvert(), "residuals"_a.noconvert(), "An epoch of SAGA or SAG.")
        .def("descend", &OwnedRows::descend, "order"_a.noconvert(), "steps"_a, "batch"_a, "penalty"_a,
             "beta"_a.noconvert(), "average"_a.noconvert().none(), "every"_a, "count"_a,
             "An epoch of stochastic gradient descent; returns the points in the average.")
        .def("adam", &OwnedRows::adam, "order"_a.noconvert(), "steps"_a, "batch"_a, "constants"_a, "penalty"_a,
             "beta"_a.noconvert(), "first"_a.noconvert(), "second"_a.noconvert(), "done"_a,
             "An epoch of Adam; returns the steps so far. `constants`: beta1, beta2, epsilon.")
        .def("perceptron", &OwnedRows::perceptron, "order"_a.noconvert(), "step"_a, "beta"_a.noconvert(),
             "pocket"_a.noconvert(), "errors"_a, "run"_a, "best_run"_a,
             "An epoch of the perceptron: errors of the pocket, run, its run, mistakes, reads of all rows.");
}

}  // namespace logloss
