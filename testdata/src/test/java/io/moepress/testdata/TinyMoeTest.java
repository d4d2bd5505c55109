package io.moepress.testdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TinyMoeTest {

  @TempDir Path directory;

  @Test
  void parsesBackWithANaiveParser() throws IOException {
    TinyMoe moe = TinyMoe.qwen3();
    moe.write(directory);
    NaiveSafetensors file = NaiveSafetensors.read(directory.resolve("model.safetensors"));

    assertThat(file.tensors().keySet()).containsExactlyElementsOf(moe.tensors().keySet());
    NaiveSafetensors.Tensor down = file.tensor("model.layers.1.mlp.experts.3.down_proj.weight");
    assertThat(down.dtype()).isEqualTo("F32");
    assertThat(down.shape()).containsExactly(16, 8);
    assertThat(down.data()).isEqualTo(SafetensorsBytes.f32(moe.values(moe.family().down(1, 3))));
  }

  @Test
  void shardsHoldEachTensorOnceAsTheIndexSays() throws IOException {
    TinyMoe.mixtral().shards(3).write(directory);
    String index = Files.readString(directory.resolve("model.safetensors.index.json"));
    List<String> names = new ArrayList<>();
    for (int shard = 1; shard <= 3; shard++) {
      String file = "model-0000" + shard + "-of-00003.safetensors";
      for (String name : NaiveSafetensors.read(directory.resolve(file)).tensors().keySet()) {
        assertThat(index).contains("\"" + name + "\": \"" + file + "\"");
        names.add(name);
      }
    }
    assertThat(names).containsExactlyElementsOf(TinyMoe.mixtral().tensors().keySet());
    assertThat(index).contains("\"total_size\": " + 4 * 5840, "\"total_parameters\": 5840");
    assertThat(directory.resolve("model.safetensors")).doesNotExist();
  }

  @Test
  void sameSeedSameBytesAndAnotherSeedOthers() {
    String name = "model.embed_tokens.weight";
    assertThat(TinyMoe.qwen3().values(name)).isEqualTo(TinyMoe.qwen3().experts(7).values(name));
    assertThat(TinyMoe.qwen3().values(name)).isNotEqualTo(TinyMoe.qwen3().seed(2).values(name));
  }

  @Test
  void valuesAreWhatTheFileHolds() {
    TinyMoe moe = TinyMoe.qwen3().dtype("BF16").with("model.norm.weight", new float[16]);
    float value = moe.values("lm_head.weight")[5];
    assertThat(Float.floatToRawIntBits(value) & 0xFFFF).isZero();
    assertThat(value).isNotZero();
    assertThat(moe.values("model.norm.weight")).containsOnly(0);
    float half = TinyMoe.qwen3().dtype("F16").values("lm_head.weight")[5];
    assertThat(half).isEqualTo(Float.float16ToFloat(Float.floatToFloat16(half)));
  }

  /// Not the same random numbers, shifted by one.
  @Test
  void nearSeedsAreUnrelated() {
    float[] values = TinyMoe.qwen3().seed(1).values("lm_head.weight");
    float[] others = TinyMoe.qwen3().seed(2).values("lm_head.weight");
    assertThat(others).doesNotContain(values[5]);
    assertThat(values).doesNotContain(others[5]);
  }

  @Test
  void editsApplyInOrder() {
    TinyMoe moe =
        TinyMoe.qwen3()
            .with("extra", new long[] {2}, 1, 2)
            .rename("extra", "renamed")
            .dtype("renamed", "BF16")
            .shape("model.norm.weight", 3, 5)
            .without("lm_head.weight");
    assertThat(moe.tensors()).containsKey("renamed").doesNotContainKeys("extra", "lm_head.weight");
    assertThat(moe.values("renamed")).containsExactly(1, 2);
    assertThat(moe.values("model.norm.weight")).hasSize(15);
  }

  @Test
  void plantingLeavesTheCallersArrayAlone() {
    TinyMoe moe = TinyMoe.qwen3();
    float[] down = moe.values(moe.family().down(0, 1)).clone();
    float[] passed = down.clone();
    moe.with(moe.family().down(0, 1), passed).plant(Planted.silentExperts(0, 1));
    assertThat(moe.values(moe.family().down(0, 1))).containsOnly(0);
    assertThat(passed).isEqualTo(down);
  }

  @Test
  void refusesWhatIsNotThere() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TinyMoe.qwen3().without("nobody").tensors())
        .withMessageContaining("nobody");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TinyMoe.qwen3().with("model.norm.weight", 1, 2).tensors())
        .withMessageContaining("2 values");
  }

  @Test
  void configFollowsSizesAndEdits() {
    TinyMoe moe = TinyMoe.qwen3().config("num_experts", "4").withoutConfig("use_cache").tied();
    assertThat(moe.experts(4).configJson())
        .contains(
            "\"num_experts\": 4,", "\"num_local_experts\": 4,", "\"tie_word_embeddings\": true")
        .doesNotContain("use_cache");
    assertThat(moe.tensors()).doesNotContainKey("lm_head.weight");
  }
}
