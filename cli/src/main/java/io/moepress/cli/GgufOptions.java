package io.moepress.cli;

import io.moepress.formats.Words;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.FitBy;
import io.moepress.recipes.recipe.GgufSpec;
import io.moepress.recipes.recipe.RecipeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
        "With --fit: mix, the best mix that fits (default), or error, a type for each matrix such",
        "that the sum of squared errors is smallest."
      })
  private @Nullable FitBy by;

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
  }

  /// Refuses all of them, for an output that is no GGUF file.
  void requireNone() {
    refuse("--tokenizer-from", tokenizerFrom != null);
    refuse("--pure", pure);
    refuse("--tensor-type", !exemptions.isEmpty());
    refuse("--imatrix", importance != null);
    refuse("--fit", fit != null);
    refuse("--by", by != null);
  }

  private static void refuse(String option, boolean given) {
    if (given) {
      throw new RecipeException(option + ": only for a GGUF file, such as -o model.gguf");
    }
  }
}
