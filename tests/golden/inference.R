# Golden values of tests/test_inference_golden.py; R 4.2.2, no package:
#   LOGLOSS_DATA=... Rscript tests/golden/inference.R > tests/golden/inference.txt
say <- function(data, key, x) cat(data, key, sprintf("%.14e", x), "\n")

exact <- function(formula, data) glm(formula, binomial, data, control = glm.control(epsilon = 1e-15, maxit = 100))

deviance_at <- function(y, z, w) -2 * sum(w * (y * plogis(z, log.p = TRUE) + (1 - y) * plogis(-z, log.p = TRUE)))

newton <- function(X, y, w, b, o = 0) {  # R stops on the deviance: go on to rounding
  for (k in 1:50) {
    p <- plogis(drop(X %*% b) + o)
    step <- solve(crossprod(X, w * p * (1 - p) * X), crossprod(X, w * (y - p)))
    b <- b + drop(step)
    if (max(abs(step)) < 1e-14) break
  }
  p <- plogis(drop(X %*% b) + o)
  list(X = X, y = y, b = b, p = p, V = solve(crossprod(X, w * p * (1 - p) * X)), dev = deviance_at(y, drop(X %*% b) + o, w))
}

polished <- function(m) newton(model.matrix(m), m$y, m$prior.weights, coef(m))

errors <- function(q, meat) sqrt(diag(q$V %*% meat %*% q$V))

report <- function(name, formula, data) {
  m <- exact(formula, data)
  q <- polished(m)
  say(name, "estimate", q$b)
  say(name, "standard_error", sqrt(diag(q$V)))
  say(name, "deviance", q$dev)
  say(name, "null_deviance", m$null.deviance)
  say(name, "aic", AIC(m))
  say(name, "bic", BIC(m))
  d <- drop1(m, test = "LRT")
  say(name, "lr", d[["LRT"]][-1])
  say(name, "lr_p", d[["Pr(>Chi)"]][-1])
  U <- q$X * (q$y - q$p)
  say(name, "HC0", errors(q, crossprod(U)))
  say(name, "HC1", errors(q, crossprod(U)) * sqrt(nrow(U) / (nrow(U) - ncol(U))))
  q
}

profile <- function(q, j, side) {  # direct root-finding on refits with an offset
  X <- q$X; target <- q$dev + qchisq(.95, 1); se <- sqrt(q$V[j, j]); t <- q$b[j]
  f <- function(s) {
    start <- q$b[-j] + q$V[-j, j] / q$V[j, j] * (s - t)
    newton(X[, -j, drop = FALSE], q$y, 1, start, X[, j] * s)$dev - target
  }
  uniroot(f, if (side < 0) c(t - 6 * se, t) else c(t, t + 6 * se), tol = 1e-15, maxiter = 1000)$root
}

profiles <- function(name, q) {
  say(name, "lower", sapply(seq_along(q$b), function(j) profile(q, j, -1)))
  say(name, "upper", sapply(seq_along(q$b), function(j) profile(q, j, 1)))
}

folder <- Sys.getenv("LOGLOSS_DATA")

b <- read.csv(file.path(folder, "birthwt.csv"))
f <- low ~ age + lwt + smoke + ptl + ht + ui + ftv
q <- report("birthwt", f, b)
profiles("birthwt", q)
g <- rowsum(q$X * (q$y - q$p), b$race * 100 + b$age)
G <- nrow(g); n <- nrow(q$X); k <- ncol(q$X)
say("birthwt", "cluster", errors(q, crossprod(g)) * sqrt(G / (G - 1) * (n - 1) / (n - k)))
w <- polished(glm(f, binomial, b, weights = race, control = glm.control(epsilon = 1e-15, maxit = 100)))
say("birthwt", "weighted", w$b)
say("birthwt", "weighted_error", sqrt(diag(w$V)))
say("birthwt", "sampling_HC1", errors(w, crossprod(w$X * (w$y - w$p) * b$race)) * sqrt(n / (n - k)))
say("birthwt", "frequency_HC1", errors(w, crossprod(w$X * (w$y - w$p) * sqrt(b$race))) * sqrt(sum(b$race) / (sum(b$race) - k)))

p <- read.csv(file.path(folder, "pima.csv"), header = FALSE)
invisible(profiles("pima", report("pima", V9 ~ ., p)))

h <- read.csv(gzfile(file.path(folder, "heart2020.csv.gz")))
d <- data.frame(
  y = as.integer(h$HeartDisease == "Yes"), BMI = h$BMI, PhysicalHealth = h$PhysicalHealth, MentalHealth = h$MentalHealth,
  SleepTime = h$SleepTime, Smoking = as.integer(h$Smoking == "Yes"), Stroke = as.integer(h$Stroke == "Yes"), Male = as.integer(h$Sex == "Male")
)
invisible(report("heart2020", y ~ ., d))

# Factors as logloss takes them: the most frequent level is the reference, the others in order
by_frequency <- function(x) {
  if (!is.character(x)) return(x)
  relevel(factor(x, levels = sort(unique(x), method = "radix")), names(which.max(table(x))))
}
a <- data.frame(lapply(h, by_frequency))
a$HeartDisease <- as.integer(h$HeartDisease == "Yes")
invisible(report("heart2020_factors", HeartDisease ~ ., a))

# The limit on separated data: NV -> Inf, so that the rows with NV = 1 are gone; and the suprema of
# the likelihood without each column, where NV = 1 again counts for nothing
e <- read.csv(file.path(folder, "endometrial.csv"))
r <- e[e$NV == 0, ]
q <- polished(exact(HG ~ PI + EH, r))
say("endometrial", "estimate", q$b)
say("endometrial", "standard_error", sqrt(diag(q$V)))
say("endometrial", "deviance", q$dev)
say("endometrial", "lower", sapply(1:3, function(j) profile(q, j, -1)))
say("endometrial", "upper", sapply(1:3, function(j) profile(q, j, 1)))
say("endometrial", "lr", c(
  polished(exact(HG ~ PI + EH, e))$dev, polished(exact(HG ~ EH, r))$dev, polished(exact(HG ~ PI, r))$dev
) - q$dev)
X <- cbind(1, e$PI, e$EH)
f <- function(s) newton(X, e$HG, 1, q$b, e$NV * s)$dev - q$dev - qchisq(.95, 1)
say("endometrial", "lower_NV", uniroot(f, c(-1, 10), tol = 1e-15, maxiter = 1000)$root)
