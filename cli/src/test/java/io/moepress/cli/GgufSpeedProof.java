package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What encoding weights and converting models takes. Time is that of the processor, the best of
/// some runs, for others may use it, too.
@Tag("proof")
class GgufSpeedProof {
  private static final int WIDTH = 4096;
  private static final int WEIGHTS = 1 << 22;
  private static final int RUNS = 7;
  private static final int THREADS = 2;
  private static final double MILLION = 1e6;

  /// What ggml's C encodes on two cores.
  private static final double GGML = 29 * MILLION;

  private static final String HEAP = "-Xmx96m";
  private static final Path TOKENIZER = TestData.path("models/tiny-qwen3moe");

  @TempDir private Path folder = Path.of("");

  /// What is measured.
  private interface Work {
    void run();
  }

  @Test
  void encodingIsAsFastAsTheReference() throws Exception {
    float[] weights = normal();
    WeightRows rows = WeightRows.of("drawn", 0, WIDTH, weights);
    MemorySegment target = MemorySegment.ofArray(new float[WEIGHTS]);

    double small = rate(() -> BlockEncoding.Q4_K.encode(rows));
    double plain = rate(() -> BlockEncoding.Q8_0.encode(rows));
    double copied =
        rate(() ->
            MemorySegment.copy(
                MemorySegment.ofArray(weights), 0, target, 0, WEIGHTS * (long) Float.BYTES));

    System.err.println(
        Checks.text(
            "weights in a second on two cores: Q4_K %.0f million, Q8_0 %.0f million, a copy of the"
                + " same F32 %.0f million; Q8_0 is at %.2f of the copy",
            small / MILLION, plain / MILLION, copied / MILLION, plain / copied));
    assertThat(small).isGreaterThan(GGML);
    assertThat(plain / copied).isGreaterThan(LEAST);
  }

  /// What Q8_0 reaches at least of the speed of a copy; 0.16 to 0.20 were measured.
  private static final double LEAST = 0.1;

  private static float[] normal() {
    SplittableRandom random = new SplittableRandom(1);
    float[] weights = new float[WEIGHTS];
    for (int i = 0; i < WEIGHTS; i++) {
      weights[i] = (float) (0.02 * random.nextGaussian());
    }
    return weights;
  }

  /// Weights in a second, of two threads at once.
  private static double rate(Work work) throws Exception {
    double rate = 0;
    try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      List<Future<Double>> rates = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        rates.add(pool.submit(() -> WEIGHTS / best(work)));
      }
      for (Future<Double> each : rates) {
        rate += each.get();
      }
    }
    return rate;
  }

  /// Seconds of one thread.
  private static double best(Work work) {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < RUNS; i++) {
      long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      work.run();
      least =
          Math.min(least, ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start);
    }
    return least / 1e9;
  }

  /// What a conversion took.
  ///
  /// @param anonymous the most memory that is not a mapped file, in bytes, as often as we looked
  /// @param disk the most that stood in the folder of the output
  /// @param output size of the file
  private record Taken(long anonymous, long disk, long output) {}

  /// 4 times the weights take as much memory, and no more of the disk than the file.
  @Test
  void memoryDoesNotGrowWithTheModel() throws Exception {
    LargeModel kind = new LargeModel(1024, 768, 4096, true);
    Path small = withTokenizer(kind.write(folder.resolve("small"), 1, 38));
    Path large = withTokenizer(kind.write(folder.resolve("large"), 4, 40));
    assertThat(LargeModel.bytes(small)).isBetween(190_000_000L, 220_000_000L);
    assertThat(LargeModel.bytes(large)).isBetween(780_000_000L, 850_000_000L);

    for (String type : List.of("Q8_0", "Q4_K_M")) {
      Taken one = convert(small, type);
      Taken four = convert(large, type);

      System.err.println(
          Checks.text(
              "%s: %d MB in %d MiB, %d MB in %d MiB of memory; files of %d and %d bytes, at most %d and"
                  + " %d bytes of disk",
              type,
              LargeModel.bytes(small) / 1_000_000,
              one.anonymous() >> 20,
              LargeModel.bytes(large) / 1_000_000,
              four.anonymous() >> 20,
              one.output(),
              four.output(),
              one.disk(),
              four.disk()));
      assertThat(four.anonymous() - one.anonymous()).isLessThan(48L << 20);
      assertThat(four.anonymous()).isLessThan(256L << 20);
      assertThat(four.disk() - four.output()).isLessThan(1 << 20); // checksums of tensors
    }
  }

  private static Path withTokenizer(Path model) throws IOException {
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(TOKENIZER.resolve(file), model.resolve(file));
    }
    return model;
  }

  private Taken convert(Path model, String type) throws Exception {
    Path place = Files.createDirectory(folder.resolve(model.getFileName() + "-" + type));
    Path log = folder.resolve("log");
    Path output = place.resolve("out.gguf");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                HEAP,
                "-XX:+UseSerialGC",
                "-XX:MaxDirectMemorySize=1024g",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.moepress.cli.Main",
                "convert",
                model.toString(),
                "-o",
                output.toString(),
                "--to",
                type,
                "-j",
                "2")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    long anonymous = 0;
    long disk = 0;
    while (!process.waitFor(20, TimeUnit.MILLISECONDS)) {
      anonymous = Math.max(anonymous, anonymous(process.pid()));
      disk = Math.max(disk, bytes(place));
    }
    assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    assertThat(anonymous).as("memory that was seen").isPositive();
    try (Stream<Path> left = Files.list(place)) {
      assertThat(left).containsExactly(output);
    }
    Taken taken = new Taken(anonymous, Math.max(disk, bytes(place)), Files.size(output));
    Files.delete(output);
    return taken;
  }

  private static long anonymous(long process) throws IOException {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + process + "/status"))) {
        if (line.startsWith("RssAnon:")) {
          return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
        }
      }
      return 0; // it is just ending
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  private static long bytes(Path place) throws IOException {
    long sum = 0;
    try (Stream<Path> files = Files.list(place)) {
      for (Path file : files.toList()) {
        sum += Files.exists(file) ? Files.size(file) : 0;
      }
    } catch (NoSuchFileException e) {
      return sum; // renamed while we looked
    }
    return sum;
  }
}
