package io.moepress.recipes.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture.GroupScore;
import io.moepress.formats.architecture.ExpertGroups;
import io.moepress.formats.checkpoint.StagedFile;
import io.moepress.formats.gguf.GgufFile;
import io.moepress.formats.gguf.GgufHeader;
import io.moepress.formats.gguf.GgufNames.InLayer;
import io.moepress.formats.gguf.GgufTensorInfo;
import io.moepress.formats.gguf.GgufValue;
import io.moepress.formats.gguf.GgufWriter;
import io.moepress.formats.gguf.ImportanceFile;
import io.moepress.recipes.plan.MergeExperts.Group;
import io.moepress.recipes.work.DiskSpace;
import io.moepress.recipes.work.Progress;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// Some experts of a GGUF file. Experts stand one behind the other, so their bytes are copied,
/// whatever their type; rows of routers and biases of the choice go along. Only what experts that
/// become one are made of is decoded, and encoded anew.
public final class GgufSlice {
  private static final List<String> OF_EXPERTS =
      List.of(
          "_exps.weight",
          "_exps.bias",
          "ffn_gate_inp.weight",
          "ffn_gate_inp.bias",
          "exp_probs_b.bias");
  private static final List<String> COUNTED =
      List.of("ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight");

  private final GgufFile file;
  private final GgufGroups groups;
  private final SortedMap<Integer, List<Integer>> kept;
  private final String prefix;
  private final int experts;
  private int encodedAnew;

  private GgufSlice(GgufFile file, GgufGroups groups) {
    this.file = file;
    this.groups = groups;
    SortedMap<Integer, List<Integer>> first = new TreeMap<>();
    groups
        .layers()
        .forEach((layer, all) ->
            first.put(layer, all.stream().map(group -> group.members().getFirst()).toList()));
    this.kept = Collections.unmodifiableSortedMap(first);
    this.prefix = prefix(file);
    this.experts = experts(file);
  }

  /// Prepares.
  ///
  /// @param kept experts of each layer that has some, ascending
  /// @throws FormatException when they are not of this file, or llama.cpp could not run the result
  public static GgufSlice of(GgufFile file, SortedMap<Integer, List<Integer>> kept) {
    return of(file, GgufGroups.kept(kept));
  }

  /// Prepares.
  ///
  /// @param groups the experts of the result
  /// @throws FormatException when they are not of this file, or llama.cpp could not run the result
  public static GgufSlice of(GgufFile file, GgufGroups groups) {
    GgufSlice slice = new GgufSlice(file, groups);
    slice.requireWhole();
    slice.requireLayers();
    slice.requireNumbers();
    slice.requireGroups();
    return slice;
  }

  /// One file, all of whose tensors are known to hold experts or not to.
  private void requireWhole() {
    long parts = file.whole("split.count").orElse(1L);
    Checks.requireFormat(
        parts <= 1,
        "%s: one of %d parts (expected a whole file). Join them with \"llama-gguf-split --merge\".",
        file.path(),
        parts);
    for (GgufTensorInfo tensor : file.tensors()) {
      Checks.requireFormat(
          !tensor.name().contains("_exps.") || isOfExperts(tensor.name()),
          "%s: tensor %s: unknown (expected weights and biases of experts). Prune the checkpoint and"
              + " convert it.",
          file.path(),
          tensor.name());
    }
  }

  private static String prefix(GgufFile file) {
    return file.text("general.architecture").orElse("") + ".";
  }

  private static int experts(GgufFile file) {
    long experts = file.whole(prefix(file) + "expert_count").orElse(0L);
    boolean stacked = file.tensors().stream().anyMatch(tensor -> isOfExperts(tensor.name()));
    Checks.requireFormat(
        experts > 0 && experts <= Integer.MAX_VALUE && stacked,
        "%s: no stacked experts (expected expert_count and tensors such as"
            + " blk.0.ffn_up_exps.weight). Convert the model anew.",
        file.path());
    return (int) experts;
  }

  private static boolean isOfExperts(String tensor) {
    return OF_EXPERTS.stream().anyMatch(tensor::endsWith);
  }

  /// Layers that have experts.
  static Set<Integer> layers(GgufFile file) {
    Set<Integer> layers = new TreeSet<>();
    for (GgufTensorInfo tensor : file.tensors()) {
      if (isOfExperts(tensor.name())) {
        InLayer.of(tensor.name()).ifPresent(name -> layers.add(name.layer()));
      }
    }
    return layers;
  }

  private void requireLayers() {
    Checks.requireFormat(
        kept.keySet().equals(layers(file)),
        "%s: experts are named for the layers %s (expected %s, those that have experts)",
        file.path(),
        kept.keySet(),
        layers(file));
    for (GgufTensorInfo tensor : file.tensors()) {
      Checks.requireFormat(
          !isOfExperts(tensor.name()) || tensor.shape().dimension(0) == experts,
          "%s: tensor %s: shape %s (expected %d experts in front, by expert_count)",
          file.path(),
          tensor.name(),
          tensor.shape(),
          experts);
    }
  }

  private void requireNumbers() {
    int count = count();
    kept.forEach((layer, list) -> {
      boolean sound =
          list.size() == count
              && list.equals(new TreeSet<>(list).stream().toList())
              && list.stream().allMatch(expert -> expert >= 0 && expert < experts);
      Checks.requireFormat(
          sound,
          "%s: layer %d is to keep %s (expected %d different experts from 0 to %d, as many in every"
              + " layer)",
          file.path(),
          layer,
          list,
          count,
          experts - 1);
    });
    long used = used();
    Checks.requireFormat(
        used <= count,
        "%s: a token uses %d experts, but %d would be left. Keep %d or more.",
        file.path(),
        used,
        count,
        used);
  }

  /// Experts that a token uses in the result.
  private long used() {
    return groups.topK().isPresent() ? groups.topK().getAsInt() : used(file);
  }

  /// Experts that a token uses in a file.
  static long used(GgufFile file) {
    String key = prefix(file) + "expert_used_count";
    return file.whole(key)
        .orElseThrow(() ->
            FormatException.of(
                "%s: no %s (expected how many experts a token uses). Convert the model anew.",
                file.path(), key));
  }

  private void requireGroups() {
    long count = file.whole(prefix + "expert_group_count").orElse(1L);
    if (count <= 1) {
      return;
    }
    long open = file.whole(prefix + "expert_group_used_count").orElse(count);
    long used = used();
    ExpertGroups all =
        new ExpertGroups(
            Math.toIntExact(count), Math.toIntExact(open), GroupScore.SUM_OF_TWO_LARGEST);
    Checks.requireFormat(
        all.fit(count(), Math.toIntExact(used)),
        "%s: %d experts would be left (expected %s). Keep more.",
        file.path(),
        count(),
        all.rule(Math.toIntExact(used)));
    long size = experts / count;
    groups
        .layers()
        .forEach((layer, list) ->
            list.forEach(group ->
                Checks.requireFormat(
                    group.members().getFirst() / size == group.members().getLast() / size,
                    "%s: layer %d merges %s (expected experts of one group, since the router chooses"
                        + " among groups). Make a plan for another target.",
                    file.path(),
                    layer,
                    group.members())));
    kept.forEach((layer, list) -> {
      long[] each = new long[Math.toIntExact(count)];
      list.forEach(expert -> each[Math.toIntExact(expert / size)]++);
      Checks.requireFormat(
          IntStream.range(0, each.length).allMatch(group -> each[group] == each[0]),
          "%s: layer %d keeps %s experts of its groups (expected as many of each, since the router"
              + " chooses among groups). Name others, or prune the checkpoint with \"groups: keep\".",
          file.path(),
          layer,
          Arrays.toString(each));
    });
  }

  /// Experts of a layer that stay.
  public int count() {
    return kept.values().iterator().next().size();
  }

  /// The experts that tokens chose most often, by the counts of an importance matrix of this file;
  /// of equally many the one with the lower index.
  ///
  /// @param count how many of each layer
  /// @throws FormatException when it counts other experts
  public static SortedMap<Integer, List<Integer>> mostUsed(
      GgufFile file, ImportanceFile importance, int count) throws IOException {
    int experts = experts(file);
    Checks.require(count > 0 && count <= experts, "experts: %d (expected 1 to %d)", count, experts);
    SortedMap<Integer, List<Integer>> kept = new TreeMap<>();
    for (int layer : layers(file)) {
      float[] tokens = tokens(importance, layer);
      Checks.requireFormat(
          tokens.length == experts,
          "%s: layer %d: %d counts of experts (expected %d). Measure it on this model.",
          importance.file().path(),
          layer,
          tokens.length,
          experts);
      kept.put(
          layer,
          IntStream.range(0, experts)
              .boxed()
              .sorted(
                  Comparator.comparingDouble((Integer expert) -> -tokens[expert])
                      .thenComparingInt(expert -> expert))
              .limit(count)
              .sorted()
              .toList());
    }
    return kept;
  }

  private static float[] tokens(ImportanceFile importance, int layer) throws IOException {
    for (String name : COUNTED) {
      float[] counts = importance.counts("blk." + layer + "." + name).orElse(new float[0]);
      if (counts.length > 0) {
        return counts;
      }
    }
    return new float[0];
  }

  /// The head of the result.
  public GgufHeader header() {
    Map<String, GgufValue> metadata = new LinkedHashMap<>(file.header().metadata());
    metadata.computeIfPresent(
        prefix + "expert_count",
        (key, value) -> new GgufValue.One(((GgufValue.One) value).kind(), (long) count()));
    metadata.computeIfPresent(
        prefix + "expert_used_count",
        (key, value) -> new GgufValue.One(((GgufValue.One) value).kind(), used()));
    List<GgufTensorInfo> infos = new ArrayList<>();
    for (GgufTensorInfo tensor : file.tensors()) {
      infos.add(
          isOfExperts(tensor.name())
              ? new GgufTensorInfo(tensor.name(), tensor.type(), tensor.shape().withRows(count()))
              : tensor);
    }
    return GgufHeader.layOut(metadata, infos);
  }

  /// Writes the result, which appears when it is complete.
  ///
  /// @return `sha256:` and its digest
  public String write(Path output, boolean overwrite, Progress progress) throws IOException {
    GgufHeader header = header();
    try (StagedFile staged = StagedFile.create(output, overwrite)) {
      DiskSpace.require(staged.directory(), header.fileSize());
      String digest;
      try (GgufWriter writer = GgufWriter.create(staged.path(), header);
          Progress.Task task = progress.begin("write", header.fileSize(), "bytes")) {
        for (GgufTensorInfo tensor : file.tensors()) {
          copy(tensor, writer, task);
        }
        digest = writer.finish();
      }
      staged.commit();
      return digest;
    }
  }

  private void copy(GgufTensorInfo tensor, GgufWriter writer, Progress.Task task)
      throws IOException {
    if (!isOfExperts(tensor.name())) {
      copy(tensor, 0, tensor.shape().dimension(0), writer, task);
      return;
    }
    int layer =
        InLayer.of(tensor.name())
            .map(InLayer::layer)
            .orElseThrow(
                () -> FormatException.of("%s: tensor %s in no layer", file.path(), tensor.name()));
    for (Group group : groups.layers().getOrDefault(layer, List.of())) {
      SliceMixture mixture = mixture(tensor, group);
      if (mixture.isCopy()) {
        copy(tensor, mixture.slices().getFirst(), 1, writer, task);
      } else {
        encodedAnew += tensor.name().endsWith("_exps.weight") ? 1 : 0;
        mixture.stream(bytes -> writer.append(tensor.name(), bytes));
        task.advance(tensor.bytesPerSlice());
      }
    }
  }

  private SliceMixture mixture(GgufTensorInfo tensor, Group group) {
    List<Double> weights =
        tensor.name().contains("_exps.") ? group.weights() : group.routerWeights();
    List<Integer> places =
        IntStream.range(0, weights.size()).filter(i -> weights.get(i) != 0).boxed().toList();
    return new SliceMixture(
        file,
        tensor,
        places.stream().map(group.members()::get).toList(),
        places.stream().map(weights::get).toList(),
        tensor.name().endsWith("ffn_gate_inp.bias") ? group.routerBias() : 0);
  }

  /// Matrices of experts that were decoded and encoded anew, in what was written.
  public int encodedAnew() {
    return encodedAnew;
  }

  private void copy(
      GgufTensorInfo tensor, long first, long count, GgufWriter writer, Progress.Task task)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      writer.append(tensor.name(), file.readSlices(tensor.name(), first, count, arena));
      task.advance(count * tensor.bytesPerSlice());
    }
  }
}
