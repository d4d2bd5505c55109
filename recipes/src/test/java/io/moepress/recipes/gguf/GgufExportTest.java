package io.moepress.recipes.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.offset;

import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture;
import io.moepress.formats.architecture.ArchitectureCatalog;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.encoding.WeightRows;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufModel;
import io.moepress.formats.gguf.GgufTensor;
import io.moepress.formats.gguf.GgufTokenizer;
import io.moepress.formats.gguf.GgufType;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.formats.gguf.TypeRule;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.Numbers;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.SamplePlans;
import io.moepress.recipes.recipe.ByteSize;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.verify.Verifier.Check;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.Stacked;
import io.moepress.testdata.TinyMoe;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufExportTest {
  @TempDir private Path folder;

  /// As many tokens as a tiny model has.
  private static GgufTokenizer.Section tokenizer() {
    List<String> tokens = IntStream.range(0, 32).mapToObj(id -> "t" + id).toList();
    return new GgufTokenizer.Section(
        Map.of(
            "tokenizer.ggml.model", GgufValue.text("gpt2"),
            "tokenizer.ggml.tokens", GgufValue.texts(tokens)),
        List.of());
  }

  private Path write(Checkpoint checkpoint, GgufType type, int threads, String name)
      throws IOException {
    return write(MoeModel.of(checkpoint), type, threads, name);
  }

  private Path write(MoeModel model, GgufType type, int threads, String name) throws IOException {
    Path file = folder.resolve(name);
    GgufPlan plan = GgufPlan.of(model, TypeRule.all(type), tokenizer(), "tiny", null);
    try (Workers workers = new Workers(threads)) {
      new GgufExport(plan, null, workers, Progress.SILENT).write(file, false, null);
    }
    assertThat(file).hasSize(plan.byteCount());
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "BF16", "F16"})
  void weightsAreThoseOfTheCheckpoint(String dtype) throws IOException {
    TinyMoe moe = TinyMoe.qwen3().dtype(dtype).shards(3);
    Path source = moe.write(folder.resolve("source"));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Arena arena = Arena.ofConfined()) {
      Path path = write(checkpoint, GgufType.valueOf(dtype), 2, "out.gguf");
      try (GgufFile file = GgufFile.open(path)) {
        String up = moe.family().up(1, 3);
        byte[] expert = checkpoint.read(up, arena).bytes().toArray(ValueLayout.JAVA_BYTE);
        assertThat(
                file.readSlices("blk.1.ffn_up_exps.weight", 3, 1, arena)
                    .toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(expert);
        assertThat(floats(file.read("output_norm.weight", arena)))
            .isEqualTo(Numbers.floats(checkpoint.read("model.norm.weight", arena)));
        assertThat(floats(file.read("blk.0.ffn_gate_inp.weight", arena)))
            .isEqualTo(Numbers.floats(checkpoint.read(moe.family().router(0), arena)));
        assertThat(file.text("general.architecture")).contains("qwen3moe");
        assertThat(file.whole("qwen3moe.expert_count")).contains(4L);
      }
      assertThat(GgufCheck.of(path)).allMatch(Check::passed);
    }
  }

  /// BF16 fits into F32.
  @Test
  void everyWeightOfANarrowCheckpointIsExactInF32() throws IOException {
    Path source = TinyMoe.qwen3().dtype("BF16").write(folder.resolve("source"));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        Arena arena = Arena.ofConfined();
        GgufFile file = GgufFile.open(write(checkpoint, GgufType.F32, 1, "out.gguf"))) {
      assertThat(file.tensors()).allMatch(tensor -> tensor.type() == GgufType.F32);
      for (String projection : List.of("q", "k", "v")) {
        assertThat(floats(file.read("blk.0.attn_" + projection + ".weight", arena)))
            .isEqualTo(
                Numbers.floats(
                    checkpoint.read(
                        "model.layers.0.self_attn." + projection + "_proj.weight", arena)));
      }
    }
  }

  @Test
  void bytesDoNotDependOnTheNumberOfWorkers() throws IOException {
    Path source = TinyMoe.mixtral().write(folder.resolve("source"));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      byte[] one = Files.readAllBytes(write(checkpoint, GgufType.F16, 1, "one.gguf"));
      assertThat(Files.readAllBytes(write(checkpoint, GgufType.F16, 4, "four.gguf")))
          .isEqualTo(one);
    }
  }

  /// However experts are stored, the file is the same.
  @ParameterizedTest
  @EnumSource(Stacked.class)
  void stackedExpertsGiveTheSameFile(Stacked way) throws IOException {
    Path split = TinyMoe.qwen3().write(folder.resolve("split"));
    Path stacked = TinyMoe.qwen3().plant(way).write(folder.resolve("stacked"));
    try (CheckpointDirectory one = CheckpointDirectory.open(split);
        CheckpointDirectory other = CheckpointDirectory.open(stacked)) {
      byte[] expected = Files.readAllBytes(write(one, GgufType.F32, 2, "split.gguf"));
      MoeModel model = MoeModel.of(other, architecture(way));
      assertThat(Files.readAllBytes(write(model, GgufType.F32, 2, "stacked.gguf")))
          .isEqualTo(expected);
    }
  }

  private static Architecture architecture(Stacked way) throws IOException {
    try (InputStream stream = ArchitectureCatalog.class.getResourceAsStream("qwen3_moe.json")) {
      assertThat(stream).isNotNull();
      String json = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
      return Json.bind(
          Json.object(way.architecture(json), "qwen3_moe.json"),
          Architecture.class,
          "qwen3_moe.json");
    }
  }

  @Test
  void aPlannedCheckpointIsWrittenWithoutBeingApplied() throws IOException {
    TinyMoe moe = TinyMoe.qwen3();
    Path source = moe.write(folder.resolve("source"));
    List<KeepExperts> steps = List.of(SamplePlans.keep(0, 4, 1, 3), SamplePlans.keep(1, 4, 0, 2));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source);
        PlannedCheckpoint planned =
            new PlannedCheckpoint(checkpoint, Lowering.lower(MoeModel.of(checkpoint), steps));
        Arena arena = Arena.ofConfined()) {
      Path path = write(planned, GgufType.F32, 2, "half.gguf");
      try (GgufFile file = GgufFile.open(path)) {
        assertThat(file.whole("qwen3moe.expert_count")).contains(2L);
        assertThat(floats(file.readSlices("blk.0.ffn_gate_exps.weight", 1, 1, arena)))
            .isEqualTo(Numbers.floats(checkpoint.read(moe.family().gate(0, 3), arena)));
      }
      assertThat(GgufCheck.of(path)).allMatch(Check::passed);
    }
  }

  @Test
  void nothingIsLeftOfAFileThatCannotBeWritten() throws IOException {
    Path source = TinyMoe.qwen3().with("lm_head.weight", large()).write(folder.resolve("source"));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> write(checkpoint, GgufType.F16, 2, "out.gguf"))
          .withMessageContaining("lm_head.weight");
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(source);
    }
  }

  private static float[] large() {
    float[] values = new float[32 * 16];
    Arrays.fill(values, 1e6f);
    return values;
  }

  @Test
  void widthsThatDoNotDivideAreReported() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      GgufPlan plan =
          GgufPlan.of(
              MoeModel.of(checkpoint), TypeRule.all(GgufType.Q8_0), tokenizer(), "tiny", null);

      assertThat(plan.notes())
          .contains("2 tensors are F16 instead of Q8_0: rows of 8 do not divide into blocks of 32");
    }
  }

  /// Blocks of 32 elements: scale and codes.
  @Test
  void blocksHoldTheWeights() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().hidden(64).expertWidth(32);
    try (CheckpointDirectory checkpoint =
            CheckpointDirectory.open(moe.write(folder.resolve("source")));
        Arena arena = Arena.ofConfined();
        GgufFile file = GgufFile.open(write(checkpoint, GgufType.Q8_0, 2, "out.gguf"))) {
      float[] source = Numbers.floats(checkpoint.read(moe.family().down(1, 2), arena));
      float[] stored =
          BlockEncoding.Q8_0.decode(file.readSlices("blk.1.ffn_down_exps.weight", 2, 1, arena));
      for (int i = 0; i < source.length; i++) {
        assertThat(stored[i])
            .isCloseTo(source[i], offset(1f / 127)); // half a step of blocks below 2
      }
      assertThat(file.tensor("blk.1.ffn_gate_inp.weight").orElseThrow().type())
          .isEqualTo(GgufType.F32);
    }
  }

  /// Each expert is encoded as its own importance has it, in the middle of a tensor too.
  @Test
  void expertsAreEncodedByTheirOwnImportance() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().hidden(64).expertWidth(32);
    Path output = folder.resolve("out.gguf");
    Path imatrix = folder.resolve("imatrix.gguf");
    try (CheckpointDirectory checkpoint =
            CheckpointDirectory.open(moe.write(folder.resolve("source")));
        Arena arena = Arena.ofConfined();
        Workers workers = new Workers(2)) {
      MoeModel model = MoeModel.of(checkpoint);
      List<GgufTensor> tensors = List.of(tensor(model, "blk.1.ffn_up_exps.weight"));
      ImportanceFile.write(imatrix, Map.of(), tensors, GgufExportTest::rising);
      try (ImportanceFile importance = ImportanceFile.open(imatrix)) {
        GgufPlan plan =
            GgufPlan.of(model, TypeRule.all(GgufType.Q4_0), tokenizer(), "tiny", importance);
        new GgufExport(plan, importance, workers, Progress.SILENT).write(output, false, null);

        assertThat(plan.notes()).anyMatch(note -> note.contains("have no importance"));
        assertThat(plan.header().metadata())
            .containsEntry("quantize.imatrix.entries_count", GgufValue.count(1));
      }
      try (GgufFile file = GgufFile.open(output)) {
        for (int expert = 0; expert < 4; expert++) {
          String up = moe.family().up(1, expert);
          WeightRows rows =
              WeightRows.of(up, 0, 64, Numbers.floats(checkpoint.read(up, arena)))
                  .withImportance(importance(expert));
          assertThat(
                  file.readSlices("blk.1.ffn_up_exps.weight", expert, 1, arena)
                      .mismatch(BlockEncoding.Q4_0.encode(rows)))
              .isEqualTo(-1);
        }
      }
    }
  }

  private static GgufTensor tensor(MoeModel model, String name) {
    return GgufModel.of(model).tensors().stream()
        .filter(tensor -> tensor.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static float[] importance(int expert) {
    float[] columns = new float[64];
    for (int column = 0; column < columns.length; column++) {
      columns[column] = 1 + (column * (expert + 3)) % 17;
    }
    return columns;
  }

  private static ImportanceFile.Sums rising(GgufTensor tensor) {
    double[][] sums =
        IntStream.range(0, 4)
            .mapToObj(
                expert -> IntStream.range(0, 64).mapToDouble(i -> importance(expert)[i]).toArray())
            .toArray(double[][]::new);
    return new ImportanceFile.Sums(tensor.name(), sums, new double[] {1, 1, 1, 1});
  }

  @Test
  void theBestMixThatFitsIsTaken() throws IOException {
    TinyMoe moe = TinyMoe.qwen3().hidden(64).expertWidth(32);
    try (CheckpointDirectory checkpoint =
        CheckpointDirectory.open(moe.write(folder.resolve("source")))) {
      MoeModel model = MoeModel.of(checkpoint);
      List<TypeRule> rules =
          Stream.of(GgufType.F32, GgufType.Q8_0, GgufType.Q5_0, GgufType.Q4_0)
              .map(TypeRule::all)
              .toList();
      long wanted = plan(model, rules.get(2)).byteCount();
      long smallest = plan(model, rules.get(3)).byteCount();

      GgufPlan exact = GgufFit.best(rules, rule -> plan(model, rule), new ByteSize(wanted));
      GgufPlan less = GgufFit.best(rules, rule -> plan(model, rule), new ByteSize(wanted - 1));

      assertThat(exact.rule().label()).isEqualTo("Q5_0");
      assertThat(exact.notes()).anyMatch(note -> note.contains("best mix within"));
      assertThat(less.rule().label()).isEqualTo("Q4_0");
      assertThatExceptionOfType(RecipeException.class)
          .isThrownBy(
              () -> GgufFit.best(rules, rule -> plan(model, rule), new ByteSize(smallest - 1)))
          .withMessageContaining("the smallest mix, Q4_0, takes")
          .withMessageEndingWith("Prune experts first, or allow more.");
      assertThatExceptionOfType(RecipeException.class)
          .as("no mix fits, but the smallest types do")
          .isThrownBy(() ->
              GgufFit.best(rules.subList(0, 3), rule -> plan(model, rule), new ByteSize(smallest)))
          .withMessageContaining("or choose types with \"--by error\"");
    }
  }

  private static GgufPlan plan(MoeModel model, TypeRule rule) {
    return GgufPlan.of(model, rule, tokenizer(), "tiny", null);
  }

  @Test
  void faultsOfAFileAreFound() throws IOException {
    Path source = TinyMoe.qwen3().write(folder.resolve("source"));
    byte[] sound;
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(source)) {
      sound = Files.readAllBytes(write(checkpoint, GgufType.F32, 1, "sound.gguf"));
    }
    assertThat(failed(replace(sound, "qwen3moe.expert_count", "qwen3moe.expert_coins")))
        .contains("experts");
    assertThat(failed(replace(sound, "qwen3moe.block_count", "qwen3moe.block_coins")))
        .containsExactly("keys");
    assertThat(failed(replace(sound, "blk.1.attn_norm.weight", "blk.7.attn_norm.weight")))
        .containsExactly("layers");
    assertThat(failed(replace(sound, "tokenizer.ggml.tokens", "tokenizer.ggml.tokans")))
        .containsExactly("tokenizer");
    byte[] infinite = sound.clone();
    ByteBuffer.wrap(infinite).order(ByteOrder.LITTLE_ENDIAN).putInt(sound.length - 64, 0x7F80_0000);
    assertThat(failed(infinite)).containsExactly("finite");
    assertThat(failed(Arrays.copyOf(sound, sound.length - 100))).containsExactly("structure");
  }

  private List<String> failed(byte[] bytes) throws IOException {
    Path path = Files.write(folder.resolve("broken.gguf"), bytes);
    return GgufCheck.of(path).stream().filter(check -> !check.passed()).map(Check::name).toList();
  }

  private static byte[] replace(byte[] bytes, String old, String other) {
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    assertThat(text).contains(old);
    return text.replace(old, other).getBytes(StandardCharsets.ISO_8859_1);
  }

  private static float[] floats(MemorySegment bytes) {
    return bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN));
  }
}
