package io.moepress.testdata;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// A tiny Mixture-of-Experts checkpoint whose right answer is known.
///
/// ```java
/// TinyMoe.qwen3().layers(3).experts(8).seed(7).plant(Planted.silentExperts(1, 0, 5)).write(directory);
/// ```
///
/// By default: vocabulary 32, hidden size 16, 2 layers, 4 heads over 2 key-value heads of size 4, 4
/// experts of width 8, top-2 with renormalised gates, untied, F32, one file. Weights are uniform
/// with variance 1 / fan-in (embedding: 1), norms are 1. A tensor's values depend on the seed, its
/// name and its shape alone, so that another size or option elsewhere leaves them as they are.
///
/// The builder is mutable. Sizes count as they are when the checkpoint is made, whatever the order
/// of calls; plantings and edits are applied in the order of calls.
public final class TinyMoe {

  final TinyFamily family;
  int vocabulary = 32;
  int hidden = 16;
  int layers = 2;
  int heads = 4;
  int keyValueHeads = 2;
  int headDim = 4;
  int experts = 4;
  int topK = 2;
  int expertWidth = 8;
  String dtype = "F32";
  boolean isTied = false;
  private int shards = 1;
  long seed = 1;
  private final List<TinyEdit> edits = new ArrayList<>();
  private final SortedMap<String, String> configEdits = new TreeMap<>();
  private final List<String> configRemovals = new ArrayList<>();

  private TinyMoe(TinyFamily family) {
    this.family = family;
  }

  /// A `qwen3_moe` checkpoint.
  public static TinyMoe qwen3() {
    return new TinyMoe(TinyFamily.QWEN3_MOE);
  }

  /// A `mixtral` checkpoint.
  public static TinyMoe mixtral() {
    return new TinyMoe(TinyFamily.MIXTRAL);
  }

  @CanIgnoreReturnValue
  public TinyMoe vocabulary(int tokens) {
    vocabulary = tokens;
    return this;
  }

  @CanIgnoreReturnValue
  public TinyMoe hidden(int size) {
    hidden = size;
    return this;
  }

  @CanIgnoreReturnValue
  public TinyMoe layers(int count) {
    layers = count;
    return this;
  }

  /// Query heads and key-value heads, each of `dimension` values.
  @CanIgnoreReturnValue
  public TinyMoe heads(int queries, int keyValues, int dimension) {
    heads = queries;
    keyValueHeads = keyValues;
    headDim = dimension;
    return this;
  }

  @CanIgnoreReturnValue
  public TinyMoe experts(int perLayer) {
    experts = perLayer;
    return this;
  }

  @CanIgnoreReturnValue
  public TinyMoe topK(int perToken) {
    topK = perToken;
    return this;
  }

  @CanIgnoreReturnValue
  public TinyMoe expertWidth(int width) {
    expertWidth = width;
    return this;
  }

  /// `F32`, `BF16` or `F16` for every tensor.
  @CanIgnoreReturnValue
  public TinyMoe dtype(String name) {
    dtype = name;
    return this;
  }

  /// Without `lm_head.weight`: the embedding serves as the output layer too.
  @CanIgnoreReturnValue
  public TinyMoe tied() {
    isTied = true;
    return this;
  }

  /// Number of files; from 2 on with an index.
  @CanIgnoreReturnValue
  public TinyMoe shards(int files) {
    shards = files;
    return this;
  }

  @CanIgnoreReturnValue
  public TinyMoe seed(long value) {
    seed = value;
    return this;
  }

  /// Plants something with a known answer, or makes any other change.
  @CanIgnoreReturnValue
  public TinyMoe plant(TinyEdit edit) {
    edits.add(edit);
    return this;
  }

  /// Gives a tensor other values, as many as it has.
  @CanIgnoreReturnValue
  public TinyMoe with(String name, float... values) {
    return plant(
        TinyEdits.replace(name, old -> new TinyTensor(old.dtype(), old.shape(), values.clone())));
  }

  /// Adds or replaces a tensor.
  @CanIgnoreReturnValue
  public TinyMoe with(String name, long[] shape, float... values) {
    return plant(
        (moe, tensors) -> tensors.put(name, new TinyTensor(moe.dtype, shape, values.clone())));
  }

  /// Gives a tensor another dtype.
  @CanIgnoreReturnValue
  public TinyMoe dtype(String name, String other) {
    return plant(TinyEdits.replace(name, old -> old.as(other)));
  }

  /// Gives a tensor another shape, and new random values.
  @CanIgnoreReturnValue
  public TinyMoe shape(String name, long... shape) {
    return plant((moe, tensors) -> tensors.put(name, TinyWeights.random(moe, name, shape)));
  }

  /// Leaves a tensor out.
  @CanIgnoreReturnValue
  public TinyMoe without(String name) {
    return plant((moe, tensors) -> TinyEdits.take(tensors, name));
  }

  /// Renames a tensor.
  @CanIgnoreReturnValue
  public TinyMoe rename(String from, String to) {
    return plant((moe, tensors) -> tensors.put(to, TinyEdits.take(tensors, from)));
  }

  /// Adds or replaces a key of `config.json`.
  @CanIgnoreReturnValue
  public TinyMoe config(String key, String json) {
    configEdits.put(key, json);
    return this;
  }

  /// Leaves a key of `config.json` out.
  @CanIgnoreReturnValue
  public TinyMoe withoutConfig(String key) {
    configRemovals.add(key);
    return this;
  }

  /// How the family spells its tensors.
  public TinyFamily family() {
    return family;
  }

  /// The tensors by name, in the order of their names, with the values that the file will hold.
  public SortedMap<String, TinyTensor> tensors() {
    SortedMap<String, TinyTensor> tensors = TinyWeights.of(this);
    edits.forEach(edit -> edit.apply(this, tensors));
    tensors.replaceAll((name, tensor) -> tensor.stored());
    return tensors;
  }

  /// The values of one tensor as the file will hold them.
  public float[] values(String name) {
    return TinyEdits.get(tensors(), name).values();
  }

  /// The text of `config.json`.
  public String configJson() {
    SortedMap<String, String> config = TinyConfig.of(this);
    config.putAll(configEdits);
    config.keySet().removeAll(configRemovals);
    return TinyConfig.json(config);
  }

  /// Writes `config.json`, `generation_config.json` and the tensors, in one file or in shards with
  /// an index, all as transformers 5 does.
  ///
  /// @param directory made when it does not exist
  /// @return the directory
  @CanIgnoreReturnValue
  public Path write(Path directory) throws IOException {
    TinyFiles.write(directory, configJson(), Collections.unmodifiableSortedMap(tensors()), shards);
    return directory;
  }
}
