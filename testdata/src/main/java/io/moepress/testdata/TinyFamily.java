package io.moepress.testdata;

/// How a family spells the tensors of its MoE blocks.
public enum TinyFamily {
  /// `model.layers.L.mlp.experts.E.gate_proj|up_proj|down_proj.weight`.
  QWEN3_MOE("mlp", "gate_proj", "up_proj", "down_proj"),

  /// `model.layers.L.block_sparse_moe.experts.E.w1|w3|w2.weight`.
  MIXTRAL("block_sparse_moe", "w1", "w3", "w2");

  private final String block;
  private final String gate;
  private final String up;
  private final String down;

  TinyFamily(String block, String gate, String up, String down) {
    this.block = block;
    this.gate = gate;
    this.up = up;
    this.down = down;
  }

  /// Router, `[experts, hidden]`.
  public String router(int layer) {
    return "model.layers." + layer + "." + block + ".gate.weight";
  }

  /// Gate projection of an expert, `[width, hidden]`.
  public String gate(int layer, int expert) {
    return expert(layer, expert, gate);
  }

  /// Up projection of an expert, `[width, hidden]`.
  public String up(int layer, int expert) {
    return expert(layer, expert, up);
  }

  /// Down projection of an expert, `[hidden, width]`.
  public String down(int layer, int expert) {
    return expert(layer, expert, down);
  }

  private String expert(int layer, int expert, String projection) {
    String experts = "model.layers." + layer + "." + block + ".experts.";
    return experts + expert + "." + projection + ".weight";
  }
}
