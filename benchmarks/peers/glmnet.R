# Holds a matrix, and fits glmnet for each line on standard input:
#   folds l1_ratio intercept(0|1) thresh lambda lambda ...
# answers with its seconds; coefficients go to the file "answer", one column per lambda. With folds > 0: cv.glmnet.
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
  request <- list(X, y, family = "binomial", alpha = numbers[2], intercept = numbers[3] == 1,
                  thresh = numbers[4], lambda = numbers[-(1:4)], standardize = FALSE, maxit = 1e7)
  if (numbers[1] > 0) {
    seconds <- system.time(
      model <- do.call(cv.glmnet, c(request, nfolds = numbers[1]), quote = TRUE)$glmnet.fit
    )[["elapsed"]]
  } else {
    seconds <- system.time(model <- do.call(glmnet, request, quote = TRUE))[["elapsed"]]
  }
  writeBin(as.double(as.matrix(coef(model))), file.path(folder, "answer"))
  cat(seconds, "\n", sep = "")
}
