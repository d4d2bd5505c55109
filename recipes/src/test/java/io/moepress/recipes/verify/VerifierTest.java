package io.moepress.recipes.verify;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.recipes.apply.Applier;
import io.moepress.recipes.apply.Applier.Output;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerifierTest {
  private static final String MANIFEST = "moepress.json";

  @TempDir Path folder;
  private Path output;

  /// A checkpoint of which half the experts were dropped.
  @BeforeEach
  void write() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));
    Files.writeString(source.resolve("tokenizer.json"), "{}");
    output = folder.resolve("output");
    List<KeepExperts> steps = List.of(keep(0, 4, 1, 3), keep(1, 4, 0, 2));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(2)) {
      new Applier(checkpoint, workers, Progress.SILENT)
          .apply(
              SamplePlans.plan(steps),
              Lowering.lower(MoeModel.of(checkpoint), steps),
              new Output(output, false, ByteSize.parse("1GB")));
    }
  }

  @Test
  void whatWasWrittenPasses() throws IOException {
    List<Check> checks = verify();

    assertThat(checks).allMatch(check -> check.outcome().equals("ok"));
    assertThat(checks.subList(checks.size() - 5, checks.size()))
        .containsExactly(
            new Check(
                "structure",
                true,
                "33 tensors in 1 files; 2 experts in each of 2 MoE layers, 2 for each token"),
            new Check("manifest", true, "accounts for all 33 tensors and lists 12 dropped ones"),
            new Check("side files", true, "3 as written"),
            new Check("finite weights", true, "in all tensors"),
            new Check("tensor digests", true, "all bytes as written"));
  }

  @Test
  void aCheckpointWithoutManifestIsCheckedAsFarAsItGoes() throws IOException {
    Files.delete(output.resolve(MANIFEST));

    assertThat(verify())
        .extracting(Check::name)
        .contains("router-rows", "structure", "finite weights")
        .doesNotContain("manifest", "side files", "tensor digests");
  }

  // Each planted fault is found, and by no other check.

  @ParameterizedTest
  @ValueSource(ints = {1, 2000, 10_000})
  void aFlippedBitInATensor(int fromEnd) throws IOException {
    Path weights = output.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - fromEnd] ^= 0x10;
    Files.write(weights, bytes);

    assertOnlyFails("tensor digests", "changed since they were written: [model.");
  }

  @Test
  void twoTensorsExchanged() throws IOException {
    Path weights = output.resolve("model.safetensors");
    String text = Files.readString(weights, StandardCharsets.ISO_8859_1);
    String one = "model.layers.0.mlp.experts.0.up_proj.weight";
    String other = "model.layers.0.mlp.experts.1.up_proj.weight";
    String exchanged =
        text.replace(one, "exchanged").replace(other, one).replace("exchanged", other);
    Files.writeString(weights, exchanged, StandardCharsets.ISO_8859_1);

    assertOnlyFails(
        "tensor digests", "changed since they were written: [" + one + ", " + other + "]");
  }

  @Test
  void aChangedSideFile() throws IOException {
    Files.writeString(output.resolve("tokenizer.json"), "{ }");

    assertOnlyFails("side files", "missing or changed: [tokenizer.json]");
  }

  @Test
  void aMissingSideFile() throws IOException {
    Files.delete(output.resolve("tokenizer.json"));

    assertOnlyFails("side files", "missing or changed: [tokenizer.json]");
  }

  @Test
  void aChangedConfiguration() throws IOException {
    edit(output.resolve("config.json"), "\"rope_theta\": 10000.0", "\"rope_theta\": 10001.0");

    assertOnlyFails("side files", "missing or changed: [config.json]");
  }

  @Test
  void aManifestWithATensorMore() throws IOException {
    edit(
        output.resolve(MANIFEST),
        "\"lm_head.weight\": {",
        "\"extra.weight\": {\"from\": \"x\", \"how\": \"copy\", \"sha256\": \"sha256:0\"},\n"
            + "    \"lm_head.weight\": {");

    assertOnlyFails("manifest", "does not fit the tensors: [extra.weight]");
  }

  @Test
  void aManifestWithATensorLess() throws IOException {
    Path manifest = output.resolve(MANIFEST);
    String text = Files.readString(manifest);
    Files.writeString(
        manifest,
        text.replaceFirst("\"lm_head.weight\": \\{[^}]*},", Matcher.quoteReplacement("")));

    assertOnlyFails("manifest", "does not fit the tensors: [lm_head.weight]");
  }

  @Test
  void addedSideFilesAreNobodysBusiness() throws IOException {
    Files.writeString(output.resolve("README.md"), "Mine.");

    assertThat(verify()).allMatch(Check::passed);
  }

  private void assertOnlyFails(String check, String detail) throws IOException {
    List<Check> failed = verify().stream().filter(result -> !result.passed()).toList();
    assertThat(failed).extracting(Check::name).containsExactly(check);
    assertThat(failed.getFirst().detail()).startsWith(detail);
  }

  /// A manifest comes with the checkpoint, so perhaps from a stranger. Were the file opened, its
  /// digest would be found right.
  @ParameterizedTest
  @ValueSource(strings = {"../secret.txt", "./../secret.txt", "ABSOLUTE", "sub/../../secret.txt"})
  void aPathThatLeadsOutOfTheDirectoryIsNotOpened(String path) throws IOException {
    Path secret = Files.writeString(folder.resolve("secret.txt"), "secret");
    String name = path.equals("ABSOLUTE") ? secret.toAbsolutePath().toString() : path;
    edit(
        output.resolve(MANIFEST),
        "\"config.json\":",
        "\"" + name + "\": \"" + Fingerprint.ofFile(secret) + "\",\n    \"config.json\":");

    assertOnlyFails("side files", "missing or changed: [" + name + "]");
  }

  // What cannot be checked at all is an error.

  @Test
  void aConfigurationWithoutADimensionIsAnError() throws IOException {
    edit(output.resolve("config.json"), "\"hidden_size\": 16", "\"hidden\": 16");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(this::verify)
        .withMessageContaining("no value for \"hidden\"");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void aManifestOfAnotherVersionIsAnError(int version) throws IOException {
    edit(output.resolve(MANIFEST), "\"formatVersion\": 1", "\"formatVersion\": " + version);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(this::verify)
        .withMessage(
            "%s: formatVersion %d (expected 1). Use the version of moepress that wrote it.",
            output.resolve(MANIFEST), version);
  }

  @Test
  void aManifestThatIsNoneIsAnError() throws IOException {
    Files.writeString(output.resolve(MANIFEST), "[]");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(this::verify)
        .withMessageContaining(MANIFEST);
  }

  private List<Check> verify() throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(output);
        Workers workers = new Workers(2)) {
      return new Verifier(workers, Progress.SILENT).verify(checkpoint, null);
    }
  }

  private static void edit(Path file, String from, String to) throws IOException {
    String text = Files.readString(file);
    assertThat(text).containsOnlyOnce(from);
    Files.writeString(file, text.replace(from, to));
  }
}
