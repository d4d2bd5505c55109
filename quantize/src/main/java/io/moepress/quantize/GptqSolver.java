package io.moepress.quantize;

import io.moepress.quantize.Gptq.Solution;
import io.moepress.quantize.Rounding.Step;
import io.moepress.recipes.linear.LinearAlgebra.Part;
import java.util.Arrays;
import java.util.stream.IntStream;

/// Carries [Gptq] out on a matrix, in float64. Rows do not depend on each other; some are worked on
/// at once. Within a block of columns each error is carried on to the rest of its row, and into a
/// block come the errors of all columns before by one product.
final class GptqSolver {
  private static final int CHUNK = 256;

  /// Rows that errors are carried on in at once.
  private static final int LANES = 4;

  private final GptqFactor factor;
  private final ColumnGroups groups;
  private final Rounding rounding;
  private final int blockSize;
  private final WeightMatrix weights;
  private final byte[] codes;
  private final Step[] steps;
  private double dampedLoss;
  private double dampedPart;
  private double squaredError;

  GptqSolver(
      WeightMatrix weights,
      GptqFactor factor,
      ColumnGroups groups,
      Rounding rounding,
      int blockSize) {
    this.weights = weights;
    this.factor = factor;
    this.groups = groups;
    this.rounding = rounding;
    this.blockSize = groups.block(blockSize);
    this.codes = new byte[weights.values().length];
    this.steps = new Step[Math.multiplyExact(weights.rows(), groups.count())];
  }

  Solution solve() {
    if (groups.acrossRows()) {
      int[] stored = IntStream.range(0, weights.columns()).toArray();
      double[] numbers = weights.rows(0, weights.rows(), stored);
      Arrays.fill(steps, rounding.step(numbers, 0, numbers.length));
    } else if (!groups.areUpdated()) {
      fitAll();
    }
    for (int first = 0; first < weights.rows(); first += CHUNK) {
      new Rows(first, Math.min(CHUNK, weights.rows() - first)).solve();
    }
    double loss = Math.max(0, dampedLoss - dampedPart);
    return new Solution(groups, codes, steps, loss, squaredError);
  }

  /// Scales from the weights as they are given, group by group of stored columns.
  private void fitAll() {
    int columns = weights.columns();
    int[] stored = IntStream.range(0, columns).toArray();
    int[] group = groups.ofColumn();
    for (int row = 0; row < weights.rows(); row++) {
      double[] numbers = weights.rows(row, 1, stored);
      int first = 0;
      for (int end = 1; end <= columns; end++) {
        if (end == columns || group[end] != group[first]) {
          steps[row * groups.count() + group[first]] = rounding.step(numbers, first, end);
          first = end;
        }
      }
    }
  }

  /// Some rows of the matrix, columns in the order of visits.
  private final class Rows {
    private final int first;
    private final int count;
    private final int columns = weights.columns();
    private final double[] numbers; // [count, columns]
    private final double[] errors; // [count, columns]

    Rows(int first, int count) {
      this.first = first;
      this.count = count;
      this.numbers = weights.rows(first, count, factor.visited());
      this.errors = new double[numbers.length];
    }

    void solve() {
      for (int start = 0; start < columns; start += blockSize) {
        int width = Math.min(blockSize, columns - start);
        double[] carried = new double[count * width]; // [count, width]
        if (start > 0) {
          factor
              .algebra()
              .addProduct(
                  new Part(errors, 0, count, start, columns),
                  new Part(factor.feedback(), start, start, width, columns),
                  Part.of(carried, count, width));
        }
        Block block = new Block(this, start, width, carried);
        for (int row = 0; row < count; row += LANES) {
          block.solve(row, Math.min(LANES, count - row));
        }
      }
    }
  }

  /// Some columns of these rows.
  private final class Block {
    private final Rows rows;
    private final int start;
    private final int width;
    private final double[] carried; // [rows, width]: Σ error · feedback of the columns before
    private final double[][] feedback; // [width, width]
    private final double[][] sums; // [LANES, width]: the same with those of this block
    private final double[] group;

    Block(Rows rows, int start, int width, double[] carried) {
      this.rows = rows;
      this.start = start;
      this.width = width;
      this.carried = carried;
      this.feedback = new double[width][];
      for (int i = 0; i < width; i++) {
        int from = (start + i) * rows.columns + start;
        feedback[i] = Arrays.copyOfRange(factor.feedback(), from, from + width);
      }
      this.sums = new double[LANES][width];
      this.group = new double[width];
    }

    void solve(int firstRow, int lanes) {
      double[] errors = new double[LANES]; // 0 in lanes without a row
      for (int lane = 0; lane < lanes; lane++) {
        System.arraycopy(carried, (firstRow + lane) * width, sums[lane], 0, width);
      }
      for (int i = 0; i < width; i++) {
        for (int lane = 0; lane < lanes; lane++) {
          errors[lane] = round(firstRow + lane, i, sums[lane]);
        }
        carry(errors, feedback[i], i + 1);
      }
    }

    /// Rounds one weight, and returns its error.
    private double round(int row, int i, double[] sum) {
      int column = factor.visited()[start + i];
      int step = (rows.first + row) * groups.count() + groups.ofColumn()[column];
      int at = row * rows.columns + start;
      if (groups.areUpdated() && (start + i) % groups.updatedSize() == 0) {
        steps[step] = updated(at, i, sum);
      }
      double number = rows.numbers[at + i];
      double wanted = number + sum[i];
      int code = rounding.code(wanted, steps[step]);
      double rounded = rounding.value(code, steps[step]);
      double error = number - rounded;
      codes[(rows.first + row) * rows.columns + column] = (byte) code;
      rows.errors[at + i] = error;
      account(start + i, wanted - rounded, error);
      return error;
    }

    /// Scale and zero point for the group that begins at a column: `p · M⁻¹` is added to its
    /// weights.
    private Step updated(int at, int begin, double[] sum) {
      int end = Math.min(begin + groups.updatedSize(), width);
      System.arraycopy(sum, begin, group, begin, end - begin);
      for (int i = begin; i < end; i++) {
        double solved = group[i];
        double[] row = feedback[i];
        for (int k = i + 1; k < end; k++) {
          group[k] -= solved * row[k];
        }
      }
      for (int i = begin; i < end; i++) {
        group[i] += rows.numbers[at + i];
      }
      return rounding.step(group, begin, end);
    }

    /// Adds errors times the feedback of a column to the sums of the columns from `from` on. Arrays
    /// of their own and one index are what the compiler makes vectors of.
    private void carry(double[] errors, double[] row, int from) {
      double error0 = errors[0];
      double error1 = errors[1];
      double error2 = errors[2];
      double error3 = errors[3];
      double[] sum0 = sums[0];
      double[] sum1 = sums[1];
      double[] sum2 = sums[2];
      double[] sum3 = sums[3];
      for (int i = from; i < row.length; i++) {
        double factor = row[i];
        sum0[i] += error0 * factor;
        sum1[i] += error1 * factor;
        sum2[i] += error2 * factor;
        sum3[i] += error3 * factor;
      }
    }
  }

  private void account(int position, double residual, double error) {
    dampedLoss += factor.pivots()[position] * residual * residual;
    dampedPart += factor.addedAt(position) * error * error;
    squaredError += error * error;
  }
}
