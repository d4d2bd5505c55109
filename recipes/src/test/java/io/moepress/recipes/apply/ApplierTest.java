package io.moepress.recipes.apply;

import static io.moepress.recipes.plan.SamplePlans.keep;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.Fingerprint;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.ToolVersion;
import io.moepress.recipes.apply.Applier.Output;
import io.moepress.recipes.lowering.LoweredPlan;
import io.moepress.recipes.lowering.OutputTensor;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class ApplierTest {
  private static final List<KeepExperts> HALF = List.of(keep(0, 4, 1, 3), keep(1, 4, 0, 2));

  @TempDir Path folder;
  private Path source;
  private Path output;

  @BeforeEach
  void namePaths() {
    source = folder.resolve("source");
    output = folder.resolve("output");
  }

  // The identity.

  @ParameterizedTest
  @CsvSource({"F32, 1, 1GB", "BF16, 1, 1GB", "F16, 3, 1GB", "BF16, 1, 4KB", "F32, 3, 4KB"})
  void thePlanThatKeepsEverythingReproducesEveryByte(
      String dtype, int sourceShards, String maxShardSize) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().dtype(dtype).shards(sourceShards);
    moe.write(source);

    apply(List.of(), ByteSize.parse(maxShardSize));

    assertSameTensors(moe);
    assertThat(output.resolve("config.json")).hasSameBinaryContentAs(source.resolve("config.json"));
  }

  private void assertSameTensors(TinyMoe moe) throws IOException {
    SortedMap<String, byte[]> written = Tiny.tensors(output);
    assertThat(written.keySet()).isEqualTo(moe.tensors().keySet());
    moe.tensors()
        .forEach(
            (name, tensor) -> assertThat(written.get(name)).as(name).isEqualTo(tensor.bytes()));
  }

  @Test
  void alsoThatOfATrainedModel() throws IOException {
    Path model = TestData.path("models/tiny-mixtral");

    Tiny.apply(model, List.of(), new Output(output, false, ByteSize.parse("2MB")), 2);

    SortedMap<String, byte[]> written = Tiny.tensors(output);
    Tiny.tensors(model)
        .forEach((name, bytes) -> assertThat(written.get(name)).as(name).isEqualTo(bytes));
    assertThat(written).hasSameSizeAs(Tiny.tensors(model));
    for (String file : List.of("config.json", "tokenizer.json", "chat_template.jinja")) {
      assertThat(output.resolve(file)).hasSameBinaryContentAs(model.resolve(file));
    }
  }

  // Dropping experts.

  @Test
  void keptExpertsAreTheBytesOfTheirSources() throws IOException {
    TinyMoe moe = TinyMoe.mixtral().dtype("BF16").shards(2);
    moe.write(source);

    apply(HALF, Tiny.ONE_FILE);

    SortedMap<String, byte[]> written = Tiny.tensors(output);
    for (KeepExperts step : HALF) {
      for (int index = 0; index < 2; index++) {
        int layer = step.layer();
        int expert = step.kept().get(index);
        assertThat(written.get(moe.family().gate(layer, index)))
            .isEqualTo(moe.tensors().get(moe.family().gate(layer, expert)).bytes());
        assertThat(written.get(moe.family().down(layer, index)))
            .isEqualTo(moe.tensors().get(moe.family().down(layer, expert)).bytes());
      }
    }
    assertThat(written).hasSize(moe.tensors().size() - 12);
  }

  @Test
  void routersAreTheRowsOfTheExpertsThatStay() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().dtype("BF16");
    moe.write(source);

    apply(HALF, Tiny.ONE_FILE);

    byte[] rows = moe.tensors().get(moe.family().router(0)).bytes(); // [4, 16] of two bytes
    byte[] expected = new byte[64];
    System.arraycopy(rows, 32, expected, 0, 32);
    System.arraycopy(rows, 96, expected, 32, 32);
    assertThat(Tiny.tensors(output).get(moe.family().router(0))).isEqualTo(expected);
  }

  @Test
  void theConfigurationChangesInTheCountAlone() throws IOException {
    TinyMoe.mixtral().write(source);

    apply(HALF, Tiny.ONE_FILE);

    assertThat(output.resolve("config.json"))
        .hasContent(
            TinyMoe.mixtral()
                .configJson()
                .replace("\"num_local_experts\": 4", "\"num_local_experts\": 2"));
  }

  @Test
  void whatIsWrittenIsACheckpointThatFitsItsConfiguration() throws IOException {
    TinyMoe.qwen3().tied().write(source);

    apply(HALF, Tiny.ONE_FILE);

    try (CheckpointDirectory written = CheckpointDirectory.open(output)) {
      assertThat(MoeModel.of(written).layout().experts()).isEqualTo(2);
    }
  }

  // Side files.

  @Test
  void otherFilesAreCopiedByteForByte() throws IOException {
    TinyMoe.qwen3().write(source);
    Map<String, byte[]> files =
        Map.of(
            "tokenizer.json", new byte[] {'{', '\r', '\n', '}'},
            "LICENSE", "all rights".getBytes(StandardCharsets.UTF_8),
            "modeling.py", new byte[0],
            "additional_chat_templates/rag.jinja", new byte[] {0, (byte) 0xFF});
    Files.createDirectory(source.resolve("additional_chat_templates"));
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Files.write(source.resolve(file.getKey()), file.getValue());
    }

    Manifest manifest = apply(HALF, Tiny.ONE_FILE);

    files.forEach(
        (name, bytes) -> assertThat(output.resolve(name)).as(name).hasBinaryContent(bytes));
    Set<String> expected = new HashSet<>(files.keySet());
    expected.addAll(Set.of("config.json", "generation_config.json"));
    assertThat(manifest.files().keySet()).isEqualTo(expected);
  }

  @Test
  void weightsInOtherContainersAreNotCopied() throws IOException {
    TinyMoe.qwen3().write(source);
    Files.writeString(source.resolve("pytorch_model.bin"), "a pickle");
    Files.writeString(source.resolve("model.gguf"), "a container");

    apply(HALF, Tiny.ONE_FILE);

    assertThat(fileNames(output))
        .containsExactlyInAnyOrder(
            "README.md",
            "SHA256SUMS",
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "moepress.json");
  }

  // Shards.

  @Test
  void shardsStayBelowTheLimitAndTheIndexSumsThemUp() throws IOException {
    TinyMoe moe = TinyMoe.qwen3();
    moe.write(source);

    apply(List.of(), ByteSize.parse("4KB"));

    JsonNode index = Json.object(output.resolve("model.safetensors.index.json"));
    long bytes = moe.tensors().values().stream().mapToLong(t -> t.bytes().length).sum();
    assertThat(index.at("/metadata/total_size").asLong()).isEqualTo(bytes);
    assertThat(index.at("/metadata/total_parameters").asLong()).isEqualTo(bytes / 4);
    assertThat(index.get("weight_map").propertyNames())
        .containsExactlyInAnyOrderElementsOf(moe.tensors().keySet());
    SortedMap<String, Long> sizes = new TreeMap<>();
    moe.tensors()
        .forEach((name, tensor) ->
            sizes.merge(
                index.get("weight_map").get(name).asString(),
                (long) tensor.bytes().length,
                Long::sum));
    assertThat(sizes).hasSizeGreaterThan(2);
    assertThat(sizes.values()).allMatch(size -> size <= 4000);
    assertThat(sizes.keySet())
        .containsExactlyElementsOf(
            IntStream.rangeClosed(1, sizes.size())
                .mapToObj(i -> shardName(i, sizes.size()))
                .toList());
  }

  private static String shardName(int number, int of) {
    return Checks.text("model-%05d-of-%05d.safetensors", number, of);
  }

  @Test
  void aTensorLargerThanTheLimitGetsAFileOfItsOwn() throws IOException {
    TinyMoe moe = TinyMoe.qwen3();
    moe.write(source);

    apply(List.of(), new ByteSize(1));

    assertSameTensors(moe);
    assertThat(fileNames(output).stream().filter(name -> name.endsWith(".safetensors")))
        .hasSameSizeAs(moe.tensors().keySet());
  }

  // The manifest.

  @Test
  void theManifestAccountsForEverySourceTensor() throws IOException {
    TinyMoe moe = TinyMoe.mixtral();
    moe.write(source);

    Manifest manifest = apply(HALF, Tiny.ONE_FILE);

    Set<String> accounted = new HashSet<>(manifest.dropped().keySet());
    manifest.tensors().values().forEach(tensor -> accounted.add(tensor.from()));
    assertThat(accounted).isEqualTo(moe.tensors().keySet());
    assertThat(manifest.tensors().get(moe.family().router(0)).how()).isEqualTo("rows [1, 3]");
    assertThat(manifest.tensors().get(moe.family().up(0, 1)).from())
        .isEqualTo(moe.family().up(0, 3));
  }

  @Test
  void theManifestHoldsTheDigestOfEveryTensorAndFile() throws IOException {
    TinyMoe.mixtral().write(source);

    Manifest manifest = apply(HALF, Tiny.ONE_FILE);

    SortedMap<String, byte[]> written = Tiny.tensors(output);
    assertThat(manifest.tensors().keySet()).isEqualTo(written.keySet());
    written.forEach((name, bytes) ->
        assertThat(manifest.tensors().get(name).sha256())
            .isEqualTo(Applier.digest(MemorySegment.ofArray(bytes)))
            .isEqualTo(Fingerprint.format(digestOf(bytes))));
    assertThat(manifest.files().get("config.json"))
        .isEqualTo(Fingerprint.ofFile(output.resolve("config.json")));
  }

  private static MessageDigest digestOf(byte[] bytes) {
    MessageDigest digest = Fingerprint.sha256();
    digest.update(bytes);
    return digest;
  }

  @Test
  void theManifestNamesWhatTheCheckpointWasMadeFrom() throws IOException {
    TinyMoe.mixtral().write(source);

    Manifest manifest = apply(HALF, Tiny.ONE_FILE);

    assertThat(manifest.tool()).isEqualTo(ToolVersion.text());
    assertThat(manifest.source()).isEqualTo("sha256:source");
    assertThat(manifest.plan()).isEqualTo(SamplePlans.plan(HALF).digest());
    assertThat(manifest.evidence()).isEqualTo("sha256:evidence");
    assertThat(manifest.target()).isEqualTo("transformers");
    assertThat(Manifest.read(output)).isEqualTo(manifest);
  }

  @Test
  void theManifestOfTheSourceIsNotCarriedOver() throws IOException {
    TinyMoe.mixtral().write(folder.resolve("original"));
    Tiny.apply(folder.resolve("original"), HALF, source);

    Manifest second = Tiny.apply(source, List.of(), output);

    assertThat(Manifest.read(output)).isEqualTo(second);
    assertThat(second.dropped()).isEmpty();
    assertThat(second.files()).doesNotContainKey("moepress.json");
  }

  // The same bytes every time.

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void everyRunWritesTheSameBytes(int threads) throws IOException {
    TinyMoe.qwen3().experts(8).layers(3).shards(2).write(source);
    List<KeepExperts> steps =
        List.of(keep(0, 8, 1, 3, 7), keep(1, 8, 0, 2, 4), keep(2, 8, 5, 6, 7));
    ByteSize limit = ByteSize.parse("10KB");
    Tiny.apply(source, steps, new Output(folder.resolve("first"), false, limit), 1);

    Tiny.apply(source, steps, new Output(output, false, limit), threads);

    assertThat(fileNames(output)).isEqualTo(fileNames(folder.resolve("first")));
    for (String file : fileNames(output)) {
      assertThat(output.resolve(file))
          .hasSameBinaryContentAs(folder.resolve("first").resolve(file));
    }
  }

  // Where the output goes.

  @Test
  void anOutputThatIsThereIsNotTouched() throws IOException {
    TinyMoe.qwen3().write(source);
    Files.createDirectory(output);
    Files.writeString(output.resolve("mine.txt"), "mine");

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> apply(HALF, Tiny.ONE_FILE))
        .withMessageContainingAll(output.toString(), "not empty", "--overwrite");
    assertThat(fileNames(output)).containsExactly("mine.txt");
  }

  @Test
  void anOutputThatIsThereIsReplacedWhenAskedFor() throws IOException {
    TinyMoe.qwen3().write(source);
    Files.createDirectory(output);
    Files.writeString(output.resolve("stale.safetensors"), "stale");

    Tiny.apply(source, HALF, new Output(output, true, Tiny.ONE_FILE), 2);

    assertThat(fileNames(output)).contains("moepress.json").doesNotContain("stale.safetensors");
    assertThat(fileNames(folder)).containsExactly("output", "source");
  }

  @ParameterizedTest
  @ValueSource(strings = {"source", ".", "source/../source"})
  void theOutputNeverReplacesItsSource(String where) throws IOException {
    TinyMoe.qwen3().write(source);
    Output replacing = new Output(folder.resolve(where), true, Tiny.ONE_FILE);

    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> Tiny.apply(source, HALF, replacing, 2))
        .withMessageContaining("the output would replace the source, " + source);
    assertThat(Tiny.tensors(source)).hasSameSizeAs(TinyMoe.qwen3().tensors().keySet());
    assertThat(fileNames(folder)).containsExactly("source");
  }

  @Test
  void anOutputBelowItsSourceIsFine() throws IOException {
    TinyMoe.qwen3().write(source);

    Tiny.apply(source, HALF, source.resolve("half"));

    assertThat(fileNames(source.resolve("half"))).contains("moepress.json");
  }

  // Failures leave nothing behind.

  @Test
  void aSourceThatShrinksWhileItIsReadLeavesNoOutput() throws IOException {
    TinyMoe.qwen3().shards(2).write(source);

    assertFailsWhenTheSourceShrinks(new Output(output, false, Tiny.ONE_FILE));

    assertThat(fileNames(folder)).containsExactly("source");
  }

  @Test
  void aFailureLeavesTheOlderOutputAsItWas() throws IOException {
    TinyMoe.qwen3().shards(2).write(source);
    Files.createDirectory(output);
    Files.writeString(output.resolve("older.txt"), "older");

    assertFailsWhenTheSourceShrinks(new Output(output, true, Tiny.ONE_FILE));

    assertThat(fileNames(folder)).containsExactly("output", "source");
    assertThat(output.resolve("older.txt")).hasContent("older");
  }

  private void assertFailsWhenTheSourceShrinks(Output to) throws IOException {
    Path last = source.resolve(shardName(2, 2));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(2)) {
      Applier applier = new Applier(checkpoint, workers, Progress.SILENT);
      LoweredPlan lowered = Tiny.lower(checkpoint, HALF);
      byte[] bytes = Files.readAllBytes(last);
      Files.write(last, Arrays.copyOf(bytes, bytes.length - 100));

      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> applier.apply(SamplePlans.plan(HALF), lowered, to))
          .withMessageContaining(
              "%s: the file had %d bytes when it was opened and has %d now",
              last.getFileName(), bytes.length, bytes.length - 100);
    }
  }

  @Test
  void aDiskThatIsTooSmallIsNoticedBeforeAnythingIsWritten() throws IOException {
    TinyMoe.qwen3().write(source);
    TensorInfo huge = new TensorInfo("huge", DType.F32, Shape.of(1L << 40, 1L << 14));
    LoweredPlan lowered =
        new LoweredPlan(
            ModelConfig.parse("{}"),
            List.of(new OutputTensor(huge, new Copy("huge"))),
            new TreeMap<>());
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Workers workers = new Workers(2)) {
      Applier applier = new Applier(checkpoint, workers, Progress.SILENT);

      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() ->
              applier.apply(
                  SamplePlans.plan(HALF), lowered, new Output(output, false, Tiny.ONE_FILE)))
          .withMessageContaining(
              "(expected 65536.0 TiB for what is left to write). Free some space");
    }
    assertThat(fileNames(folder)).containsExactly("source");
  }

  private Manifest apply(List<KeepExperts> steps, ByteSize limit) throws IOException {
    return Tiny.apply(source, steps, new Output(output, false, limit), 2);
  }

  private static List<String> fileNames(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }
}
