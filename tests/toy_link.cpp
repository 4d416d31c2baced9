// A link that is not the logistic one, through the kernels' passes: a logistic curve of another slope, which is near the
// probit's. test_toy_link.py compiles this and calls it through ctypes.
#define LOGLOSS_ISA toy
#include <memory>
#include <vector>

#include "../cpp/kernels/ops.hpp"

namespace logloss::toy {
namespace {

struct Steep {  // sigmoid(a z)
    static constexpr double a = 1.702;
    using At = Probability;
    static At at(V z) { return probability(z * a); }
    static V loss(V z, V y, const At& p) { return bce(z * a, y, p.small); }
    static V residual(const At& p, V y) { return a * toy::residual(p, y); }
    static V curvature(const At& p, V s) { return a * a * s * p.p * p.complement; }
};

struct Heap final : Workspace {
    std::vector<std::unique_ptr<double[]>> pieces;
    double* take(std::size_t n) override { return pieces.emplace_back(new double[n]).get(); }
};

// Rows in C order, as one block.
struct Table {
    Block block{Storage::rows, Type::f64, 0, 0};
    Design design;
    Table(const double* x, Index n, Index d) {
        block.n_columns = block.row_stride = d;
        block.column_stride = 1;
        block.data = x;
        design = {n, d, &block, 1, {64, (n + 63) / 64, 1}};
    }
};

}  // namespace
}  // namespace logloss::toy

using namespace logloss;

// sums: loss, residuals, curvatures; z and the gradient are written
extern "C" void toy_loss_gradient(const double* x, std::int64_t n, std::int64_t d, const double* y, const double* s,
                                  const double* coef, double intercept, double* z, double* gradient, double* sums) {
    toy::Heap heap;
    LossGradient out{0, 0, 0, gradient, z};
    toy::loss_gradient<toy::Steep>(toy::Table(x, n, d).design, {y, s}, coef, intercept, out, heap, 2);
    sums[0] = out.loss, sums[1] = out.residual, sums[2] = out.curvature;
}

// H v, its intercept returned
extern "C" double toy_product(const double* x, std::int64_t n, std::int64_t d, const double* y, const double* s,
                              const double* z, const double* v, double v0, double* product) {
    toy::Heap heap;
    Product out{z, product, 0};
    toy::product<toy::Steep>(toy::Table(x, n, d).design, {y, s}, v, v0, out, heap, 2);
    return out.intercept;
}
