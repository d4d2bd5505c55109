package io.moepress.testdata;

import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// The plantings of a [TinyMoe], each with the answer it makes right.
///
/// Below, `x` is the input of the MoE block (after its norm), `f_j(x)` the output of expert `j`,
/// `g_j(x)` its gate. "Renormalised" means that the gates of the selected experts are divided by
/// their sum, as both families do unless the configuration is changed.
public final class Planted {

  /// By how much a super expert is larger than it was.
  public static final float SUPER = 1000;

  /// Weight of the constant coordinate in the router row of an unreachable expert.
  private static final float REPULSION = -32768;

  private Planted() {}

  /// Zero down projections: `f_j(x) = 0` for every `x`.
  ///
  /// The right answer, for a silent expert `j`:
  ///
  /// * Whatever is computed from its output (norm, gated norm, REAP, largest value) is exactly 0,
  ///   however many tokens reach it. Counts and gates are not touched: a score made of those alone
  ///   does not see it.
  /// * In its own layer, removing it changes nothing for a token that does not select it: gates of
  ///   the selected experts are the same once renormalised.
  /// * For a token that selects it, its place goes to the best expert not selected so far, and the
  ///   gates are renormalised over the new selection. That is the only way in which logits can
  ///   change. Without renormalisation the gates of all tokens rise.
  public static TinyEdit silentExperts(int layer, int... silent) {
    return (moe, tensors) -> {
      for (int expert : checked(moe, silent)) {
        Arrays.fill(TinyEdits.get(tensors, moe.family.down(layer, expert)).values(), 0);
      }
    };
  }

  /// Router rows that select the named experts for no token of any text.
  ///
  /// The first coordinate of the residual stream is made constant: 1 in each embedding, and 0 in
  /// the first row of every attention output and down projection. So `x₀ = 1 / rms > 0` always,
  /// `rms` being that of the residual stream. In `layer`, the router row of an unreachable expert
  /// is -32768 there and 0 elsewhere; the row of any other expert has a single power of two, in
  /// another coordinate. As `|x_i| ≤ √hidden`, logits of these stay within ±64 at the default size,
  /// while those of the unreachable are below -3,000 as long as `rms < 10`. A few layers of default
  /// weights keep it below 3. Behind a super expert it nears 1,000: the rows still lose, but their
  /// softmax is then small instead of 0.
  ///
  /// The right answer:
  ///
  /// * Unreachable experts are routed 0 tokens, and their softmax is exactly 0 in float32 and
  ///   float64.
  /// * Where gates are renormalised, and also where they are not, removing exactly these experts
  ///   leaves every logit exactly as it was. The remaining router logits are bit for bit the same
  ///   in any order of summation, as each is a single product; terms that leave the softmax's sum
  ///   are exact zeros, so only a sum that groups the others differently could round differently.
  ///
  /// Norm weights have to stay positive and the tensors named above as they are.
  ///
  /// @throws IllegalArgumentException when fewer than top-k experts would remain, or there are more
  ///   than 4 experts per coordinate
  public static TinyEdit unreachableExperts(int layer, int... unreachable) {
    return (moe, tensors) -> {
      List<Integer> hidden = checked(moe, unreachable);
      int coordinates = moe.hidden - 1;
      if (moe.experts - hidden.size() < moe.topK || moe.experts > 4 * coordinates) {
        throw new IllegalArgumentException(
            "unreachable " + hidden + " of " + moe.experts + " experts, top-" + moe.topK);
      }
      fixFirstCoordinate(moe, tensors);
      float[] router =
          TinyEdits.get(tensors, moe.family.router(layer)).values(); // [experts, hidden]
      Arrays.fill(router, 0);
      for (int expert = 0; expert < moe.experts; expert++) {
        boolean isReachable = !hidden.contains(expert);
        int coordinate = isReachable ? 1 + expert % coordinates : 0;
        float weight = isReachable ? 2 << (expert / coordinates) : REPULSION;
        router[expert * moe.hidden + coordinate] = weight;
      }
    };
  }

  /// One expert whose output is [#SUPER] times what it was, by its down projection.
  ///
  /// The right answer: over any text that reaches it, its mean output norm and its largest output
  /// value are by far the largest of its layer; protection of super experts must find it and
  /// nothing else. Routing in its layer and before is as it was; later layers see what it adds to
  /// the residual stream.
  public static TinyEdit superExpert(int layer, int expert) {
    return (moe, tensors) -> {
      checked(moe, expert);
      float[] down = TinyEdits.get(tensors, moe.family.down(layer, expert)).values();
      for (int i = 0; i < down.length; i++) {
        down[i] *= SUPER;
      }
    };
  }

  /// Expert `twin` becomes a copy of expert `original`; its router row stays its own.
  ///
  /// The right answer: `f_twin(x) = f_original(x)` to the bit, their distance is 0 and their
  /// similarity 1 by any measure of weights or outputs, so they are the first pair to merge; any
  /// weighted mean of the two is, up to rounding, either of them.
  public static TinyEdit twinExperts(int layer, int original, int twin) {
    return (moe, tensors) -> {
      checked(moe, original, twin);
      List<String> from = projections(moe, layer, original);
      List<String> to = projections(moe, layer, twin);
      for (int i = 0; i < from.size(); i++) {
        TinyTensor tensor = TinyEdits.get(tensors, from.get(i));
        tensors.put(
            to.get(i), new TinyTensor(tensor.dtype(), tensor.shape(), tensor.values().clone()));
      }
    };
  }

  /// Expert `twin` becomes a copy of expert `original` whose neurons stand in another order: its
  /// neuron `i` is what neuron `order[i]` of the original is. Its router row stays its own.
  ///
  /// The right answer: `f_twin(x) = f_original(x)` up to the rounding of sums in another order; who
  /// matches neurons finds `order`, and then any weighted mean of the two is, up to rounding,
  /// either of them, while the mean of neurons in equal places is neither.
  public static TinyEdit shuffledTwin(int layer, int original, int twin, int... order) {
    return (moe, tensors) -> {
      twinExperts(layer, original, twin).apply(moe, tensors);
      for (String name : List.of(moe.family.gate(layer, twin), moe.family.up(layer, twin))) {
        float[] rows = TinyEdits.get(tensors, name).values(); // [width, hidden]
        float[] old = rows.clone();
        for (int i = 0; i < order.length; i++) {
          System.arraycopy(old, order[i] * moe.hidden, rows, i * moe.hidden, moe.hidden);
        }
      }
      float[] down = TinyEdits.get(tensors, moe.family.down(layer, twin)).values();
      float[] old = down.clone(); // [hidden, width]
      for (int i = 0; i < down.length; i++) {
        int row = i / order.length;
        down[i] = old[row * order.length + order[i % order.length]];
      }
    };
  }

  /// In every layer, expert `i` and its router row become what expert `permutation[i]` was.
  ///
  /// The right answer: the same model; logits agree up to the rounding of sums in another order,
  /// and any score `s'` per expert is `s'[i] = s[permutation[i]]`.
  public static TinyEdit permuted(int... permutation) {
    return (moe, tensors) -> {
      int[] identity = IntStream.range(0, moe.experts).toArray();
      if (!Arrays.equals(Arrays.stream(permutation).sorted().toArray(), identity)) {
        throw new IllegalArgumentException(
            Arrays.toString(permutation) + " is no permutation of " + moe.experts + " experts");
      }
      for (int layer = 0; layer < moe.layers; layer++) {
        permute(moe, tensors, layer, permutation);
      }
    };
  }

  private static void permute(
      TinyMoe moe, SortedMap<String, TinyTensor> tensors, int layer, int[] permutation) {
    List<List<TinyTensor>> old =
        IntStream.range(0, moe.experts)
            .mapToObj(expert -> projections(moe, layer, expert))
            .map(names -> names.stream().map(name -> TinyEdits.get(tensors, name)).toList())
            .toList();
    float[] router = TinyEdits.get(tensors, moe.family.router(layer)).values(); // [experts, hidden]
    float[] rows = router.clone();
    for (int expert = 0; expert < moe.experts; expert++) {
      int source = permutation[expert];
      System.arraycopy(rows, source * moe.hidden, router, expert * moe.hidden, moe.hidden);
      List<String> names = projections(moe, layer, expert);
      for (int i = 0; i < names.size(); i++) {
        tensors.put(names.get(i), old.get(source).get(i));
      }
    }
  }

  private static void fixFirstCoordinate(TinyMoe moe, SortedMap<String, TinyTensor> tensors) {
    float[] embedding = TinyEdits.get(tensors, "model.embed_tokens.weight").values();
    for (int token = 0; token < moe.vocabulary; token++) {
      embedding[token * moe.hidden] = 1;
    }
    for (int layer = 0; layer < moe.layers; layer++) {
      String attention = "model.layers." + layer + ".self_attn.o_proj.weight";
      silenceFirstRow(TinyEdits.get(tensors, attention));
      for (int expert = 0; expert < moe.experts; expert++) {
        silenceFirstRow(TinyEdits.get(tensors, moe.family.down(layer, expert)));
      }
    }
  }

  private static void silenceFirstRow(TinyTensor matrix) {
    Arrays.fill(matrix.values(), 0, Math.toIntExact(matrix.shape()[1]), 0);
  }

  private static List<String> projections(TinyMoe moe, int layer, int expert) {
    return Stream.of(
            moe.family.gate(layer, expert),
            moe.family.up(layer, expert),
            moe.family.down(layer, expert))
        .toList();
  }

  private static List<Integer> checked(TinyMoe moe, int... experts) {
    for (int expert : experts) {
      if (expert < 0 || expert >= moe.experts) {
        throw new IllegalArgumentException("expert " + expert + " of " + moe.experts);
      }
    }
    return Arrays.stream(experts).distinct().boxed().toList();
  }
}
