package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Models far larger than the memory they get. Their files are sparse: headers, and zeros that take
/// no room on the disk.
@Tag("proof")
class LargeModelProof {
  private static final int EXPERTS = 128;
  private static final LargeModel MODEL = new LargeModel(2048, 1365, 64, false);
  private static final long MIB = 1L << 20;
  private static final Pattern PEAK = Pattern.compile("memory: peak ([0-9.]+) (MiB|GiB)");

  @TempDir private Path folder = Path.of("");

  /// 4 layers of 128 experts are 8 GiB, of 16 experts 1 GiB, attention aside.
  @Test
  void eightGibibytesArePrunedInAsLittleMemoryAsOne() throws Exception {
    Path small = MODEL.write(folder.resolve("small"), 4, EXPERTS / 8);
    Path large = MODEL.write(folder.resolve("large"), 4, EXPERTS);
    assertThat(LargeModel.bytes(small)).isBetween(1024 * MIB, 1200 * MIB);
    assertThat(LargeModel.bytes(large)).isBetween(8192 * MIB, 8400 * MIB);

    long smallPeak = peak(run(recipe(small, "random", ""), "-Xmx400m"));
    long largePeak = peak(run(recipe(large, "random", ""), "-Xmx400m"));

    System.err.println("1 GiB: " + smallPeak + " MiB, 8 GiB: " + largePeak + " MiB");
    assertThat(largePeak).isLessThan(1024);
    assertThat(largePeak - smallPeak).as("growth of resident memory").isLessThan(100);
  }

  @Test
  void calibrationStaysWithinItsBudget() throws Exception {
    Path large = MODEL.write(folder.resolve("large"), 4, EXPERTS);
    Path texts = folder.resolve("texts.jsonl");
    String ids = "[1" + ",2".repeat(511) + "]";
    Files.writeString(texts, ("{\"input_ids\": " + ids + "}\n").repeat(40));
    String calibration = "calibration:\n  data: [" + texts + "]\n";

    String log =
        run(recipe(large, "frequency", calibration), "-Xmx400m", "--max-memory", "1500MiB");

    System.err.println("calibrated: " + peak(log) + " MiB of 1500 MiB");
    assertThat(peak(log)).isLessThan(1500);
  }

  private static long peak(String log) {
    Matcher matcher = PEAK.matcher(log);
    assertThat(matcher.find()).as(log).isTrue();
    double size = Double.parseDouble(matcher.group(1));
    return Math.round(matcher.group(2).equals("GiB") ? 1024 * size : size);
  }

  private String run(Path recipe, String heap, String... more) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                heap,
                "-XX:+UseSerialGC",
                "-XX:MaxDirectMemorySize=1024g",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.moepress.cli.Main",
                "run",
                recipe.toString()));
    command.addAll(List.of(more));
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    int exitCode = process.waitFor();
    String text = Files.readString(log);
    assertThat(exitCode).as(text).isZero();
    return text;
  }

  private Path recipe(Path model, String method, String calibration) throws IOException {
    Path recipe = folder.resolve(model.getFileName() + "-" + method + ".yaml");
    return Files.writeString(
        recipe,
        "model: "
            + model
            + "\noutput: "
            + folder.resolve("out-" + model.getFileName())
            + "\n"
            + calibration
            + "steps:\n  - prune: {method: "
            + method
            + ", keep: 50%}\n");
  }
}
