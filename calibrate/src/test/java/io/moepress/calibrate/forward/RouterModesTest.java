package io.moepress.calibrate.forward;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.Domain;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.architecture.ArchitectureCatalog;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.json.Json;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Shape;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.apply.PlannedCheckpoint;
import io.moepress.recipes.lowering.Lowering;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Experts that no token chose are dropped, so an exact way to drop them gives the logits of the
/// reference implementation. Masking is exact for every router; slicing is where weights are
/// renormalised, and raises the weights of the others where they are not.
class RouterModesTest {
  private static final int TOKENS = 2;

  /// What the float32 computations of two implementations may differ by, for logits of scale 10.
  private static final float TOLERANCE = 1e-4f;

  /// What a model made of the first tokens.
  ///
  /// @param chosen the experts that some token chose, by layer
  /// @param weights of the first layer with experts
  private record Run(
      float[] logits, SortedMap<Integer, SortedSet<Integer>> chosen, float[] weights) {}

  @ParameterizedTest
  @ValueSource(strings = {"qwen2_moe", "olmoe", "mixtral", "qwen3_moe"})
  void maskingIsExact(String family) throws IOException {
    Run masked = dropped(family, "mask");

    assertThat(masked.logits()).containsExactly(golden(family), offset(TOLERANCE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mixtral", "qwen3_moe"})
  void slicingIsExactWhereWeightsAreRenormalised(String family) throws IOException {
    Run sliced = dropped(family, "slice");

    assertThat(sliced.logits()).containsExactly(golden(family), offset(TOLERANCE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2_moe", "olmoe"})
  void slicingRaisesTheWeightsWhereTheyAreNot(String family) throws IOException {
    Run masked = dropped(family, "mask");
    Run sliced = dropped(family, "slice");

    assertThat(sliced.weights()).hasSameSizeAs(masked.weights());
    for (int slot = 0; slot < sliced.weights().length; slot++) {
      assertThat(sliced.weights()[slot]).as("slot %d", slot).isGreaterThan(masked.weights()[slot]);
    }
    float[] golden = golden(family);
    float farthest = 0;
    for (int i = 0; i < golden.length; i++) {
      farthest = Math.max(farthest, Math.abs(sliced.logits()[i] - golden[i]));
    }
    assertThat(farthest).isGreaterThan(10 * TOLERANCE);
  }

  /// The model without the experts that it does not use for these tokens.
  private static Run dropped(String family, String router) throws IOException {
    try (CheckpointDirectory source =
        CheckpointDirectory.open(TestData.path("golden/arch/" + family))) {
      MoeModel model = MoeModel.of(new Biased(source, family));
      Run original = run(family, model);
      List<KeepExperts> steps =
          original.chosen().entrySet().stream()
              .map(layer -> keep(model, layer.getKey(), List.copyOf(layer.getValue()), router))
              .toList();
      assertThat(steps).anyMatch(step -> step.kept().size() < step.experts());
      return run(
          family,
          MoeModel.of(new PlannedCheckpoint(model.checkpoint(), Lowering.lower(model, steps))));
    }
  }

  private static KeepExperts keep(MoeModel model, int layer, List<Integer> kept, String router) {
    List<Double> scores = Collections.nCopies(model.layout().experts(layer), 0.0);
    return new KeepExperts(layer, "test", router, kept, List.of(), scores);
  }

  private static Run run(String family, MoeModel model) throws IOException {
    SortedMap<Integer, SortedSet<Integer>> chosen = new TreeMap<>();
    SortedMap<Integer, float[]> weights = new TreeMap<>();
    Corpus corpus =
        new Corpus(
            List.of(new Domain("golden", "golden.json", "sha256:0")),
            List.of(new TokenSequence(0, ids(family))));
    try (Workers workers = new Workers(1);
        TorchScope scope = Torch.scope()) {
      ForwardPass pass = new ForwardPass(model, PassResources.inMemory(workers, Progress.SILENT));
      MoePass.Observer observer =
          seen -> {
            SortedSet<Integer> experts = new TreeSet<>();
            for (int expert : seen.routing().experts()) {
              experts.add(expert);
            }
            chosen.put(seen.layer(), experts);
            weights.put(seen.layer(), seen.routing().weights().clone());
          };
      try (HiddenStates hidden = pass.run("test", corpus, observer);
          OutputHead head = new OutputHead(model)) {
        float[] logits =
            TorchScope.values(head.logits(scope, hidden, 0, TOKENS)).toArray(JAVA_FLOAT);
        return new Run(logits, chosen, weights.firstEntry().getValue());
      }
    }
  }

  private static int[] ids(String family) throws IOException {
    return golden(family, "token_ids")
        .valueStream()
        .limit(TOKENS)
        .mapToInt(JsonNode::asInt)
        .toArray();
  }

  /// The logits of the reference implementation; later tokens have no part in them.
  private static float[] golden(String family) throws IOException {
    double[] logits =
        golden(family, "logits")
            .valueStream()
            .limit(TOKENS)
            .flatMap(JsonNode::valueStream)
            .mapToDouble(JsonNode::asDouble)
            .toArray();
    float[] floats = new float[logits.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) logits[i];
    }
    return floats;
  }

  private static JsonNode golden(String family, String key) throws IOException {
    return Json.object(TestData.path("golden/arch/" + family + "/golden.json")).get(key);
  }

  /// A checkpoint with a selection bias of zeros, which changes nothing.
  private record Biased(Checkpoint source, String family) implements Checkpoint {
    private static final String BIAS = "model.layers.%d.mlp.gate.bias";

    private static String bias(int layer) {
      return BIAS.replace("%d", Integer.toString(layer));
    }

    @Override
    public String name() {
      return "biased";
    }

    @Override
    public ModelConfig config() {
      try (InputStream file =
          Objects.requireNonNull(ArchitectureCatalog.class.getResourceAsStream(family + ".json"))) {
        String text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
        ObjectNode architecture = Json.object(text, family);
        ObjectNode bias = ((ObjectNode) architecture.get("tensors")).putObject("selection-bias");
        bias.put("name", bias(0).replace(".0.", ".{layer}.")).putArray("shape").add("experts");
        return source.config().describedBy(new ModelConfig.Supplied(architecture, family));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      SortedMap<String, TensorInfo> tensors = new TreeMap<>(source.tensors());
      MoeModel plain = MoeModel.of(source);
      for (int layer : plain.layout().moeLayers()) {
        Shape shape = Shape.of(plain.layout().experts(layer));
        tensors.put(bias(layer), new TensorInfo(bias(layer), DType.F32, shape));
      }
      return tensors;
    }

    @Override
    public TensorData read(String tensor, Arena arena) throws IOException {
      TensorInfo info = Objects.requireNonNull(tensors().get(tensor));
      return source.tensors().containsKey(tensor)
          ? source.read(tensor, arena)
          : new TensorData(info, arena.allocate(info.byteCount()));
    }

    @Override
    public void close() {}
  }
}
