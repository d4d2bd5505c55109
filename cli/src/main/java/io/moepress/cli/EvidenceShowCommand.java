package io.moepress.cli;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Evidence.Domain;
import io.moepress.recipes.evidence.Evidence.Sampling;
import io.moepress.recipes.evidence.EvidenceFile;
import io.moepress.recipes.evidence.LinearStatistic;
import io.moepress.recipes.evidence.Statistic;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `moepress evidence show`.
@Command(
    name = "show",
    description = {
      "Says what evidence holds, of which texts, and how the experts of each layer are used.",
      "An expert's share is its part of all choices of the layer: 1 / E when all are used alike."
    },
    mixinStandardHelpOptions = true)
final class EvidenceShowCommand implements Callable<Integer> {
  @Mixin private CommonOptions common = new CommonOptions();

  @Parameters(paramLabel = "DIR", description = "Directory of the evidence.")
  private Path directory = Path.of("");

  /// How the experts of a layer are used.
  ///
  /// @param leastShare of all choices of the layer, in [0, 1]
  /// @param starved experts that no token chose
  record LayerUse(
      int layer,
      int experts,
      double leastShare,
      double medianShare,
      double mostShare,
      List<Integer> starved) {}

  /// What the evidence holds.
  record Result(
      String evidence,
      String digest,
      String checkpoint,
      int maxTokens,
      List<Domain> domains,
      List<String> statistics,
      @Nullable Sampling reservoir,
      @Nullable String propagation,
      List<LayerUse> layers) {}

  @Override
  public Integer call() throws IOException {
    Evidence evidence = EvidenceFile.read(directory);
    Result result =
        new Result(
            directory.toString(),
            EvidenceFile.digest(directory),
            evidence.checkpoint(),
            evidence.maxTokens(),
            evidence.domains(),
            labels(evidence),
            evidence.sampling(),
            evidence.propagation(),
            uses(evidence));
    common.terminal().result(result, text(result));
    return ExitCode.DONE;
  }

  private static List<LayerUse> uses(Evidence evidence) {
    List<LayerUse> uses = new ArrayList<>();
    if (evidence.statistics().contains(Statistic.ROUTED_TOKENS)) {
      evidence
          .layers()
          .forEach((layer, values) -> uses.add(use(layer, values.total(Statistic.ROUTED_TOKENS))));
    }
    return uses;
  }

  private static LayerUse use(int layer, double[] tokens) {
    double all = Arrays.stream(tokens).sum();
    double[] shares = Arrays.stream(tokens).map(t -> all == 0 ? 0 : t / all).sorted().toArray();
    List<Integer> starved =
        IntStream.range(0, tokens.length).filter(expert -> tokens[expert] == 0).boxed().toList();
    int middle = shares.length / 2;
    double median =
        shares.length % 2 == 1 ? shares[middle] : (shares[middle - 1] + shares[middle]) / 2;
    return new LayerUse(
        layer, tokens.length, shares[0], median, shares[shares.length - 1], starved);
  }

  private static String text(Result result) {
    StringBuilder text = new StringBuilder();
    text.append(
        Table.ofFacts()
            .row("checkpoint", result.checkpoint())
            .row("texts", "cut at " + result.maxTokens() + " tokens")
            .row("reservoir", reservoir(result.reservoir()))
            .row("layers", result.propagation() == null ? "as they are" : result.propagation())
            .text());
    Table statistics = Table.ofFacts().row("statistic", "shape", "value");
    for (String label : result.statistics()) {
      Statistic.named(label)
          .ifPresent(it -> statistics.row(label, it.form().shape(), it.formula()));
      LinearStatistic.named(label)
          .ifPresent(it -> statistics.row(label, it.shape() + " each", it.formula()));
    }
    text.append('\n').append(statistics.text());
    Table domains = Table.ofNumbers().row("domain", "texts", "tokens");
    for (Domain domain : result.domains()) {
      domains.row(domain.name(), "" + domain.sequences(), "" + domain.tokens());
    }
    text.append('\n').append(domains.text());
    Table layers =
        Table.ofFacts()
            .row("layer", "experts", "least used", "median", "most used", "without a token");
    for (LayerUse use : result.layers()) {
      layers.row(
          "" + use.layer(),
          "" + use.experts(),
          percent(use.leastShare()),
          percent(use.medianShare()),
          percent(use.mostShare()),
          starved(use.starved()));
    }
    return text.append('\n').append(layers.text()).toString();
  }

  private static List<String> labels(Evidence evidence) {
    List<String> labels = new ArrayList<>(Statistic.labels(evidence.statistics()));
    labels.addAll(LinearStatistic.labels(evidence.linearStatistics()));
    return labels;
  }

  private static String reservoir(@Nullable Sampling sampling) {
    if (sampling == null) {
      return "none";
    }
    String origin = sampling.seed() == null ? ", joined" : ", seed " + sampling.seed();
    return sampling.tokens() + " tokens of each layer" + origin;
  }

  private static String percent(double share) {
    return Checks.text("%.3g %%", 100 * share);
  }

  private static String starved(List<Integer> experts) {
    return experts.isEmpty()
        ? "none"
        : experts.size()
            + ": "
            + experts.stream().map(String::valueOf).collect(Collectors.joining(" "));
  }
}
