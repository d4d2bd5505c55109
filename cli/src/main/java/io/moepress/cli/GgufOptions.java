package io.moepress.cli;

import io.moepress.formats.gguf.TypeExceptions.Exemption;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import java.nio.file.Path;
import java.util.List;
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

  @Nullable Path tokenizerFrom() {
    return tokenizerFrom;
  }

  boolean pure() {
    return pure;
  }

  List<Exemption> exemptions() {
    return exemptions;
  }

  @Nullable Path importance() {
    return importance;
  }

  @Nullable ByteSize fit() {
    return fit;
  }

  /// Refuses options that do not go together.
  ///
  /// @param layout what `--to` says; null: nothing
  void requireConsistent(@Nullable String layout) {
    if (fit != null && (layout != null || pure)) {
      throw new RecipeException(
          "--fit: chooses the mix itself (expected neither --to nor --pure beside it)");
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
  }

  private static void refuse(String option, boolean given) {
    if (given) {
      throw new RecipeException(option + ": only for a GGUF file, such as -o model.gguf");
    }
  }
}
