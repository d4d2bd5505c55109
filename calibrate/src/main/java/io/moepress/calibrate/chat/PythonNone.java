package io.moepress.calibrate.chat;

import com.hubspot.jinjava.util.HasObjectTruthValue;

/// Python's None, which is a value, as opposed to a missing one. No enum, as those are written by
/// their constants' names.
final class PythonNone implements HasObjectTruthValue {
  static final PythonNone NONE = new PythonNone();

  private PythonNone() {}

  @Override
  public boolean getObjectTruthValue() {
    return false;
  }

  @Override
  public String toString() {
    return "None";
  }
}
