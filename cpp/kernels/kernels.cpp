// Compiled once per instruction set, with LOGLOSS_ISA naming it.
#include "dual_point.hpp"
#include "group_sums.hpp"
#include "leverage.hpp"
#include "moments.hpp"
#include "ops.hpp"
#include "quadratic.hpp"
#include "row_adam.hpp"
#include "row_averaged.hpp"
#include "row_copy.hpp"
#include "row_descent.hpp"
#include "row_perceptron.hpp"
#include "solve.hpp"
#include "sparse_gram.hpp"
#include "take.hpp"
#include "vectors.hpp"

#define LOGLOSS_QUOTE(x) #x
#define LOGLOSS_STRING(x) LOGLOSS_QUOTE(x)
#define LOGLOSS_JOIN(a, b) a##b
#define LOGLOSS_NAME(isa) LOGLOSS_JOIN(kernels_, isa)

namespace logloss {

const Kernels& LOGLOSS_NAME(LOGLOSS_ISA)() {
    using namespace LOGLOSS_ISA;
    using Link = Logistic;
    static constexpr Kernels kernels{
        LOGLOSS_STRING(LOGLOSS_ISA), predict, loss_gradient<Link>, product<Link>, dual<Link>, step_losses<Link>,
        row_gap, dual_margin, moments, any_gram, dot, solve, quadratic, bernoulli<Link>, stream_read, take,
        copy_rows, count_entries, copy_entries, largest_square, averaged, descend, adam, perceptron,
        inverse_factor, leverages, group_sums, leave_one_out};
    return kernels;
}

}  // namespace logloss
