package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.integer.BitPacking;
import io.moepress.formats.integer.IntegerLayout;
import io.moepress.formats.integer.IntegerScheme;
import io.moepress.formats.integer.PackQuantized;
import io.moepress.recipes.plan.PlanArray;
import io.moepress.recipes.plan.ZeroPattern;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How one tensor of the result comes about. A plain value: no open file, the same result every
/// time.
public sealed interface TensorProgram {

  /// The tensors of the source that are read.
  List<String> sources();

  /// What is done, in a few words.
  String summary();

  /// Moves the bytes of a tensor, whatever their type.
  ///
  /// @param source name in the source
  record Copy(String source) implements TensorProgram {
    @Override
    public List<String> sources() {
      return List.of(source);
    }

    @Override
    public String summary() {
      return "copy";
    }
  }

  /// Moves some rows (indices along axis 0) of a tensor, in the order given.
  ///
  /// @param of gives the tensor
  /// @param rows indices along axis 0
  record Rows(TensorProgram of, List<Integer> rows) implements TensorProgram {
    public Rows {
      rows = List.copyOf(rows);
      Checks.require(!rows.isEmpty(), "tensors %s: no rows", of.sources());
    }

    /// Rows of a tensor of the source.
    public Rows(String source, List<Integer> rows) {
      this(new Copy(source), rows);
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    @Override
    public String summary() {
      return then(of, "rows " + rows);
    }
  }

  /// Adds tensors of one shape and type, each with its weight, and rounds to that type.
  ///
  /// @param of gives the tensors
  /// @param weights one for each
  record WeightedSum(List<TensorProgram> of, List<Double> weights) implements TensorProgram {
    public WeightedSum {
      of = List.copyOf(of);
      weights = List.copyOf(weights);
      Checks.require(
          !of.isEmpty() && of.size() == weights.size(),
          "%d tensors with %d weights (expected one for each)",
          of.size(),
          weights.size());
    }

    @Override
    public List<String> sources() {
      return of.stream().flatMap(each -> each.sources().stream()).distinct().toList();
    }

    @Override
    public String summary() {
      return "weighted sum " + weights;
    }
  }

  /// Gives a tensor each of whose rows is a weighted sum of rows of one tensor, rounded to its
  /// type.
  ///
  /// @param of gives that tensor
  /// @param rows what each row is made of
  record MixedRows(TensorProgram of, List<Mix> rows) implements TensorProgram {
    public MixedRows {
      rows = List.copyOf(rows);
      Checks.require(!rows.isEmpty(), "tensors %s: no rows", of.sources());
    }

    /// One row.
    ///
    /// @param rows indices along axis 0
    /// @param weights one for each
    /// @param offset added to every element of the sum
    public record Mix(List<Integer> rows, List<Double> weights, double offset) {
      /// A sum to which nothing is added.
      public Mix(List<Integer> rows, List<Double> weights) {
        this(rows, weights, 0);
      }

      public Mix {
        rows = List.copyOf(rows);
        weights = List.copyOf(weights);
        Checks.require(
            !rows.isEmpty() && rows.size() == weights.size(),
            "rows %s with weights %s (expected one for each)",
            rows,
            weights);
      }
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    @Override
    public String summary() {
      List<List<Integer>> mixed = rows.stream().map(Mix::rows).toList();
      return then(of, "rows mixed of " + mixed);
    }
  }

  /// Sets some elements of a selection bias, one for each expert, so low that the router never
  /// chooses these experts.
  ///
  /// @param of gives the bias
  /// @param experts the elements that are set
  record Mask(TensorProgram of, List<Integer> experts) implements TensorProgram {
    /// What they are set to: far below any score, and finite in every element type.
    public static final float BIAS = -1e4f;

    public Mask {
      experts = List.copyOf(experts);
      Checks.require(!experts.isEmpty(), "tensors %s: no expert to mask", of.sources());
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    @Override
    public String summary() {
      return then(of, "experts " + experts + " masked");
    }
  }

  /// Makes the matrices of an expert of those of several: their weighted mean, perhaps with neurons
  /// moved to other places before, and perhaps projected on the space they share afterwards.
  ///
  /// @param of gives a tensor of each expert, or its slice of one, all of one type and shape
  /// @param members the experts, one for each
  /// @param weights one for each
  /// @param parts the matrices in such a tensor
  /// @param neurons where neurons go, as in [io.moepress.recipes.plan.MergeRule]; null: nowhere
  record MergedMatrices(
      List<TensorProgram> of,
      List<Integer> members,
      List<Double> weights,
      List<Part> parts,
      @Nullable PlanArray neurons)
      implements TensorProgram {

    /// One of the matrices.
    ///
    /// @param matrix where it lies
    /// @param rank dimension of the space it is projected on; its rows: it is not projected
    /// @param basis of that space, F32 `[rank, rows]`; null: the one that the members share best
    public record Part(ExpertMatrix matrix, int rank, @Nullable PlanArray basis) {}

    public MergedMatrices {
      of = List.copyOf(of);
      members = List.copyOf(members);
      weights = List.copyOf(weights);
      parts = List.copyOf(parts);
      Checks.require(
          !of.isEmpty() && of.size() == members.size() && of.size() == weights.size(),
          "%d tensors of experts %s with weights %s (expected one for each)",
          of.size(),
          members,
          weights);
    }

    @Override
    public List<String> sources() {
      return of.stream().flatMap(each -> each.sources().stream()).distinct().toList();
    }

    @Override
    public String summary() {
      String matched = neurons == null ? "" : ", neurons matched";
      boolean projected = parts.stream().anyMatch(part -> part.rank() < part.matrix().rows());
      List<Integer> ranks = parts.stream().map(Part::rank).toList();
      boolean whitened = parts.stream().anyMatch(part -> part.basis() != null);
      return "mean of experts "
          + members
          + matched
          + (projected ? ", rank " + ranks : "")
          + (whitened ? " of outputs" : "");
    }
  }

  /// Puts tensors of one row each one after the other.
  ///
  /// @param of gives them
  record Stack(List<TensorProgram> of) implements TensorProgram {
    public Stack {
      of = List.copyOf(of);
      Checks.require(!of.isEmpty(), "a stack of nothing");
    }

    @Override
    public List<String> sources() {
      return of.stream().flatMap(each -> each.sources().stream()).distinct().toList();
    }

    @Override
    public String summary() {
      return "stacked: " + of.stream().map(TensorProgram::summary).toList();
    }
  }

  /// Sets the weights of linear maps that matter least to zero: in each output row those with the
  /// smallest `|W_ij| · a_j`; of equal ones the lower column goes first. All other weights keep
  /// their bytes.
  ///
  /// @param of gives the weights: `[out, in]`, or one such matrix for each expert
  /// @param pattern how many of a row
  /// @param stacked which axis of each matrix comes first where `of` gives one for each expert;
  ///   null: it gives one matrix, output first
  /// @param norms `a`, `[n, in]`; null: all ones
  /// @param rows which row of the norms each matrix takes, in the order of the matrices; [#DENSE]:
  ///   the matrix stays as it is
  record ZeroSmallest(
      TensorProgram of,
      ZeroPattern pattern,
      @Nullable Orientation stacked,
      @Nullable PlanArray norms,
      List<Integer> rows)
      implements TensorProgram {
    /// Stands for a matrix that stays as it is.
    public static final int DENSE = -1;

    public ZeroSmallest {
      rows = List.copyOf(rows);
      Checks.require(
          !rows.isEmpty() && (stacked != null || rows.size() == 1),
          "tensors %s: norms %s for a matrix",
          of.sources(),
          rows);
    }

    /// The same for other matrices.
    ///
    /// @param weights gives them
    /// @param taken the row of the norms for each of them
    ZeroSmallest with(TensorProgram weights, List<Integer> taken) {
      return new ZeroSmallest(weights, pattern, stacked, norms, taken);
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    @Override
    public String summary() {
      long dense = rows.stream().filter(row -> row == DENSE).count();
      String except =
          dense == 0 ? "" : Checks.text(" but of %d of %d matrices", dense, rows.size());
      return then(of, "the smallest " + pattern + " of each row zero" + except);
    }
  }

  /// Makes the weights of a linear map `[out, in]` integers, and gives one of the tensors these are
  /// stored as, or the weights that they stand for.
  ///
  /// @param of gives the weights
  /// @param codes codes, scales and zero points; null: each weight becomes the nearest value of the
  ///   grid of its group
  /// @param layout how they are stored
  /// @param part the suffix of the tensor in the layout; [#DECODED]: the weights they stand for
  record Quantized(
      TensorProgram of,
      IntegerScheme scheme,
      IntegerLayout layout,
      @Nullable PlanArray codes,
      String part)
      implements TensorProgram {
    /// How compressed-tensors stores integer weights.
    public static final PackQuantized PACKED = new PackQuantized(BitPacking.STREAM);

    /// Stands for the weights that codes stand for.
    public static final String DECODED = "";

    /// Another part of the same matrix.
    public Quantized part(String suffix) {
      return new Quantized(of, scheme, layout, codes, suffix);
    }

    /// The weights that the same matrix stands for: equal for all its parts.
    public Quantized whole() {
      return part(DECODED);
    }

    /// The same for other weights.
    Quantized with(TensorProgram weights) {
      return new Quantized(weights, scheme, layout, codes, part);
    }

    @Override
    public List<String> sources() {
      return of.sources();
    }

    @Override
    public String summary() {
      String method = codes == null ? "" : " by the plan's codes";
      return then(of, scheme + method + (part.equals(DECODED) ? ", decoded" : ""));
    }
  }

  /// What is done to what another program gives, in a few words.
  private static String then(TensorProgram of, String what) {
    return of instanceof Copy ? what : of.summary() + ", " + what;
  }
}
