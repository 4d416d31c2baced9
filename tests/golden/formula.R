# Golden values of tests/test_formula_golden.py; R 4.2.2 with its own package splines:
#   LOGLOSS_DATA=... Rscript tests/golden/formula.R > tests/golden/formula.txt
library(splines)

say <- function(data, key, x) cat(data, key, sprintf("%.14e", x), "\n")

polish <- function(m) {  # glm stops on the deviance: go on to rounding
  X <- model.matrix(m)
  b <- coef(m)
  for (k in 1:50) {
    p <- plogis(drop(X %*% b))
    step <- solve(crossprod(X, p * (1 - p) * X), crossprod(X, m$y - p))
    b <- b + drop(step)
    if (max(abs(step)) < 1e-14) break
  }
  m$coefficients <- b
  m
}

report <- function(name, formula, data, new) {
  m <- polish(suppressWarnings(glm(formula, binomial, data, control = glm.control(epsilon = 1e-15, maxit = 100))))
  say(name, "estimate", coef(m))
  say(name, "probability", plogis(suppressWarnings(predict(m, new))))
}

b <- read.csv(file.path(Sys.getenv("LOGLOSS_DATA"), "birthwt.csv"))
new <- head(b, 5)
new$lwt[1:2] <- c(75, 270)  # outside of the training table
new$age[3] <- 50
report("splines", low ~ age + factor(race) + bs(lwt, df = 4) + smoke:ht, b, new)
report("interaction", low ~ factor(race) * age + log(lwt) + I(age^2 / 100), b, new)
report("no_intercept", low ~ 0 + factor(race) + age:smoke, b, new)
report("polynomial", low ~ poly(age, 3) + scale(lwt), b, new)
s <- b
s$race <- factor(s$race)
contrasts(s$race) <- contr.sum(3)
n <- new
n$race <- factor(n$race, levels = 1:3)
report("sum", low ~ race + smoke, s, n)
