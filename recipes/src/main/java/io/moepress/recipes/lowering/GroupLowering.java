package io.moepress.recipes.lowering;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices;
import io.moepress.recipes.lowering.TensorProgram.MergedMatrices.Part;
import io.moepress.recipes.lowering.TensorProgram.MixedRows;
import io.moepress.recipes.lowering.TensorProgram.MixedRows.Mix;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.lowering.TensorProgram.Stack;
import io.moepress.recipes.lowering.TensorProgram.WeightedSum;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.plan.MergeRule.Subspace;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// What it means for each tensor of a layer that groups of its experts become one expert each.
///
/// @param layout names and axes
/// @param result where the programs go
/// @param step the groups
record GroupLowering(ModelLayout layout, Result result, MergeExperts step) {

  /// Lowers one tensor of the layer, or one of the parts it is stored as.
  void lower(TensorId id, TensorInfo info) {
    if (id.expert() != TensorId.NONE) {
      lowerExpert(id, info);
    } else if (step.keepsRows() && !id.role().isExpert()) {
      result.copy(info);
    } else if (layout.expertAxis(id.role()) > 0) {
      throw new IllegalStateException(
          "cannot mix " + info.name() + " along another axis than its first");
    } else if (layout.expertAxis(id.role()) == 0) {
      TensorInfo mixed =
          new TensorInfo(info.name(), info.dtype(), info.shape().withRows(step.left()));
      result.add(mixed, isOfNeurons(id) && !step.rule().onlyAddsUp() ? stack(id) : rows(id, info));
    } else {
      result.copy(info);
    }
  }

  /// The tensor of a group comes about where that of its first member is met; those of members that
  /// have no share in it are dropped.
  private void lowerExpert(TensorId id, TensorInfo info) {
    int index = step.groupOf(id.expert());
    Group group = step.groups().get(index);
    int place = group.members().indexOf(id.expert());
    if (group.weights().get(place) == 0 && isMean(group)) {
      result.drop(
          info.name(),
          Checks.text(
              "expert %d of layer %d dropped: %s stand for it",
              id.expert(), id.layer(), shares(group)));
    }
    if (place == 0) {
      String part = info.name().substring(layout.name(id).length());
      String name = layout.name(new TensorId(id.role(), id.layer(), index)) + part;
      TensorProgram program = isMean(group) ? sum(id, part, group) : merged(id, group);
      result.add(new TensorInfo(name, info.dtype(), info.shape()), program);
    }
  }

  /// Whether it matters for a tensor in which order neurons stand, or what space they span; not so
  /// for biases of outputs.
  private boolean isOfNeurons(TensorId id) {
    return !ExpertMatrix.in(layout, id.role()).isEmpty()
        || !ExpertMatrix.biasesIn(layout, id.role()).isEmpty();
  }

  /// Whether there is nothing to do with a group but to add up.
  private boolean isMean(Group group) {
    return group.members().size() == 1 || step.rule().onlyAddsUp();
  }

  private TensorProgram merged(TensorId id, Group group) {
    return matrices(
        id, group, group.members().stream().map(member -> source(id, "", member)).toList());
  }

  /// A tensor of all experts, each made of its group.
  private TensorProgram stack(TensorId id) {
    Copy all = new Copy(layout.name(id));
    return new Stack(
        step.groups().stream()
            .map(group -> {
              List<TensorProgram> slices =
                  group.members().stream()
                      .<TensorProgram>map(member -> new Rows(all, List.of(member)))
                      .toList();
              return isMean(group) ? slices.getFirst() : matrices(id, group, slices);
            })
            .toList());
  }

  private TensorProgram matrices(TensorId id, Group group, List<TensorProgram> of) {
    int index = step.groups().indexOf(group);
    List<Part> parts =
        ExpertMatrix.in(layout, id.role()).stream().map(matrix -> part(matrix, index)).toList();
    return new MergedMatrices(
        of,
        group.members(),
        group.weights(),
        parts.isEmpty() ? biases(id) : parts,
        step.rule().neurons());
  }

  private Part part(ExpertMatrix matrix, int group) {
    Subspace subspace = step.rule().subspace();
    if (subspace == null) {
      return new Part(matrix, matrix.rows(), null);
    }
    return new Part(
        matrix,
        Math.min(subspace.rank(matrix.projection()), matrix.rows()),
        subspace.basis(group).map(basis -> basis.of(matrix.projection())).orElse(null));
  }

  /// Biases of neurons go where their neurons go; no subspace holds them.
  private List<Part> biases(TensorId id) {
    return ExpertMatrix.biasesIn(layout, id.role()).stream()
        .map(bias -> new Part(bias, bias.rows(), null))
        .toList();
  }

  /// @param part of what the tensor is stored as, the end of its name
  private TensorProgram sum(TensorId id, String part, Group group) {
    Optional<Integer> alone = group.representative();
    if (alone.isPresent()) {
      return source(id, part, alone.get());
    }
    return new WeightedSum(
        shares(group).stream().map(member -> source(id, part, member)).toList(),
        group.weights().stream().filter(weight -> weight != 0).toList());
  }

  private TensorProgram source(TensorId id, String part, int member) {
    return new Copy(layout.name(new TensorId(id.role(), id.layer(), member)) + part);
  }

  /// The members that have a share in the new expert.
  private static List<Integer> shares(Group group) {
    return IntStream.range(0, group.members().size())
        .filter(place -> group.weights().get(place) != 0)
        .mapToObj(group.members()::get)
        .toList();
  }

  /// Rows of the router, of its biases, or of all experts together.
  private TensorProgram rows(TensorId id, TensorInfo info) {
    List<Mix> rows = step.groups().stream().map(group -> mix(id, group)).toList();
    boolean plain =
        rows.stream()
            .allMatch(row ->
                row.rows().size() == 1 && row.weights().getFirst() == 1.0 && row.offset() == 0);
    return plain
        ? new Rows(info.name(), rows.stream().map(row -> row.rows().getFirst()).toList())
        : new MixedRows(new Copy(info.name()), rows);
  }

  private static Mix mix(TensorId id, Group group) {
    List<Double> weights = id.role().isExpert() ? group.weights() : group.routerWeights();
    List<Integer> places =
        IntStream.range(0, weights.size()).filter(i -> weights.get(i) != 0).boxed().toList();
    return new Mix(
        places.stream().map(group.members()::get).toList(),
        places.stream().map(weights::get).toList(),
        id.role() == TensorRole.ROUTER_BIAS ? group.routerBias() : 0);
  }
}
