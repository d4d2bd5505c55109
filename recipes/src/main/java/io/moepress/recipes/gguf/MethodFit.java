package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.architecture.ExpertMatrix.Projection;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.gguf.ChosenTypes;
import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufNames.InLayer;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.gguf.TypeErrors.Question;
import io.moepress.recipes.plan.BitCosts;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.BitRequest;
import io.moepress.recipes.recipe.ByteSize;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/// Chooses the types of experts by a method that tells what bits cost.
///
/// All else has the types of a mix. What the mix gives to experts, and what the size leaves
/// besides, is spent on the stacks of experts, so that the sum of costs is smallest. A stack holds
/// one matrix of every expert of a layer; a type costs it what the method says of the bits of its
/// codes, summed over the experts. Where the method knows whole experts only, each matrix has a
/// share of the expert's cost, as large as its share of the weights.
///
/// @param by what the method is called here
/// @param evidence of the model, with what the method needs
record MethodFit(
    BitMethod method, String by, MoeModel model, Evidence evidence, List<Exemption> exemptions) {
  /// What is drawn by lot is the same in every run.
  private static final long NO_SEED = 0;

  MethodFit {
    exemptions = List.copyOf(exemptions);
  }

  /// The best plan.
  ///
  /// @param mix a file that fits, and whose types all but experts have
  /// @param planner a file by a rule
  GgufPlan best(
      GgufPlan mix,
      Function<TypeRule, GgufPlan> planner,
      ByteSize limit,
      GgufPlanner.Fitting fitting)
      throws IOException {
    List<Question> questions =
        TypeLadder.questions(mix.tensors(), exemptions, ExpertUse::isOfExperts);
    BitCosts costs =
        method.costs(
            new BitRequest(model, evidence, TypeLadder.WIDTHS, NO_SEED, fitting.workers()));
    TypeSpending spending =
        new TypeSpending(
            questions, questions.stream().map(question -> costs(question, costs)).toList());
    Optional<Map<String, GgufType>> types = spending.best(mix, limit, fitting.chooser());
    if (questions.isEmpty() || types.isEmpty()) {
      return mix.withNotes(
          List.of(
              by + ": no bytes are left to spend on experts: their types are those of the mix"));
    }
    String label = "by " + by + ", others as in " + mix.rule().label();
    GgufPlan plan =
        planner.apply(new ChosenTypes(label, types.get(), mix.rule(), mix.rule().fileType()));
    return plan.withNotes(notes(plan, types.get(), costs));
  }

  /// What each type costs a stack.
  private double[] costs(Question question, BitCosts costs) {
    InLayer place = InLayer.of(question.tensor().name()).orElseThrow();
    Set<Projection> held = projections(place.name());
    double[] sums = new double[question.types().size()];
    for (BitCosts.Item item : costs.items()) {
      if (item.layer() == place.layer()
          && (item.projection() == null || held.contains(item.projection()))) {
        double share = item.projection() == null ? share(question.tensor(), item) : 1;
        for (int option = 0; option < sums.length; option++) {
          int width = TypeLadder.codeBits(question.types().get(option));
          sums[option] += share * item.costs().get(costs.widths().indexOf(width));
        }
      }
    }
    return sums;
  }

  /// The part of an expert's weights that stands in a stack.
  private static double share(GgufTensor tensor, BitCosts.Item expert) {
    return (double) tensor.shape().elementCount() / tensor.shape().dimension(0) / expert.weights();
  }

  private static Set<Projection> projections(String name) {
    Set<Projection> held = EnumSet.noneOf(Projection.class);
    if (name.contains("gate")) {
      held.add(Projection.GATE);
    }
    if (name.contains("up")) {
      held.add(Projection.UP);
    }
    if (name.contains("down")) {
      held.add(Projection.DOWN);
    }
    return held;
  }

  private List<String> notes(GgufPlan plan, Map<String, GgufType> types, BitCosts costs) {
    long bytes = 0;
    long weights = 0;
    Map<GgufType, Integer> counts = new TreeMap<>();
    for (GgufHeader.Entry entry : plan.header().entries()) {
      if (types.containsKey(entry.info().name())) {
        bytes += entry.info().byteCount();
        weights += entry.info().shape().elementCount();
        counts.merge(entry.info().type(), 1, Integer::sum);
      }
    }
    List<String> notes = new ArrayList<>();
    notes.add(
        Checks.text(
            "%s: experts have %.3f bits for each weight: %s",
            by,
            (double) bytes * Byte.SIZE / Math.max(1, weights),
            counts.entrySet().stream()
                .map(entry -> entry.getValue() + " stacks " + entry.getKey())
                .toList()));
    notes.addAll(costs.notes());
    return notes;
  }
}
