package io.moepress.formats.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Refusal;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.checkpoint.Checkpoint;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.checkpoint.ModelConfig;
import io.moepress.formats.encoding.BlockEncoding;
import io.moepress.formats.tensor.DType;
import io.moepress.formats.tensor.Numbers;
import io.moepress.formats.tensor.TensorData;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Pieces of tensors that a checkpoint stores in low precision.
class LowPrecisionPiecesTest {
  private static final String FP8 = "deepseek_v3_fp8_block16";
  private static final String MXFP4 = "gpt_oss_mxfp4";

  /// A checkpoint whose tensors are decoded.
  private record Decoded(Checkpoint source, MoeModel model) implements Checkpoint {
    @Override
    public String name() {
      return "decoded";
    }

    @Override
    public ModelConfig config() {
      return ModelConfig.parse(
          source.config().text().replace("quantization_config", "not_quantized"));
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      SortedMap<String, TensorInfo> decoded = new TreeMap<>();
      model
          .inventory()
          .stored()
          .tensors()
          .forEach((name, info) -> {
            boolean whole = info.dtype().bits() > Byte.SIZE;
            decoded.put(name, whole ? info : new TensorInfo(name, DType.F32, info.shape()));
          });
      return decoded;
    }

    @Override
    public TensorData read(String tensor, Arena arena) throws IOException {
      return model.inventory().stored().read(source, tensor, arena);
    }

    @Override
    public void close() {}
  }

  private static CheckpointDirectory open(String name) throws IOException {
    return CheckpointDirectory.open(TestData.path("golden/lowprecision/" + name));
  }

  /// Heads of latent attention are cut out of blocks of 16 rows, and turned over.
  @Test
  void aFileIsThatOfTheDecodedCheckpoint() throws IOException {
    try (CheckpointDirectory checkpoint = open(FP8)) {
      MoeModel model = MoeModel.of(checkpoint);
      MoeModel decoded = MoeModel.of(new Decoded(checkpoint, model));
      GgufModel expected = GgufModel.of(decoded);
      GgufModel found = GgufModel.of(model);
      assertThat(found.tensors()).isEqualTo(expected.tensors());
      for (GgufTensor tensor : found.tensors()) {
        for (Piece piece : tensor.pieces()) {
          assertThat(PieceEncoder.encode(model, piece, GgufType.BF16, null))
              .as(tensor.name())
              .isEqualTo(PieceEncoder.encode(decoded, piece, GgufType.BF16, null));
        }
      }
    }
  }

  @Test
  void gatesAndUpsAreEveryOtherRow() throws IOException {
    try (CheckpointDirectory checkpoint = open(MXFP4);
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);
      float[] both =
          Numbers.floats(
              model.readSlice(TensorId.ofLayer(TensorRole.EXPERTS_GATE_UP, 1), 4, arena));
      int width = 32;
      float[] up = new float[both.length / 2];
      for (int i = 0; i < up.length; i++) {
        up[i] = both[(2 * (i / width) + 1) * width + i % width];
      }
      Piece piece = pieceOf(model, "blk.1.ffn_up_exps.weight", 4);

      assertThat(Numbers.floats(piece.read(model, arena))).isEqualTo(up);
    }
  }

  private static Piece pieceOf(MoeModel model, String tensor, int index) {
    return GgufModel.of(model).tensor(tensor).orElseThrow().pieces().get(index);
  }

  /// The bytes of ggml stand for the same numbers, to the last bit.
  @Test
  void mxfp4StaysWhatItIs() throws IOException {
    try (CheckpointDirectory checkpoint = open(MXFP4);
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);
      for (String projection : new String[] {"gate", "up", "down"}) {
        String name = "blk.2.ffn_" + projection + "_exps.weight";
        for (Piece piece : GgufModel.of(model).tensor(name).orElseThrow().pieces()) {
          byte[] blocks = PieceEncoder.encode(model, piece, GgufType.MXFP4, null);
          float[] values = Numbers.floats(piece.read(model, arena));
          float[] decoded = BlockEncoding.MXFP4.decode(MemorySegment.ofArray(blocks));
          assertThat(decoded).as(name).isEqualTo(values);
          assertThat(values).as("a piece of zeros proves nothing").isNotEqualTo(new float[1024]);
        }
      }
    }
  }

  /// Part of the rows of an expert, as large tensors are read.
  @Test
  void somePiecesBeginInTheMiddle() throws IOException {
    try (CheckpointDirectory checkpoint = open(MXFP4);
        Arena arena = Arena.ofConfined()) {
      MoeModel model = MoeModel.of(checkpoint);
      Piece whole = pieceOf(model, "blk.0.ffn_gate_exps.weight", 3);
      Piece part = new Piece(whole.tensor(), 3, 1, 5, 32, whole.view().from(9));
      byte[] blocks = PieceEncoder.encode(model, whole, GgufType.MXFP4, null);
      float[] values = Numbers.floats(whole.read(model, arena));

      assertThat(Numbers.floats(part.read(model, arena)))
          .isEqualTo(Arrays.copyOfRange(values, 9 * 32, 14 * 32));
      assertThat(PieceEncoder.encode(model, part, GgufType.MXFP4, null))
          .isEqualTo(Arrays.copyOfRange(blocks, 9 * 17, 14 * 17));
    }
  }

  /// Other types are made of the decoded numbers.
  @Test
  void typesFollowWhatIsStored() throws IOException {
    try (CheckpointDirectory mxfp4 = open(MXFP4);
        CheckpointDirectory fp8 = open(FP8)) {
      MoeModel model = MoeModel.of(mxfp4);
      StoredTypes types = StoredTypes.of(model);
      GgufModel mapped = GgufModel.of(model);

      assertThat(types.label()).isEqualTo("F32 and MXFP4");
      assertThat(types.wanted(mapped.tensor("blk.1.ffn_down_exps.weight").orElseThrow()))
          .isEqualTo(GgufType.MXFP4);
      assertThat(types.wanted(mapped.tensor("blk.1.attn_q.weight").orElseThrow()))
          .isEqualTo(GgufType.F32);
      assertThat(StoredTypes.of(MoeModel.of(fp8)).label()).isEqualTo("F32");
    }
  }

  /// An exponent that stands for no number.
  private record Damaged(Checkpoint source) implements Checkpoint {
    @Override
    public String name() {
      return "damaged";
    }

    @Override
    public ModelConfig config() {
      return source.config();
    }

    @Override
    public SortedMap<String, TensorInfo> tensors() {
      return source.tensors();
    }

    @Override
    public TensorData read(String tensor, Arena arena) throws IOException {
      TensorData sound = source.read(tensor, arena);
      if (!tensor.endsWith("_scales")) {
        return sound;
      }
      byte[] bytes = new byte[(int) sound.info().byteCount()];
      Arrays.fill(bytes, (byte) 0xFF);
      return new TensorData(sound.info(), MemorySegment.ofArray(bytes));
    }

    @Override
    public void close() {}
  }

  @Test
  void anExponentWithoutANumberIsRefused() throws IOException {
    try (CheckpointDirectory checkpoint = open(MXFP4)) {
      MoeModel model = MoeModel.of(new Damaged(checkpoint));
      Piece piece = pieceOf(model, "blk.0.ffn_gate_exps.weight", 0);

      assertThat(Refusal.of(() -> PieceEncoder.encode(model, piece, GgufType.MXFP4, null)))
          .contains("mlp.experts.gate_up_proj: an exponent of 255");
      assertThat(Refusal.of(() -> PieceEncoder.encode(model, piece, GgufType.Q8_0, null)))
          .contains("mlp.experts.gate_up_proj");
    }
  }
}
