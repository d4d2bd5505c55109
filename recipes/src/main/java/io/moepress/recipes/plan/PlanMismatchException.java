package io.moepress.recipes.plan;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import io.moepress.formats.Checks;

/// Two documents do not fit each other: a plan and a checkpoint, evidence and a checkpoint, a plan
/// and a target runtime.
public final class PlanMismatchException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Makes an exception from a template.
  @FormatMethod
  public PlanMismatchException(@FormatString String template, Object... args) {
    super(Checks.text(template, args));
  }
}
