package io.moepress.formats.gguf;

/// Which type each matrix of a file is to have. A tensor that cannot have it gets another one, see
/// [GgufTypes].
public interface TypeRule {

  /// What to call it.
  String label();

  /// What `general.file_type` says; it informs people, no loader asks.
  long fileType();

  /// The type that a matrix is to have.
  GgufType wanted(GgufTensor tensor);

  /// One type for all.
  static TypeRule all(GgufType type) {
    return new All(type);
  }

  /// One type for all.
  record All(GgufType type) implements TypeRule {
    @Override
    public String label() {
      return type.name();
    }

    @Override
    public long fileType() {
      return GgufTypes.fileType(type);
    }

    @Override
    public GgufType wanted(GgufTensor tensor) {
      return type;
    }
  }
}
