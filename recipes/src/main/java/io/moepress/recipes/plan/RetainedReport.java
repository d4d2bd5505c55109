package io.moepress.recipes.plan;

import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.ArchitectureCatalog;
import io.moepress.formats.architecture.TensorRole;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Tells which experts stay under a plan in the form that [RetainedExperts] reads.
public final class RetainedReport {
  private static final String LAYER = "{layer}";
  private static final String USUAL_MODULE = "model.layers." + LAYER + ".mlp";

  private RetainedReport() {}

  /// The experts that stay in each layer, by the name of its module, all numbered as in the
  /// checkpoint that the first plan begins with.
  ///
  /// @throws PlanMismatchException when a plan does more than drop experts
  public static Map<String, List<Integer>> of(Plan plan) {
    Map<Integer, List<Integer>> layers = new TreeMap<>();
    for (Plan part : plan.chain()) {
      part.steps().forEach(step -> apply(step, layers));
    }
    String module = module(plan.modelType());
    Map<String, List<Integer>> report = new LinkedHashMap<>();
    layers.forEach((layer, kept) -> report.put(module.replace(LAYER, "" + layer), kept));
    return report;
  }

  private static void apply(PlanStep step, Map<Integer, List<Integer>> layers) {
    switch (step) {
      case KeepExperts keep -> {
        List<Integer> before = layers.get(keep.layer());
        layers.put(
            keep.layer(),
            before == null ? keep.kept() : keep.kept().stream().map(before::get).toList());
      }
      case MergeExperts _,
          SparsifyWeights _,
          QuantizeWeights _,
          IgnoreGroups _,
          LowerTopK _,
          PruneMultiTokenPrediction _ ->
          throw new PlanMismatchException(
              "the plan does more than drop experts (%s): a report of retained experts cannot say so."
                  + " Hand the plan itself on.",
              step.getClass().getSimpleName());
    }
  }

  /// The module whose experts a router chooses from, which bears the router's name but for its last
  /// two parts.
  private static String module(String modelType) {
    return Optional.ofNullable(ArchitectureCatalog.all().get(modelType))
        .map(Architecture::tensors)
        .map(tensors -> tensors.get(TensorRole.ROUTER))
        .map(Architecture.TensorTemplate::name)
        .map(name -> name.replaceFirst("\\.[^.]+\\.[^.]+$", ""))
        .orElse(USUAL_MODULE);
  }
}
