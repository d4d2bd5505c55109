package io.moepress.recipes.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "4096, 4096",
    "7B, 7",
    "3KB, 3000",
    "3kB, 3000",
    "3KiB, 3072",
    "2MB, 2000000",
    "2MiB, 2097152",
    "5GB, 5000000000",
    "5 gb, 5000000000",
    "16GiB, 17179869184",
    "1TB, 1000000000000",
    "1TiB, 1099511627776",
    "1.5GB, 1500000000",
    "0.5KiB, 512",
    "9223372036854775807, 9223372036854775807",
  })
  void sizesRead(String text, long bytes) {
    assertThat(ByteSize.parse(text).bytes()).isEqualTo(bytes);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0B",
    "7, 7B",
    "3000, 3KB",
    "3072, 3KiB",
    "1500, 1500B",
    "5000000000, 5GB",
    "1099511627776, 1TiB",
    "1000000000000, 1TB",
  })
  void sizesPrintInTheLargestUnitWithoutFraction(long bytes, String text) {
    assertThat(new ByteSize(bytes)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void whatIsPrintedReadsBack(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    long[] units = {1, 1000, 1024, 1_000_000, 1 << 20, 1_000_000_000, 1 << 30, 1L << 40};
    for (int trial = 0; trial < 1000; trial++) {
      long unit = units[random.nextInt(units.length)];
      ByteSize size = new ByteSize(unit * random.nextLong(Long.MAX_VALUE / unit));
      assertThat(ByteSize.parse(size.toString())).isEqualTo(size);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "GB", "-1", "1e9", "5GB!", "five", "1.", "5  GB", "99999999999999999999"})
  void whatIsNoSizeIsRefused(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ByteSize.parse(text))
        .withMessage("\"" + text + "\" (expected a size such as 5GB, 512MiB or 4096)");
  }

  @ParameterizedTest
  @CsvSource({
    "5G, unknown unit",
    "5PB, unknown unit",
    "1.5B, no whole number of bytes",
    "0.0001KB, no whole number of bytes",
    "9223372036854775808, more than 9223372036854775807 bytes",
    "8388608TiB, more than 9223372036854775807 bytes",
  })
  void refusalsSayWhy(String text, String reason) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ByteSize.parse(text))
        .withMessage(
            "\"" + text + "\": " + reason + " (expected a size such as 5GB, 512MiB or 4096)");
  }

  @Test
  void negativeSizesAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ByteSize(-1))
        .withMessage("-1 bytes (expected 0 or more)");
  }
}
