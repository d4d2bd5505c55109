package io.moepress.recipes.recipe;

import io.moepress.formats.Checks;
import io.moepress.formats.Words;
import java.math.BigDecimal;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A number of bytes, as people write it: `5GB`, `1.5 GiB`, `4096`.
///
/// B, KB, MB, GB and TB are powers of 1000; KiB, MiB, GiB and TiB are powers of 1024; a plain
/// number counts bytes. Upper and lower case are the same. A fraction is fine as long as the bytes
/// come out whole.
///
/// @param bytes not negative
public record ByteSize(long bytes) {
  /// What a size looks like, for messages.
  public static final String EXAMPLES = "a size such as 5GB, 512MiB or 4096";

  private static final Pattern NOTATION =
      Pattern.compile("([0-9]{1,19}(?:\\.[0-9]{1,12})?) ?([A-Za-z]*)");

  /// From the largest to the smallest, so that the first exact divisor gives the shortest text.
  private enum Unit {
    TiB(1L << 40),
    TB(1_000_000_000_000L),
    GiB(1L << 30),
    GB(1_000_000_000L),
    MiB(1L << 20),
    MB(1_000_000L),
    KiB(1L << 10),
    KB(1_000L),
    B(1L);

    private final long bytes;

    Unit(long bytes) {
      this.bytes = bytes;
    }

    static Unit named(String name, String text) {
      for (Unit unit : values()) {
        if (unit.name().equalsIgnoreCase(name)) {
          return unit;
        }
      }
      throw refused(text, "unknown unit");
    }
  }

  public ByteSize {
    Checks.require(bytes >= 0, "%d bytes (expected 0 or more)", bytes);
  }

  /// Reads a size.
  ///
  /// @throws IllegalArgumentException if it is none, not a whole number of bytes, or beyond 2⁶³ − 1
  public static ByteSize parse(String text) {
    Matcher matcher = NOTATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(Words.quoted(text) + " (expected " + EXAMPLES + ")");
    }
    String unit = matcher.group(2);
    long unitBytes = unit.isEmpty() ? 1 : Unit.named(unit, text).bytes;
    BigDecimal bytes = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(unitBytes));
    if (bytes.stripTrailingZeros().scale() > 0) {
      throw refused(text, "no whole number of bytes");
    }
    if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw refused(text, "more than " + Long.MAX_VALUE + " bytes");
    }
    return new ByteSize(bytes.longValueExact());
  }

  private static IllegalArgumentException refused(String text, String reason) {
    return new IllegalArgumentException(
        Words.quoted(text) + ": " + reason + " (expected " + EXAMPLES + ")");
  }

  /// The size for people, to three digits or so: `13.5 MiB`.
  public String rounded() {
    for (Unit unit : List.of(Unit.TiB, Unit.GiB, Unit.MiB, Unit.KiB)) {
      if (bytes >= unit.bytes) {
        return Checks.text("%.1f %s", (double) bytes / unit.bytes, unit.name());
      }
    }
    return bytes + " B";
  }

  /// The size in the largest unit that needs no fraction. [#parse(String)] reads it back.
  @Override
  public String toString() {
    for (Unit unit : Unit.values()) {
      if (bytes > 0 && bytes % unit.bytes == 0) {
        return bytes / unit.bytes + unit.name();
      }
    }
    return "0B";
  }
}
