package io.moepress.recipes.gguf;

import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.Piece;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How far types are off: for a matrix `W` that becomes `V`, with the importance `m` of its
/// columns,
///
/// ```
/// error = u Σ_ij m_j (W_ij - V_ij)²
/// ```
///
/// which is the expected square of the error of its outputs for a token, as far as inputs of
/// different columns have nothing to do with each other: `u` is its [ExpertUse]. Without importance
/// all `m_j` are 1. Of a large tensor rows are looked at that stand evenly in it, and the mean over
/// them, each counted by its use, is taken to be that of all.
public final class TypeErrors {
  /// Weights of a tensor that are looked at, or one piece of it.
  private static final long LOOKED_AT = 1L << 20;

  private final MoeModel model;
  private final @Nullable ImportanceFile importance;
  private final ExpertUse use;

  /// Prepares.
  ///
  /// @param importance how much errors in a column count; null: all alike
  public TypeErrors(MoeModel model, @Nullable ImportanceFile importance, ExpertUse use) {
    this.model = model;
    this.importance = importance;
    this.use = use;
  }

  /// How experts count, as part of a sentence.
  String use() {
    return use.text();
  }

  /// A matrix, and the types that it may get.
  public record Question(GgufTensor tensor, List<GgufType> types) {
    public Question {
      types = List.copyOf(types);
    }
  }

  /// The errors of each question's types.
  public List<double[]> of(List<Question> questions, Workers workers, Progress progress)
      throws IOException {
    List<double[]> errors = new ArrayList<>();
    try (Progress.Task task = progress.begin("measure types", questions.size(), "tensors")) {
      workers.ordered(
          questions.size(),
          index -> of(questions.get(index)),
          (index, sums) -> {
            errors.add(sums);
            task.advance(1);
          });
    }
    return errors;
  }

  private double[] of(Question question) throws IOException {
    GgufTensor tensor = question.tensor();
    List<Piece> pieces = tensor.pieces();
    double[] sums = new double[question.types().size()];
    double[] shares = use.of(tensor);
    double seen = 0;
    long each = pieces.getFirst().elementCount();
    int wanted = (int) Math.max(1, Math.min(pieces.size(), LOOKED_AT / each));
    for (int i = 0; i < wanted; i++) {
      int index = (int) ((long) i * pieces.size() / wanted);
      long matrix = matrix(tensor, index);
      double share = shares.length == 1 ? shares[0] : shares[Math.toIntExact(matrix)];
      // An expert that nobody used may be the only one that is looked at.
      double counted = Math.max(share, Double.MIN_NORMAL);
      seen += counted * pieces.get(index).elementCount();
      add(tensor, index, question.types(), counted, sums);
    }
    double all = Arrays.stream(shares).average().orElseThrow() * tensor.shape().elementCount();
    for (int type = 0; type < sums.length; type++) {
      sums[type] *= all / seen;
    }
    return sums;
  }

  /// The matrix of a tensor that a piece is part of.
  private static long matrix(GgufTensor tensor, int index) {
    int rank = tensor.shape().rank();
    long matrixRows = rank > 2 ? tensor.shape().dimension(rank - 2) : Long.MAX_VALUE;
    long row = 0;
    for (int before = 0; before < index; before++) {
      row += tensor.pieces().get(before).rows();
    }
    return row / matrixRows;
  }

  private void add(
      GgufTensor tensor, int index, List<GgufType> types, double counted, double[] sums)
      throws IOException {
    Piece piece = tensor.pieces().get(index);
    int width = Math.toIntExact(tensor.width());
    float[] values;
    try (Arena arena = Arena.ofConfined()) {
      values = Numbers.floats(piece.read(model, arena));
    }
    float @Nullable [] columns = columns(tensor, index);
    for (int type = 0; type < sums.length; type++) {
      BlockEncoding encoding = BlockEncoding.named(types.get(type).name()).orElseThrow();
      WeightRows plain = WeightRows.of(tensor.name(), 0, width, values);
      WeightRows rows = columns == null ? plain : plain.withImportance(columns);
      float[] decoded = encoding.decode(encoding.encode(rows));
      sums[type] += counted * error(values, decoded, weights(columns, width));
    }
  }

  private float @Nullable [] columns(GgufTensor tensor, int index) throws IOException {
    return importance == null
        ? null
        : importance.columns(tensor, matrix(tensor, index)).orElse(null);
  }

  private static float[] weights(float @Nullable [] columns, int width) {
    if (columns != null) {
      return columns;
    }
    float[] ones = new float[width];
    Arrays.fill(ones, 1);
    return ones;
  }

  private static double error(float[] values, float[] decoded, float[] columns) {
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      double off = values[i] - decoded[i];
      sum += off * off * columns[i % columns.length];
    }
    return sum;
  }
}
