package io.moepress.testdata;

import java.util.SortedMap;

/// Ways to stack the experts of a [TinyMoe]: one tensor for the gate and up projections of all
/// experts of a layer, `mlp.experts.gate_up_proj`, and one for the down projections,
/// `mlp.experts.down_proj`. The router is then `mlp.gate.weight`, as transformers 5 has it for both
/// families when it is told not to save the original format.
///
/// The right answer: the same model, bit for bit.
public enum Stacked implements TinyEdit {
  /// `[experts, 2 · width, hidden]` and `[experts, hidden, width]`; all outputs of the gate first.
  OUTPUT_FIRST("output-first", "halves"),

  /// `[experts, hidden, 2 · width]` and `[experts, width, hidden]`; all outputs of the gate first.
  INPUT_FIRST("input-first", "halves"),

  /// As [#INPUT_FIRST], but even outputs are the gate's and odd ones those of the up projection.
  INTERLEAVED("input-first", "interleaved"),

  /// As [#OUTPUT_FIRST], but even outputs are the gate's and odd ones those of the up projection.
  INTERLEAVED_OUTPUT_FIRST("output-first", "interleaved");

  private final String orientation;
  private final String gateUp;

  Stacked(String orientation, String gateUp) {
    this.orientation = orientation;
    this.gateUp = gateUp;
  }

  /// The name of the tensor of gate and up projections.
  public static String gateUp(int layer) {
    return "model.layers." + layer + ".mlp.experts.gate_up_proj";
  }

  /// The name of the tensor of down projections.
  public static String down(int layer) {
    return "model.layers." + layer + ".mlp.experts.down_proj";
  }

  /// The name of the router.
  public static String router(int layer) {
    return "model.layers." + layer + ".mlp.gate.weight";
  }

  /// The text of an architecture file, made for [#OUTPUT_FIRST], with this way in its place.
  public String architecture(String json) {
    String turned =
        isOutputFirst()
            ? json
            : json.replaceAll("(\"2 \\* expertWidth\"), *(\"hidden\")", "$2, $1")
                .replaceAll("(\"experts\"), *(\"hidden\"), *(\"expertWidth\")", "$1, $3, $2");
    return turned
        .replace("\"output-first\"", TinyConfig.quoted(orientation))
        .replace("\"halves\"", TinyConfig.quoted(gateUp));
  }

  @Override
  public void apply(TinyMoe moe, SortedMap<String, TinyTensor> tensors) {
    for (int layer = 0; layer < moe.layers; layer++) {
      tensors.put(router(layer), TinyEdits.take(tensors, moe.family.router(layer)));
      float[] gateUps = new float[moe.experts * 2 * moe.expertWidth * moe.hidden];
      float[] downs = new float[moe.experts * moe.hidden * moe.expertWidth];
      for (int expert = 0; expert < moe.experts; expert++) {
        float[] gate = TinyEdits.take(tensors, moe.family.gate(layer, expert)).values();
        float[] up = TinyEdits.take(tensors, moe.family.up(layer, expert)).values();
        float[] down = TinyEdits.take(tensors, moe.family.down(layer, expert)).values();
        put(gateUps, expert, together(moe, gate, up), moe.hidden);
        put(downs, expert, down, moe.expertWidth);
      }
      tensors.put(gateUp(layer), tensor(moe, 2L * moe.expertWidth, moe.hidden, gateUps));
      tensors.put(down(layer), tensor(moe, moe.hidden, moe.expertWidth, downs));
    }
  }

  /// Both projections as one matrix `[2 · width, hidden]`.
  private float[] together(TinyMoe moe, float[] gate, float[] up) {
    float[] both = new float[gate.length + up.length];
    boolean halves = gateUp.equals("halves");
    for (int output = 0; output < moe.expertWidth; output++) {
      int from = output * moe.hidden;
      int toGate = (halves ? output : 2 * output) * moe.hidden;
      int toUp = (halves ? output + moe.expertWidth : 2 * output + 1) * moe.hidden;
      System.arraycopy(gate, from, both, toGate, moe.hidden);
      System.arraycopy(up, from, both, toUp, moe.hidden);
    }
    return both;
  }

  /// Writes one expert's matrix `[out, in]` to its place in the stack.
  private void put(float[] stack, int expert, float[] matrix, int inputs) {
    int outputs = matrix.length / inputs;
    for (int output = 0; output < outputs; output++) {
      for (int input = 0; input < inputs; input++) {
        int place = isOutputFirst() ? output * inputs + input : input * outputs + output;
        stack[expert * matrix.length + place] = matrix[output * inputs + input];
      }
    }
  }

  private TinyTensor tensor(TinyMoe moe, long outputs, long inputs, float[] values) {
    long[] shape =
        isOutputFirst()
            ? new long[] {moe.experts, outputs, inputs}
            : new long[] {moe.experts, inputs, outputs};
    return new TinyTensor(moe.dtype, shape, values);
  }

  private boolean isOutputFirst() {
    return orientation.equals("output-first");
  }
}
