# Holds a matrix, and fits glmnet for each line on standard input:
#   l1_ratio intercept(0|1) thresh lambda lambda ...
# answers with its seconds; coefficients go to the file "answer", one column per lambda.
suppressMessages(library(glmnet))
folder <- commandArgs(trailingOnly = TRUE)[1]
bytes <- function(name, what, size) {
  path <- file.path(folder, name)
  readBin(path, what, n = file.size(path) / size, size = size)
}
shape <- bytes("shape", "integer", 4)
y <- bytes("y", "double", 8)
X <- if (shape[3] == 1) {
  new("dgCMatrix", Dim = shape[1:2], x = bytes("data", "double", 8),
      i = bytes("indices", "integer", 4), p = bytes("indptr", "integer", 4))
} else {
  matrix(bytes("data", "double", 8), nrow = shape[1])
}
# The path is not cut short where the deviance changes little; probabilities are not clipped early.
glmnet.control(fdev = 0, devmax = 1, pmin = 1e-12)
cat("ready\n")
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  numbers <- as.numeric(strsplit(line, " ")[[1]])
  seconds <- system.time(
    model <- glmnet(X, y, family = "binomial", alpha = numbers[1], intercept = numbers[2] == 1,
                    thresh = numbers[3], lambda = numbers[-(1:3)], standardize = FALSE,
                    maxit = 1e7)
  )[["elapsed"]]
  writeBin(as.double(as.matrix(coef(model))), file.path(folder, "answer"))
  cat(seconds, "\n", sep = "")
}
