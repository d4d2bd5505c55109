package io.moepress.formats.gguf;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import java.util.List;

/// A rule with exceptions: of those whose pattern occurs in a tensor's name, the first one counts.
///
/// @param rule what holds otherwise
public record TypeExceptions(TypeRule rule, List<Exemption> exemptions) implements TypeRule {

  public TypeExceptions {
    exemptions = List.copyOf(exemptions);
  }

  /// An exception.
  ///
  /// @param pattern a regular expression of RE2, to be found anywhere in a name
  public record Exemption(Pattern pattern, GgufType type) {

    /// Reads `PATTERN=TYPE`.
    ///
    /// @throws IllegalArgumentException for anything else; the message says what was expected
    public static Exemption parse(String text) {
      int equals = text.lastIndexOf('=');
      Checks.require(
          equals > 0, "%s: no pattern (expected PATTERN=TYPE, such as attn_v=Q8_0)", text);
      return new Exemption(pattern(text.substring(0, equals)), type(text.substring(equals + 1)));
    }

    private static Pattern pattern(String text) {
      try {
        return Pattern.compile(text);
      } catch (PatternSyntaxException e) {
        throw new IllegalArgumentException(
            Checks.text(
                "pattern %s: %s (expected a regular expression, such as blk\\.[0-3]\\.ffn_down)",
                text, e.getDescription()),
            e);
      }
    }

    private static GgufType type(String text) {
      List<String> known = PieceEncoder.types().stream().map(GgufType::name).toList();
      return GgufType.named(text)
          .filter(PieceEncoder.types()::contains)
          .orElseThrow(() ->
              new IllegalArgumentException(
                  Checks.text(
                      "unknown type %s (expected one of: %s)%s",
                      Words.quoted(text),
                      String.join(", ", known),
                      Words.didYouMean(text, known))));
    }

    boolean matches(String tensor) {
      return pattern.matcher(tensor).find();
    }
  }

  /// Makes sure that each exception is one for something.
  ///
  /// @throws IllegalArgumentException for a pattern that occurs in no name of a matrix
  public void requireUsed(List<GgufTensor> tensors) {
    List<String> matrices =
        tensors.stream().filter(GgufTypes::takesType).map(GgufTensor::name).toList();
    for (Exemption exemption : exemptions) {
      Checks.require(
          matrices.stream().anyMatch(exemption::matches),
          "pattern %s: no matrix has such a name (there are, for example: %s). Vectors, norms and"
              + " routers keep their type.",
          exemption.pattern(),
          String.join(", ", matrices.subList(0, Math.min(matrices.size(), 8))));
    }
  }

  @Override
  public String label() {
    return exemptions.isEmpty() ? rule.label() : rule.label() + " and others";
  }

  @Override
  public long fileType() {
    return rule.fileType();
  }

  @Override
  public GgufType wanted(GgufTensor tensor) {
    return exemptions.stream()
        .filter(exemption -> exemption.matches(tensor.name()))
        .map(Exemption::type)
        .findFirst()
        .orElseGet(() -> rule.wanted(tensor));
  }
}
