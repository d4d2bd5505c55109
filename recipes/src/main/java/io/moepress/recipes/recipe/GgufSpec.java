package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import io.moepress.formats.gguf.GgufPreset;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.PieceEncoder;
import io.moepress.formats.gguf.TypeExceptions.Exemption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// How a GGUF file is to be written.
///
/// @param type a type of matrices, or a mix of types; empty: the types they have
/// @param pure one type for all matrices: the one that the mix has for most
/// @param exemptions other types for some matrices, by name; the first that matches counts
/// @param importance an importance matrix by which errors are weighed
/// @param tokenizer a GGUF file whose tokenizer is taken
/// @param fit the size that the file may have
/// @param by what is best within that size
public record GgufSpec(
    Optional<String> type,
    boolean pure,
    List<Exemption> exemptions,
    Optional<Path> importance,
    Optional<Path> tokenizer,
    Optional<ByteSize> fit,
    FitBy by) {
  private static final String ENDING = ".gguf";

  /// The types that matrices have.
  public static final GgufSpec PLAIN =
      new GgufSpec(
          Optional.empty(),
          false,
          List.of(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          FitBy.MIX);

  public GgufSpec {
    exemptions = List.copyOf(exemptions);
    type.ifPresent(GgufSpec::requireType);
    Checks.require(
        fit.isEmpty() || (type.isEmpty() && !pure),
        "fit: chooses the mix itself (expected neither type nor pure beside it)");
    Checks.require(
        by == FitBy.MIX || fit.isPresent(),
        "by: %s within which size (expected fit beside it, such as 24GiB)",
        by.label());
    Checks.require(
        !pure || type.isPresent(), "pure: of which type (expected type beside it, such as Q4_K)");
  }

  /// Whether a file is meant to be GGUF.
  public static boolean isName(Path file) {
    return file.toString().endsWith(ENDING);
  }

  /// The names of types that can be written, and of mixes of them.
  public static List<String> types() {
    return Stream.concat(
            PieceEncoder.types().stream().map(GgufType::name),
            Arrays.stream(GgufPreset.values()).map(GgufPreset::name))
        .distinct()
        .toList();
  }

  /// Whether this is the name of a type or a mix, in upper or lower case.
  public static boolean isType(String name) {
    return types().contains(name.toUpperCase(Locale.ROOT));
  }

  private static void requireType(String name) {
    Checks.require(
        isType(name),
        "unknown type %s (expected one of: %s)%s",
        Words.quoted(name),
        String.join(", ", types()),
        Words.didYouMean(name, types()));
  }
}
