package io.moepress.cli;

import io.moepress.formats.Words;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.evidence.Statistic;
import io.moepress.recipes.gguf.GgufPlanner.Fitting;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.FitBy;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/// The options of `moepress convert` that are for GGUF files only.
final class GgufOptions {
  @Option(
      names = "--tokenizer-from",
      paramLabel = "FILE.gguf",
      description = "Copy the tokenizer of this file instead of converting the checkpoint's own.")
  private @Nullable Path tokenizerFrom;

  @Option(
      names = "--pure",
      description = "One type for all matrices: what the mix has for most of them.")
  private boolean pure;

  @Option(
      names = "--tensor-type",
      paramLabel = "PATTERN=TYPE",
      converter = Exemptions.class,
      description = {
        "Another type for matrices in whose name the regular expression occurs, such as",
        "'blk\\.[0-3]\\.ffn_down=Q6_K'. May be repeated; the first that occurs counts."
      })
  private List<Exemption> exemptions = List.of();

  @Option(
      names = "--imatrix",
      paramLabel = "FILE",
      description = "Weigh errors by this importance matrix (see \"evidence imatrix\").")
  private @Nullable Path importance;

  @Option(
      names = "--fit",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description = "Instead of --to: the best mix whose file is at most this large.")
  private @Nullable ByteSize fit;

  @Option(
      names = "--by",
      paramLabel = "HOW",
      converter = How.class,
      completionCandidates = Ways.class,
      description = {
        "With --fit: mix, the best mix that fits (default); error, a type for each matrix such that",
        "the sum of squared errors is smallest; mc-moe or alphaq, types of experts by what these",
        "methods say that bits cost, all else as in mix."
      })
  private @Nullable FitBy by;

  @Option(
      names = "--evidence",
      paramLabel = "DIR",
      description = {
        "With --by mc-moe or error: what calibrate measured of this checkpoint. mc-moe needs the",
        "statistics rounding-error-2, -3, -4, -5, -6 and -8; error, how often experts are used."
      })
  private @Nullable Path evidence;

  /// Reads what is best.
  static final class How implements ITypeConverter<FitBy> {
    @Override
    public FitBy convert(String value) {
      return FitBy.named(value)
          .orElseThrow(() ->
              new TypeConversionException(
                  Words.quoted(value)
                      + " (expected one of: "
                      + String.join(", ", FitBy.labels())
                      + ")"
                      + Words.didYouMean(value, FitBy.labels())));
    }
  }

  /// The ways, for completion.
  static final class Ways extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    Ways() {
      super(FitBy.labels());
    }
  }

  /// Reads `PATTERN=TYPE`.
  static final class Exemptions implements ITypeConverter<Exemption> {
    @Override
    public Exemption convert(String value) {
      try {
        return Exemption.parse(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /// What they ask for.
  ///
  /// @param layout what `--to` says; null: nothing
  GgufSpec spec(@Nullable String layout) {
    return new GgufSpec(
        Optional.ofNullable(layout),
        pure,
        exemptions,
        Optional.ofNullable(importance),
        Optional.ofNullable(tokenizerFrom),
        Optional.ofNullable(fit),
        by == null ? FitBy.MIX : by);
  }

  /// Refuses options that do not go together.
  ///
  /// @param layout what `--to` says; null: nothing
  void requireConsistent(@Nullable String layout) {
    if (fit != null && (layout != null || pure)) {
      throw new RecipeException(
          "--fit: chooses the mix itself (expected neither --to nor --pure beside it)");
    }
    if (by != null && fit == null) {
      throw new RecipeException("--by: within which size (expected --fit beside it)");
    }
    if (pure && layout == null) {
      throw new RecipeException("--pure: of which type (expected --to beside it, such as Q4_K)");
    }
    requireEvidence(by == null ? FitBy.MIX : by);
  }

  private void requireEvidence(FitBy chosen) {
    if (evidence != null && chosen != FitBy.MC_MOE && chosen != FitBy.ERROR) {
      throw new RecipeException(
          "--evidence: what for (expected --fit and --by mc-moe or --by error beside it)");
    }
    Set<Statistic> needs = TypeFitting.needs(chosen);
    if (evidence == null && !needs.isEmpty()) {
      throw new RecipeException(
          "--by "
              + chosen.label()
              + ": of which evidence (expected --evidence DIR beside it). Measure it with \"moepress"
              + " calibrate MODEL --data texts.jsonl -o DIR --statistics default,"
              + String.join(",", roundings(needs))
              + "\", or choose by error or alphaq.");
    }
  }

  private static List<String> roundings(Set<Statistic> needs) {
    return Statistic.labels(needs).stream()
        .filter(label -> !Statistic.labels(Statistic.defaults()).contains(label))
        .toList();
  }

  /// What types are chosen with.
  ///
  /// @throws io.moepress.recipes.plan.PlanMismatchException when the evidence is of another
  ///   checkpoint
  Fitting fitting(CheckpointDirectory checkpoint, Workers workers, Progress progress)
      throws IOException {
    Evidence read = evidence == null ? null : GivenEvidence.read(evidence, checkpoint);
    return TypeFitting.of(by == null ? FitBy.MIX : by, read, workers, progress);
  }

  /// Refuses all of them, for an output that is no GGUF file.
  void requireNone() {
    refuse("--tokenizer-from", tokenizerFrom != null);
    refuse("--pure", pure);
    refuse("--tensor-type", !exemptions.isEmpty());
    refuse("--imatrix", importance != null);
    refuse("--fit", fit != null);
    refuse("--by", by != null);
    refuse("--evidence", evidence != null);
  }

  private static void refuse(String option, boolean given) {
    if (given) {
      throw new RecipeException(option + ": only for a GGUF file, such as -o model.gguf");
    }
  }
}
