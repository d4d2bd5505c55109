package io.moepress.formats.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/// Architecture files that are not quite right.
class ArchitectureTest {
  private ObjectNode tree;

  @BeforeEach
  void read() throws IOException {
    tree = Architectures.tree("mixtral");
  }

  @Test
  void fileIsReadAsItStands() {
    Architecture architecture = Architectures.bind(tree);
    assertThat(architecture.modelTypes()).containsExactly("mixtral");
    assertThat(architecture.countKeys()).containsExactly("num_local_experts", "num_experts");
    assertThat(architecture.dimensions()).containsEntry("topK", "config.num_experts_per_tok");
    assertThat(architecture.moeLayers()).isNull();
    assertThat(architecture.tensors().get(TensorRole.ROUTER))
        .extracting(Architecture.TensorTemplate::name, Architecture.TensorTemplate::shape)
        .containsExactly(
            "model.layers.{layer}.block_sparse_moe.gate.weight", List.of("experts", "hidden"));
    assertThat(architecture.activation()).isEqualTo(Architecture.Activation.SILU);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "formatVersion",
        "modelTypes",
        "countKeys",
        "topKKeys",
        "dimensions",
        "tensors",
        "attention",
        "router",
        "activation",
      })
  void missingPropertyIsNamed(String property) {
    tree.remove(property);
    assertThat(refusal()).startsWith("mine.json: ").contains("'" + property + "'");
  }

  @Test
  void missingPropertyWithinATensorIsNamed() {
    tensor("router").remove("shape");
    assertThat(refusal()).startsWith("mine.json: ").contains("'shape'");
  }

  @Test
  void unknownPropertyIsNamed() {
    tree.put("expertCount", 8);
    assertThat(refusal()).startsWith("mine.json: ").contains("\"expertCount\"");
  }

  @Test
  void unknownPropertyWithinATensorIsNamed() {
    tensor("router").put("transposed", true);
    assertThat(refusal()).startsWith("mine.json: ").contains("\"transposed\"");
  }

  @Test
  void unknownRoleIsNamed() {
    ((ObjectNode) tree.get("tensors")).set("rooter", tensor("router"));
    assertThat(refusal()).startsWith("mine.json: ").contains("\"rooter\"");
  }

  @Test
  void unknownActivationIsNamed() {
    tree.put("activation", "relu");
    assertThat(refusal()).startsWith("mine.json: ").contains("\"relu\"");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void otherFormatVersionIsRefused(int version) {
    tree.put("formatVersion", version);
    assertThat(refusal())
        .isEqualTo("mine.json: architecture file: formatVersion " + version + " (expected 1)");
  }

  private ObjectNode tensor(String role) {
    return (ObjectNode) tree.get("tensors").get(role);
  }

  private String refusal() {
    return Refusal.of(() -> Architectures.bind(tree));
  }
}
