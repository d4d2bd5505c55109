package io.moepress.merge;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.Gating;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.tensor.Shape;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Reservoir;
import io.moepress.recipes.linear.ColumnSpace;
import io.moepress.recipes.linear.LinearAlgebra;
import io.moepress.recipes.linear.MatrixMerger;
import io.moepress.recipes.plan.KeepRatio;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.PlanArray;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The spaces that the members of a group share, of one layer, in float64.
///
/// * Of weights: of the columns of `W_i`, over all members.
/// * Of outputs: of the columns of `W_i X_i`, where `X_i` is what the matrix of member `i` reads,
///   over the tokens of the reservoir that chose `i`. With `S_i S_iᵀ = X_i X_iᵀ` that is the space
///   of the whitened matrices `W_i S_i`, as SVD-LLM (arXiv:2403.07378) whitens: `S_i` itself
///   cancels out of a projection from the left. Where no token chose a member of the group, of
///   weights.
///
/// The last group looked at, of all layers, is kept: its three matrices are asked for one after the
/// other.
final class GroupSpaces {
  private final MoeModel model;
  private final MergeExperts step;
  private final Evidence.Layer evidence;
  private final KeepRatio rank;
  private final boolean whiten;
  private final Last last;

  /// What the members share of a matrix.
  ///
  /// @param basis the directions that are kept
  /// @param total what all directions hold
  record Shared(ColumnSpace.Basis basis, double total) {}

  /// What is asked for.
  ///
  /// @param rank share of the rows of each matrix that is kept
  /// @param whiten whether outputs matter, and not weights
  record Choice(KeepRatio rank, boolean whiten) {}

  /// The group that was looked at last; layers that are planned together have one of these.
  static final class Last {
    private @Nullable GroupSpaces layer;
    private int group;
    private Map<Projection, Shared> shared = Map.of();
  }

  /// Looks at the groups of a layer.
  ///
  /// @param evidence asked for its reservoir only where outputs matter
  GroupSpaces(
      MoeModel model, MergeExperts step, Evidence.Layer evidence, Choice choice, Last last) {
    this.model = model;
    this.step = step;
    this.evidence = evidence;
    this.rank = choice.rank();
    this.whiten = choice.whiten();
    this.last = last;
  }

  /// How many directions are kept.
  int rank(Projection projection) {
    return rank.kept(rows(projection));
  }

  private int rows(Projection projection) {
    ModelLayout layout = model.layout();
    return layout.dimension(
        projection.hasNeuronsAsRows() ? Dimension.EXPERT_WIDTH : Dimension.HIDDEN);
  }

  /// What the members of a group share.
  Map<Projection, Shared> of(int group) throws IOException {
    synchronized (last) {
      if (last.layer != this || last.group != group) {
        Map<Projection, ColumnSpace> spaces = whiten ? ofOutputs(group) : ofWeights(group);
        Map<Projection, Shared> shared = new EnumMap<>(Projection.class);
        spaces.forEach((projection, space) ->
            shared.put(projection, new Shared(space.basis(rank(projection)), space.total())));
        last.layer = this;
        last.group = group;
        last.shared = shared;
      }
      return last.shared;
    }
  }

  /// The basis of a group, an array that is calculated whenever it is asked for.
  PlanArray basis(int group, Projection projection) {
    String name =
        Checks.text(
            "layer %d: shared space of %s of experts %s",
            step.layer(), projection.name().toLowerCase(Locale.ROOT), members(group));
    return PlanArray.floats(
        name, Shape.of(rank(projection), rows(projection)), () -> vectors(group, projection));
  }

  private float[] vectors(int group, Projection projection) {
    try {
      double[] vectors = Objects.requireNonNull(of(group).get(projection)).basis().vectors();
      float[] narrow = new float[vectors.length];
      for (int i = 0; i < narrow.length; i++) {
        narrow[i] = (float) vectors[i];
      }
      return narrow;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Integer> members(int group) {
    return step.groups().get(group).members();
  }

  private Map<Projection, ColumnSpace> ofWeights(int group) throws IOException {
    Map<Projection, ColumnSpace> spaces = spaces();
    for (int member : members(group)) {
      ExpertWeights weights = ExpertWeights.read(model, step.layer(), member);
      for (Projection projection : Projection.values()) {
        add(spaces, projection, placed(weights, projection, member));
      }
    }
    return spaces;
  }

  private Map<Projection, ColumnSpace> ofOutputs(int group) throws IOException {
    ExpertFunction function = new ExpertFunction(LinearAlgebra.best(), Gating.of(model.layout()));
    Reservoir reservoir = evidence.reservoir();
    Map<Projection, ColumnSpace> spaces = spaces();
    boolean isFed = false;
    for (int member : members(group)) {
      double[] inputs = inputs(reservoir, member);
      if (inputs.length > 0) {
        isFed = true;
        ExpertWeights weights = ExpertWeights.read(model, step.layer(), member);
        for (Projection projection : List.of(Projection.GATE, Projection.UP)) {
          double[] placed = placed(weights, projection, member);
          add(spaces, projection, function.against(placed, weights.hidden(), inputs));
        }
        add(spaces, Projection.DOWN, function.outputs(weights, inputs));
      }
    }
    return isFed ? spaces : ofWeights(group);
  }

  private Map<Projection, ColumnSpace> spaces() {
    Map<Projection, ColumnSpace> spaces = new EnumMap<>(Projection.class);
    for (Projection projection : Projection.values()) {
      spaces.put(projection, new ColumnSpace(rows(projection), LinearAlgebra.best()));
    }
    return spaces;
  }

  private static void add(
      Map<Projection, ColumnSpace> spaces, Projection projection, double[] matrix) {
    Objects.requireNonNull(spaces.get(projection)).add(matrix);
  }

  /// The matrix of a member, its neurons where they go.
  private double[] placed(ExpertWeights weights, Projection projection, int member) {
    int @Nullable [] places = places(member, weights.width());
    double[] matrix = weights.get(projection);
    int rows = rows(projection);
    int columns = matrix.length / rows;
    return places == null
        ? matrix
        : MatrixMerger.moved(
            new ExpertMatrix(projection, rows, columns, 0, columns, 1), matrix, places);
  }

  private int @Nullable [] places(int member, int width) {
    PlanArray neurons = step.rule().neurons();
    return neurons == null
        ? null
        : Arrays.copyOfRange(neurons.ints(), member * width, (member + 1) * width);
  }

  /// What a member read, `[tokens, hidden]`.
  private static double[] inputs(Reservoir reservoir, int member) {
    int k = reservoir.topK();
    int[] rows =
        IntStream.range(0, reservoir.rows())
            .filter(row ->
                IntStream.range(row * k, (row + 1) * k)
                    .anyMatch(slot -> reservoir.experts()[slot] == member))
            .toArray();
    double[] inputs = new double[Math.multiplyExact(rows.length, reservoir.width())];
    for (int i = 0; i < inputs.length; i++) {
      int row = rows[i / reservoir.width()];
      inputs[i] = reservoir.inputs()[row * reservoir.width() + i % reservoir.width()];
    }
    return inputs;
  }
}
