package io.moepress.calibrate.corpus;

import java.util.List;
import java.util.Map;

/// One line of a JSONL file, or a whole file of text.
public sealed interface Sample {

  /// A text: `{"text": "..."}`.
  ///
  /// @param text what to read
  record Text(String text) implements Sample {}

  /// A text as token ids: `{"input_ids": [...]}`.
  ///
  /// @param ids token ids; not copied
  record TokenIds(int[] ids) implements Sample {}

  /// A conversation: `{"messages": [{"role": "user", "content": "..."}, ...]}`, which the chat
  /// template of the checkpoint makes a text of.
  ///
  /// @param messages what the template sees of them: maps, lists, texts, numbers, flags and null;
  ///   not copied
  /// @param where file and line, for when the template refuses it
  record Chat(List<Map<String, Object>> messages, String where) implements Sample {}

  /// A multiple-choice question: `{"context": "...", "choices": ["...", ...], "answer": 0}`.
  ///
  /// @param context what comes before each choice
  /// @param choices the continuations
  /// @param answer index of the right one
  record Question(String context, List<String> choices, int answer) implements Sample {
    public Question {
      choices = List.copyOf(choices);
    }
  }
}
