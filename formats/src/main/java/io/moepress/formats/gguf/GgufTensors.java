package io.moepress.formats.gguf;

import io.moepress.formats.Checks;
import io.moepress.formats.FormatException;
import io.moepress.formats.architecture.Architecture.GateUpOrder;
import io.moepress.formats.architecture.Architecture.GroupedQuery;
import io.moepress.formats.architecture.Architecture.Latent;
import io.moepress.formats.architecture.Architecture.Orientation;
import io.moepress.formats.architecture.Architecture.RotaryPairing;
import io.moepress.formats.architecture.Architecture.Storage;
import io.moepress.formats.architecture.Dimension;
import io.moepress.formats.architecture.GgufMapping;
import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.gguf.Piece.View;
import io.moepress.formats.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// The tensors of a model as llama.cpp wants them.
///
/// * Experts of a layer are stacked, `[experts, out, in]`, and so are their biases, `[experts,
///   out]`.
/// * Where the graph turns neighbours together and the checkpoint has halves, rows of each head of
///   queries and keys change places: row `j · d/2 + i` becomes row `2i + j`.
/// * The expansion of keys and values of latent attention, `[heads · (plain + value), latent]`,
///   becomes two: `attn_k_b`, `[heads, latent, plain]`, turned over, and `attn_v_b`, `[heads,
///   value, latent]`.
final class GgufTensors {
  /// Elements of a piece at most, unless a row, or a head, has more.
  private static final long LARGEST_PIECE = 1L << 20;

  private final MoeModel model;
  private final ModelLayout layout;
  private final GgufMapping mapping;
  private final boolean turnsHalves;
  private final List<GgufTensor> tensors = new ArrayList<>();

  private GgufTensors(MoeModel model, GgufMapping mapping) {
    this.model = model;
    this.layout = model.layout();
    this.mapping = mapping;
    this.turnsHalves =
        layout.architecture().attention().rotary() == RotaryPairing.HALF
            && mapping.rotary() == RotaryPairing.PAIRS;
  }

  static List<GgufTensor> of(MoeModel model, GgufMapping mapping) {
    GgufTensors all = new GgufTensors(model, mapping);
    all.requireTurnable();
    model.inventory().names().keySet().forEach(all::add);
    return all.tensors;
  }

  private void requireTurnable() {
    boolean partly =
        layout.architecture().attention() instanceof GroupedQuery grouped
            && grouped.rotaryWidth() != null;
    Checks.requireFormat(
        !turnsHalves || (!partly && layout.dimension(Dimension.HEAD_DIM) % 2 == 0),
        "architecture %s: heads of which only a part is turned, or of odd width, have no order in a"
            + " GGUF of this family",
        layout.architecture().modelTypes());
  }

  private void add(TensorId id) {
    switch (id.role()) {
      case QUERY, QUERY_BIAS -> turned(id, layout.dimension(Dimension.HEADS));
      case KEY, KEY_BIAS -> turned(id, layout.dimension(Dimension.KEY_VALUE_HEADS));
      case KEY_VALUE_EXPAND -> latent(id);
      case EXPERT_GATE, EXPERT_UP, EXPERT_DOWN -> stack(id);
      case EXPERTS_GATE_UP -> stackedGateUp(id);
      case EXPERTS_DOWN -> stackedDown(id);
      case EXPERTS_GATE_UP_BIAS -> gateUpBias(id);
      case EMBEDDING,
          FINAL_NORM,
          OUTPUT_HEAD,
          ATTENTION_NORM,
          QUERY_NORM,
          KEY_NORM,
          VALUE,
          VALUE_BIAS,
          QUERY_COMPRESS,
          QUERY_COMPRESS_NORM,
          QUERY_EXPAND,
          KEY_VALUE_COMPRESS,
          KEY_VALUE_COMPRESS_NORM,
          ATTENTION_OUTPUT,
          ATTENTION_OUTPUT_BIAS,
          FEED_FORWARD_NORM,
          ATTENTION_SINKS,
          ROUTER,
          ROUTER_BIAS,
          SELECTION_BIAS,
          EXPERTS_DOWN_BIAS,
          SHARED_ROUTER,
          SHARED_GATE,
          SHARED_UP,
          SHARED_DOWN,
          DENSE_GATE,
          DENSE_UP,
          DENSE_DOWN ->
          plain(id);
    }
  }

  private void add(TensorId id, Shape shape, List<Piece> pieces) {
    tensors.add(new GgufTensor(GgufNames.of(id, mapping), shape, pieces));
  }

  private Shape shape(TensorId id) {
    return model.info(id).shape();
  }

  private void plain(TensorId id) {
    Shape shape = shape(id);
    String name = model.inventory().name(id);
    long rows = shape.dimension(0);
    if (shape.rank() == 1) {
      add(id, shape, List.of(new Piece(name, 0, rows, 1, rows, View.plain(rows))));
      return;
    }
    add(id, shape, rows(name, rows, shape.elementCount() / rows).toList());
  }

  /// A plain matrix, or one of a stack, in pieces.
  private static Stream<Piece> rows(String name, long rows, long columns) {
    return parts(
        rows,
        columns,
        (first, count) -> new Piece(name, first, count, count, columns, View.plain(columns)));
  }

  /// Some consecutive rows as a piece.
  private interface Part {
    Piece of(long first, long count);
  }

  /// Rows in pieces none of which is too large.
  private static Stream<Piece> parts(long rows, long columns, Part part) {
    long step = Math.max(1, LARGEST_PIECE / columns);
    return LongStream.iterate(0, row -> row < rows, row -> row + step)
        .mapToObj(row -> part.of(row, Math.min(step, rows - row)));
  }

  private void turned(TensorId id, int heads) {
    if (!turnsHalves) {
      plain(id);
      return;
    }
    Shape shape = shape(id);
    String name = model.inventory().name(id);
    long rows = shape.dimension(0) / heads;
    long columns = shape.elementCount() / shape.dimension(0);
    add(
        id,
        shape,
        IntStream.range(0, heads)
            .mapToObj(head ->
                new Piece(name, head * rows, rows, rows, columns, View.pairs(rows, columns)))
            .toList());
  }

  private void latent(TensorId id) {
    if (!(layout.architecture().attention() instanceof Latent latent)) {
      throw FormatException.of(
          "architecture %s: the role %s without latent attention",
          layout.architecture().modelTypes(), id.role());
    }
    int heads = layout.dimension(Dimension.HEADS);
    long width = layout.count(latent.latent());
    long plain = layout.count(latent.plain());
    long value = layout.count(latent.value());
    String name = model.inventory().name(id);
    List<Piece> keys = new ArrayList<>();
    List<Piece> values = new ArrayList<>();
    for (int head = 0; head < heads; head++) {
      long first = head * (plain + value);
      keys.add(new Piece(name, first, plain, width, plain, View.turned(0, 1, width)));
      values.add(new Piece(name, first + plain, value, value, width, View.plain(width)));
    }
    tensors.add(
        new GgufTensor(
            GgufNames.inLayer(id.layer(), GgufNames.KEY_EXPAND),
            Shape.of(heads, width, plain),
            keys));
    tensors.add(
        new GgufTensor(
            GgufNames.inLayer(id.layer(), GgufNames.VALUE_EXPAND),
            Shape.of(heads, value, width),
            values));
  }

  /// The first expert stands for all of them.
  private void stack(TensorId id) {
    if (id.expert() != 0) {
      return;
    }
    long rows = shape(id).dimension(0);
    long columns = shape(id).dimension(1);
    List<Piece> pieces =
        IntStream.range(0, layout.experts())
            .mapToObj(expert -> new TensorId(id.role(), id.layer(), expert))
            .map(model.inventory()::name)
            .flatMap(name -> rows(name, rows, columns))
            .toList();
    add(id, Shape.of(layout.experts(), rows, columns), pieces);
  }

  private void stackedGateUp(TensorId id) {
    Storage storage = layout.storage().orElseThrow();
    long hidden = layout.dimension(Dimension.HIDDEN);
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    boolean halves = storage.gateUp() == GateUpOrder.HALVES;
    for (int part = 0; part < 2; part++) {
      View view =
          switch (storage.orientation()) {
            case OUTPUT_FIRST ->
                View.rows(
                    halves ? part * width * hidden : part * hidden, halves ? hidden : 2 * hidden);
            case INPUT_FIRST ->
                View.turned(halves ? part * width : part, halves ? 1 : 2, 2 * width);
          };
      TensorRole role = part == 0 ? TensorRole.EXPERT_GATE : TensorRole.EXPERT_UP;
      slices(id, TensorId.ofLayer(role, id.layer()), width, hidden, view);
    }
  }

  private void gateUpBias(TensorId id) {
    String name = model.inventory().name(id);
    long experts = layout.experts();
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    boolean halves = layout.storage().orElseThrow().gateUp() == GateUpOrder.HALVES;
    for (int part = 0; part < 2; part++) {
      View view = View.turned(halves ? part * width : part, 2 * width, halves ? 1 : 2);
      tensors.add(
          new GgufTensor(
              GgufNames.inLayer(id.layer(), part == 0 ? GgufNames.GATE_BIAS : GgufNames.UP_BIAS),
              Shape.of(experts, width),
              List.of(new Piece(name, 0, experts, experts, width, view))));
    }
  }

  private void stackedDown(TensorId id) {
    boolean outputFirst = layout.storage().orElseThrow().orientation() == Orientation.OUTPUT_FIRST;
    long hidden = layout.dimension(Dimension.HIDDEN);
    long width = layout.dimension(Dimension.EXPERT_WIDTH);
    View view = outputFirst ? View.plain(width) : View.turned(0, 1, hidden);
    slices(id, id, hidden, width, view);
  }

  private void slices(TensorId source, TensorId target, long rows, long columns, View view) {
    String name = model.inventory().name(source);
    add(
        target,
        Shape.of(layout.experts(), rows, columns),
        IntStream.range(0, layout.experts())
            .boxed()
            .flatMap(expert -> slice(new Piece(name, expert, 1, rows, columns, view)))
            .toList());
  }

  /// A piece whose rows stand one stride apart, in smaller ones.
  private static Stream<Piece> slice(Piece whole) {
    return parts(
        whole.rows(),
        whole.columns(),
        (first, count) ->
            new Piece(
                whole.tensor(),
                whole.firstRow(),
                whole.rowCount(),
                count,
                whole.columns(),
                whole.view().from(first)));
  }
}
