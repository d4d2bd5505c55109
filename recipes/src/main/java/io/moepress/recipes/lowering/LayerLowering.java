package io.moepress.recipes.lowering;

import io.moepress.formats.architecture.ModelLayout;
import io.moepress.formats.architecture.TensorId;
import io.moepress.formats.architecture.TensorRole;
import io.moepress.formats.tensor.TensorInfo;
import io.moepress.recipes.lowering.TensorProgram.Copy;
import io.moepress.recipes.lowering.TensorProgram.Mask;
import io.moepress.recipes.lowering.TensorProgram.Rows;
import io.moepress.recipes.plan.ExpertStep;
import io.moepress.recipes.plan.KeepExperts;
import io.moepress.recipes.plan.MergeExperts;
import io.moepress.recipes.plan.RouterMode;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/// What the decision about the experts of a layer means for each of its tensors.
///
/// @param layout names and axes
/// @param result where the programs go
record LayerLowering(ModelLayout layout, Result result) {

  /// Lowers one tensor of a layer, or one of the parts it is stored as.
  void lower(TensorId id, TensorInfo info, ExpertStep step) {
    switch (step) {
      case KeepExperts keep -> lower(id, info, keep);
      case MergeExperts merge -> new GroupLowering(layout, result, merge).lower(id, info);
    }
  }

  private void lower(TensorId id, TensorInfo info, KeepExperts step) {
    switch (RouterMode.named(step.router()).orElseThrow()) {
      case SLICE -> slice(id, info, step);
      case MASK -> mask(id, info, step);
    }
  }

  private void slice(TensorId id, TensorInfo info, KeepExperts step) {
    if (id.expert() != TensorId.NONE) {
      sliceExpert(id, info, step);
    } else if (layout.expertAxis(id.role()) > 0) {
      throw new IllegalStateException(
          "cannot cut " + info.name() + " along another axis than its first");
    } else if (layout.expertAxis(id.role()) == 0) {
      TensorInfo cut =
          new TensorInfo(info.name(), info.dtype(), info.shape().withRows(step.kept().size()));
      result.add(cut, new Rows(info.name(), step.kept()));
    } else {
      result.copy(info);
    }
  }

  private void sliceExpert(TensorId id, TensorInfo info, KeepExperts step) {
    int index = Collections.binarySearch(step.kept(), id.expert()); // they ascend
    if (index < 0) {
      result.drop(info.name(), "expert " + id.expert() + " of layer " + id.layer() + " dropped");
      return;
    }
    String name = PartName.of(layout, info.name(), id, index);
    result.add(new TensorInfo(name, info.dtype(), info.shape()), new Copy(info.name()));
  }

  private void mask(TensorId id, TensorInfo info, KeepExperts step) {
    List<Integer> masked =
        IntStream.range(0, step.experts())
            .filter(expert -> !step.kept().contains(expert))
            .boxed()
            .toList();
    if (id.role() == TensorRole.SELECTION_BIAS && !masked.isEmpty()) {
      result.add(info, new Mask(new Copy(info.name()), masked));
    } else {
      result.copy(info);
    }
  }
}
